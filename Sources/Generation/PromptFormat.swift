import Tokenizer

/// Turns the text around a hole into token ids, the same way for training, evaluation and serving.
///
///     bos [snippet path \n snippet text <|file_separator|>]… path \n <|fim_prefix|> prefix <|fim_suffix|> suffix <|fim_middle|>
///     bos [snippet path \n snippet text <|file_separator|>]… path \n <|fim_prefix|> <|fim_suffix|> suffix <|fim_middle|> prefix
///
/// No spaces or line ends stand around the marks. Snippets of other files come first, so that they stay in place while
/// somebody types.
public struct PromptFormat: Sendable {
  /// A prompt with its middle and end token behind it.
  public struct Sequence: Sendable {
    /// All ids, the begin token first, the end token last.
    public var tokens: [Int32]
    /// Index behind the snippets of other files: of the file's path line.
    public var contextEnd: Int
    /// Index of the first token behind the prompt.
    public var middleStart: Int
    /// Index of the first token that holds a byte of the middle: behind `middleStart` where the middle's tokens begin with a
    /// word that stands before the hole.
    public var newStart: Int
  }

  /// The vocabulary; no text becomes one of the marks.
  public let tokenizer: Tokenizer
  /// The marks.
  public let marks: FIMTokens
  /// Stands behind each snippet where the vocabulary has no file separator.
  static let plainSeparator: [UInt8] = [0x0A, 0x0A]

  /// Takes the marks from the vocabulary (`FIMTokens.resolve`), unless they are given.
  ///
  /// - Throws: `GenerationError.noInfillTokens`.
  public init(_ tokenizer: Tokenizer, model: String, marks: FIMTokens? = nil) throws(GenerationError) {
    guard let marks = marks ?? FIMTokens.resolve(tokenizer) else { throw .noInfillTokens(model: model) }
    self.marks = marks
    self.tokenizer = marks.reserved(in: tokenizer)
  }

  /// Ids that carry the format and never count for the loss.
  public var sentinels: Set<Int32> {
    var ids: Set<Int32> = [tokenizer.beginToken, marks.prefix.id, marks.suffix.id, marks.middle.id]
    if let separator = marks.fileSeparator { ids.insert(separator.id) }
    return ids
  }

  /// Ids at which generation ends.
  public var stopTokens: Set<Int32> { sentinels.union([tokenizer.endToken]) }

  /// The last three components of `path`, and a newline; nothing for an empty path.
  static func line(path: String) -> [UInt8] {
    path.isEmpty ? [] : Array((path.split(separator: "/").suffix(3).joined(separator: "/") + "\n").utf8)
  }

  /// The text of a snippet as it is encoded, its file separator apart.
  func text(of snippet: PromptSnippet) -> [UInt8] {
    Self.line(path: snippet.path) + snippet.text + (marks.fileSeparator == nil ? Self.plainSeparator : [])
  }

  /// `bos`, the snippets, the last three components of `path`, and a newline. An empty path gives no line.
  public func head(path: String, context: [PromptSnippet] = []) -> [Int32] {
    head(path: path, context: context.map { tokenizer.encode(text(of: $0)) })
  }

  /// The same of snippets that are encoded already.
  func head(path: String, context: [[Int32]]) -> [Int32] {
    self.context(context) + tokenizer.encode(Self.line(path: path))
  }

  /// `bos` and the snippets.
  private func context(_ snippets: [[Int32]]) -> [Int32] {
    var tokens = [tokenizer.beginToken]
    for snippet in snippets {
      tokens += snippet
      if let separator = marks.fileSeparator { tokens.append(separator.id) }
    }
    return tokens
  }

  /// The ids up to where the middle begins.
  public func prompt(
    path: String, context: [PromptSnippet] = [], prefix: [UInt8], suffix: [UInt8], order: PromptOrder
  ) -> [Int32] {
    prompt(
      head: head(path: path, context: context), prefix: tokenizer.encode(prefix),
      suffix: tokenizer.encode(suffix), order: order)
  }

  /// The same of texts that are encoded already.
  func prompt(head: [Int32], prefix: [Int32], suffix: [Int32], order: PromptOrder) -> [Int32] {
    switch order {
    case .prefixFirst: head + [marks.prefix.id] + prefix + [marks.suffix.id] + suffix + [marks.middle.id]
    case .suffixFirst: head + [marks.prefix.id, marks.suffix.id] + suffix + [marks.middle.id] + prefix
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
  /// With `.separate` the prompt is `prompt`, with `.healed` that of a request that heals.
  public func sequence(
    path: String, context: [PromptSnippet] = [], prefix: [UInt8], middle: [UInt8], suffix: [UInt8],
    order: PromptOrder, seam: Seam = .separate
  ) -> Sequence {
    let snippets = self.context(context.map { tokenizer.encode(text(of: $0)) })
    let head = snippets + tokenizer.encode(Self.line(path: path))
    let suffix = tokenizer.encode(suffix)
    var shown: [Int32]
    var filled: [Int32]
    var known = 0  // bytes with which `filled` begins that stand before the hole
    switch seam {
    case .joint where order == .suffixFirst:
      let text = tokenizer.encode(prefix + middle)
      var bytes = 0
      let border = text.firstIndex { token in
        let count = tokenizer.bytes(of: token).count
        if bytes + count > prefix.count { return true }
        bytes += count
        return false
      }
      shown = Array(text[..<(border ?? text.count)])
      filled = Array(text[(border ?? text.count)...])
    case .joint, .separate:
      shown = tokenizer.encode(prefix)
      filled = tokenizer.encode(middle)
    case .healed:
      let (rest, requiredStart) = healed(tokenizer.encode(prefix))
      shown = rest
      filled = tokenizer.encode(requiredStart + middle)
      known = requiredStart.count
    }
    let prompt = prompt(head: head, prefix: shown, suffix: suffix, order: order)
    var newStart = prompt.count
    for token in filled {
      known -= tokenizer.bytes(of: token).count
      if known < 0 { break }
      newStart += 1
    }
    return Sequence(
      tokens: prompt + filled + [tokenizer.endToken], contextEnd: snippets.count, middleStart: prompt.count,
      newStart: newStart)
  }

  /// A plain document for left-to-right training.
  public func document(path: String, context: [PromptSnippet] = [], text: [UInt8]) -> Sequence {
    let snippets = self.context(context.map { tokenizer.encode(self.text(of: $0)) })
    let head = snippets + tokenizer.encode(Self.line(path: path))
    return Sequence(
      tokens: head + tokenizer.encode(text) + [tokenizer.endToken], contextEnd: snippets.count,
      middleStart: head.count, newStart: head.count)
  }
}
