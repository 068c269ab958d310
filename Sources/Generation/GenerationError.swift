/// What can go wrong between a request and its tokens.
public enum GenerationError: Error, CustomStringConvertible, Sendable {
  /// The vocabulary has no fill-in-the-middle tokens.
  case noInfillTokens(model: String)
  /// An adapter was trained with other marks for the parts of a prompt.
  case otherInfillTokens(adapter: String, trained: String, here: String)
  /// The vocabulary has more pieces than the model has embedding rows.
  case vocabularyTooLarge(model: String, pieces: Int, rows: Int)
  /// The named adapter is not loaded.
  case unknownAdapter(String)
  /// A decoding option has a value that means nothing.
  case option(name: String, problem: String)
  /// A snapshot is sound but not of this engine's model, adapters or limits.
  case snapshot(path: String, problem: String)
  /// A request without a single prompt token.
  case emptyPrompt

  /// One line: what, where, and what to do.
  public var description: String {
    switch self {
    case .noInfillTokens(let model):
      "\(model): the vocabulary has no <|fim_prefix|>, <|fim_suffix|>, <|fim_middle|> and no four <unusedN> that could stand for them; choose another base"
    case .otherInfillTokens(let adapter, let trained, let here):
      "\(adapter) was trained with \(trained), and the base is served with \(here); train it again on this base"
    case .vocabularyTooLarge(let model, let pieces, let rows):
      "\(model): the vocabulary has \(pieces) pieces, the model \(rows) embedding rows; they do not belong together"
    case .unknownAdapter(let name): "adapter \(name) is not loaded; see gemfill adapter list"
    case .option(let name, let problem): "\(name) \(problem)"
    case .snapshot(let path, let problem): "\(path): \(problem); the prompt is evaluated again without it"
    case .emptyPrompt: "the prompt has no tokens; begin it with the begin token"
    }
  }
}
