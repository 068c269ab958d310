/// Syntax rules for text that is being inserted at a cursor: where it may end, and whether it is finished.
///
/// Both questions take what stands before and behind the cursor as bytes, and look only at the nearer part of it.
public struct CompletionSyntax: Sendable {
  let language: Language?
  /// How much text before the cursor `clip` looks at.
  static let prefixWindow = 12_000
  /// How much text behind the cursor `clip` looks at.
  static let suffixWindow = 6_000
  /// What is tried as the contents of a hole, from nothing to a call statement.
  static let placeholders: [[UInt8]] = ["", "__hole__", "__hole__;", "__hole__()"].map { Array($0.utf8) }

  /// Rules for a language; without one, only brackets are looked at.
  public init(language: Language?) {
    self.language = language
  }

  /// Number of bytes of `completion` to keep.
  ///
  /// The longest beginning that ends at a line border, or at a token border of its first line, and adds no ERROR or
  /// MISSING node to the text around it, compared with the best repair of the hole; 0 when there is none.
  public func clip(prefix: [UInt8], completion: [UInt8], suffix: [UInt8]) -> Int {
    guard !Blank.isBlank(completion) else { return 0 }
    let before = Self.tail(prefix, Self.prefixWindow)
    let after = Self.head(suffix, Self.suffixWindow)
    let cuts = Self.cuts(of: completion, suffix: suffix)
    let kept = language?.withParser { parser in
      Self.longestSound(parser: parser, before: before, completion: completion, after: after, cuts: cuts)
    }
    return kept ?? Self.longestBalanced(completion, cuts: cuts)
  }

  /// True when what stood open at the cursor is finished by `generated`, so that generation can stop.
  ///
  /// Meant to be called after every token: it answers at once unless a line or a bracket has just ended. It may miss
  /// an end (the model's own end token is the better judge), but does not stop inside a statement.
  public func nodeIsComplete(prefix: [UInt8], generated: [UInt8], suffix: [UInt8]) -> Bool {
    CompletionBorder.isPlausible(generated)
      && CompletionBorder(language: language, prefix: prefix, generated: generated, suffix: suffix)
        .isComplete()
  }

  private static func longestSound(
    parser: OpaquePointer, before: [UInt8], completion: [UInt8], after: [UInt8], cuts: [Int]
  ) -> Int? {
    guard let source = EditedSource(parser: parser, bytes: before + after) else { return nil }
    let hole = before.count
    var allowed = Int.max
    var filled = 0
    for placeholder in placeholders where allowed > 0 {
      guard placeholder.isEmpty || source.replace(hole..<hole + filled, with: placeholder) else { return nil }
      filled = placeholder.count
      allowed = min(allowed, source.badness(local: hole..<hole + filled))
    }
    for cut in cuts {
      guard source.replace(hole..<hole + filled, with: completion[..<cut]) else { return nil }
      filled = cut
      if source.badness(local: hole..<hole + filled) <= allowed { return cut }
    }
    return 0
  }

  /// Without a grammar: the longest cut that closes no bracket it did not open.
  private static func longestBalanced(_ completion: [UInt8], cuts: [Int]) -> Int {
    var depth = 0
    var limit = completion.count
    for lexeme in PlainLexer.lexemes(of: completion, from: 0) {
      if case .open = lexeme.kind { depth += 1 }
      if case .close = lexeme.kind { depth -= 1 }
      if depth < 0 {
        limit = lexeme.range.lowerBound
        break
      }
    }
    return cuts.first { $0 <= limit } ?? 0
  }

  /// Places where a completion may end, longest first.
  static func cuts(of completion: [UInt8], suffix: [UInt8]) -> [Int] {
    let suffixStartsLine = suffix.first == nil || suffix.first == 0x0A || suffix.first == 0x0D
    var lineCuts: [Int] = []
    var tokenCuts: [Int] = []
    var isFirstLine = true
    for index in 1...completion.count {
      let ended = index == completion.count
      let previous = completion[index - 1]
      if ended || completion[index] == 0x0A {
        if !Blank.isBlank(completion[..<index]) { lineCuts.append(index) }
        if !ended, !suffixStartsLine, !Blank.isBlank(completion[..<index]) { lineCuts.append(index + 1) }
        if !Blank.isBlank(completion[..<index]) { isFirstLine = false }
      } else if isFirstLine, !Blank.isSpace(previous),
        !(Blank.isWord(previous) && Blank.isWord(completion[index]))
      {
        tokenCuts.append(index)
      }
    }
    let lines = lineCuts.count > 16 ? lineCuts.prefix(8) + lineCuts.suffix(8) : lineCuts[...]
    var seen: Set<Int> = []
    return (lines.reversed() + tokenCuts.suffix(24).reversed()).filter { seen.insert($0).inserted }
  }

  /// The last `limit` bytes, from a line border on.
  static func tail(_ bytes: [UInt8], _ limit: Int) -> [UInt8] {
    guard bytes.count > limit else { return bytes }
    let from = Blank.lineEnd(in: bytes, from: bytes.count - limit)
    return from < bytes.count ? Array(bytes[(from + 1)...]) : Array(bytes.suffix(limit))
  }

  /// The first `limit` bytes, up to a line border.
  static func head(_ bytes: [UInt8], _ limit: Int) -> [UInt8] {
    guard bytes.count > limit else { return bytes }
    let end = Blank.lineStart(in: bytes, before: limit)
    return Array(bytes[..<(end > 0 ? end : limit)])
  }
}
