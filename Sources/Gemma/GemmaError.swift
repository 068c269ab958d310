/// What can be wrong with a model or an adapter.
public enum GemmaError: Error, CustomStringConvertible, Sendable {
  /// A configuration key is missing or has a value that the engine cannot serve.
  case configuration(path: String, key: String, problem: String)
  /// A tensor that the architecture needs is not in the file.
  case missingTensor(path: String, name: String)
  /// A tensor has another shape than the configuration says.
  case shape(path: String, name: String, expected: [Int], found: [Int])
  /// A weight matrix cannot be used in the requested form.
  case format(path: String, name: String, problem: String)
  /// An adapter does not belong to the model.
  case adapter(path: String, problem: String)
  /// A vocabulary shortlist does not belong to the model.
  case shortlist(path: String, problem: String)
  /// More positions than the model or the cache has.
  case contextOverflow(positions: Int, limit: Int)
  /// A token id beyond the vocabulary.
  case token(id: Int32, vocabularySize: Int)

  /// One line: what, where, and what to do.
  public var description: String {
    switch self {
    case .configuration(let path, let key, let problem): "\(path): \(key) \(problem)"
    case .missingTensor(let path, let name):
      "\(path): tensor \(name) is missing; the file is not a complete Gemma text model"
    case .shape(let path, let name, let expected, let found):
      "\(path): tensor \(name) has shape \(found), the configuration asks for \(expected)"
    case .format(let path, let name, let problem): "\(path): tensor \(name) \(problem)"
    case .adapter(let path, let problem): "\(path): \(problem)"
    case .shortlist(let path, let problem):
      "\(path): its vocabulary shortlist \(problem); learn it again with gemfill model shortlist"
    case .contextOverflow(let positions, let limit):
      "\(positions) tokens do not fit the context of \(limit); shorten the prompt"
    case .token(let id, let size): "token \(id) is outside the vocabulary of \(size)"
    }
  }
}
