import Tokenizer

/// Turns the text around a hole into token ids, the same way for training, evaluation and serving.
public struct PromptFormat: Sendable {
  /// A prompt with its middle and end token behind it.
  public struct Sequence: Sendable {
    /// All ids, the begin token first, the end token last.
    public var tokens: [Int32]
    /// Index of the first token of the middle.
    public var middleStart: Int
  }

  /// The vocabulary.
  public let tokenizer: Tokenizer
  private let fimPrefix: Int32
  private let fimSuffix: Int32
  private let fimMiddle: Int32

  /// Takes the FIM tokens from the vocabulary.
  ///
  /// - Throws: `GenerationError.noInfillTokens`.
  public init(_ tokenizer: Tokenizer, model: String) throws(GenerationError) {
    guard let prefix = tokenizer.fimPrefix, let suffix = tokenizer.fimSuffix, let middle = tokenizer.fimMiddle
    else { throw .noInfillTokens(model: model) }
    self.tokenizer = tokenizer
    fimPrefix = prefix
    fimSuffix = suffix
    fimMiddle = middle
  }

  /// Ids that carry the format and never count for the loss.
  public var sentinels: Set<Int32> { [tokenizer.beginToken, fimPrefix, fimSuffix, fimMiddle] }

  /// Ids at which generation ends.
  public var stopTokens: Set<Int32> {
    var stops: Set<Int32> = [tokenizer.endToken, fimPrefix, fimSuffix, fimMiddle, tokenizer.beginToken]
    if let separator = tokenizer.fileSeparator { stops.insert(separator) }
    return stops
  }

  /// `bos`, the last three components of `path`, and a newline. An empty path gives `bos` alone.
  public func head(path: String) -> [Int32] {
    guard !path.isEmpty else { return [tokenizer.beginToken] }
    let line = path.split(separator: "/").suffix(3).joined(separator: "/") + "\n"
    return [tokenizer.beginToken] + tokenizer.encode(line)
  }

  /// The ids up to where the middle begins.
  public func prompt(path: String, prefix: [UInt8], suffix: [UInt8], order: PromptOrder) -> [Int32] {
    prompt(path: path, prefix: tokenizer.encode(prefix), suffix: tokenizer.encode(suffix), order: order)
  }

  /// The same of texts that are encoded already.
  func prompt(path: String, prefix: [Int32], suffix: [Int32], order: PromptOrder) -> [Int32] {
    switch order {
    case .prefixFirst: head(path: path) + [fimPrefix] + prefix + [fimSuffix] + suffix + [fimMiddle]
    case .suffixFirst: head(path: path) + [fimPrefix, fimSuffix] + suffix + [fimMiddle] + prefix
    }
  }

  /// Most tokens that are cut off a prompt to heal it.
  static let mostHealedTokens = 4

  /// What is left of the tokens of a prefix to heal it, and the bytes with which the middle has to begin instead.
  ///
  /// The word in which the cursor stands is cut off: whole tokens, back to one that begins with a space, a tab or a line
  /// end, at most four. The model then chooses the tokens of the finished word, which it knows from training, and not those
  /// with which some stump of it is written.
  func healed(_ prefix: [Int32]) -> (prefix: [Int32], requiredStart: [UInt8]) {
    var keep = prefix.count
    while keep > 0, prefix.count - keep < Self.mostHealedTokens {
      keep -= 1
      let first = tokenizer.bytes(of: prefix[keep]).first
      if first == 0x20 || first == 0x09 || first == 0x0A { break }
    }
    return (Array(prefix[..<keep]), prefix[keep...].flatMap { tokenizer.bytes(of: $0) })
  }

  /// Prompt, middle and end token for training.
  ///
  /// `jointly` (suffix-first only) encodes prefix and middle as one text; the token that crosses the border, if any,
  /// belongs to the middle.
  public func sequence(
    path: String, prefix: [UInt8], middle: [UInt8], suffix: [UInt8], order: PromptOrder, jointly: Bool = false
  ) -> Sequence {
    guard jointly, order == .suffixFirst else {
      let prompt = prompt(path: path, prefix: prefix, suffix: suffix, order: order)
      return Sequence(
        tokens: prompt + tokenizer.encode(middle) + [tokenizer.endToken], middleStart: prompt.count)
    }
    var tokens = prompt(path: path, prefix: [], suffix: suffix, order: .suffixFirst)
    let text = tokenizer.encode(prefix + middle)
    var bytes = 0
    var start = tokens.count
    for token in text {
      bytes += tokenizer.bytes(of: token).count
      if bytes > prefix.count { break }
      start += 1
    }
    tokens += text + [tokenizer.endToken]
    return Sequence(tokens: tokens, middleStart: start)
  }

  /// A plain document for left-to-right training.
  public func document(path: String, text: [UInt8]) -> [Int32] {
    head(path: path) + tokenizer.encode(text) + [tokenizer.endToken]
  }
}
