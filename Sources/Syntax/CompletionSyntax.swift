/// Syntax rules for text that is being inserted at a cursor: where it may end, and whether it is finished.
///
/// Both questions take what stands before and behind the cursor as bytes, and look only at the nearer part of it.
public struct CompletionSyntax: Sendable {
  let language: Language?
  /// How much text before the cursor `clip` looks at.
  static let prefixWindow = 6_000
  /// How much text behind the cursor `clip` looks at.
  static let suffixWindow = 3_000
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
    CompletionBorder.isPlausible(generated, language: language)
      && CompletionBorder(language: language, prefix: prefix, generated: generated, suffix: suffix)
        .isComplete()
  }

  private static func longestSound(
    parser: OpaquePointer, before: [UInt8], completion: [UInt8], after: [UInt8], cuts: [Int]
  ) -> Int? {
    guard let source = EditedSource(parser: parser, bytes: before + completion + after) else { return nil }
    let hole = before.count
    var filled = completion.count
    // The usual case: everything is sound, and no repair needs to be looked for.
    if source.badness(local: hole..<hole + filled) == 0 { return completion.count }
    var allowed = Int.max
    for placeholder in placeholders where allowed > 0 {
      guard source.replace(hole..<hole + filled, with: placeholder) else { return nil }
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

  /// About the last `limit` bytes, from a place on where a definition is likely to begin.
  static func tail(_ bytes: [UInt8], _ limit: Int) -> [UInt8] {
    guard bytes.count > limit else { return bytes }
    let from = bytes.count - limit
    return Array(bytes[(outermostLine(in: bytes, from..<(from + limit / 2)) ?? from)...])
  }

  /// About the first `limit` bytes, up to a place where a definition is likely to begin.
  static func head(_ bytes: [UInt8], _ limit: Int) -> [UInt8] {
    guard bytes.count > limit else { return bytes }
    return Array(bytes[..<(outermostLine(in: bytes, (limit / 2)..<limit, takesLast: true) ?? limit)])
  }

  /// The start of the line with the smallest indentation, preferably behind a blank one: a cut there is least likely
  /// to be inside a string, a comment or a bracket.
  private static func outermostLine(in bytes: [UInt8], _ range: Range<Int>, takesLast: Bool = false) -> Int? {
    var best: (start: Int, rank: Int)?
    var wasBlank = false
    var start = Blank.lineEnd(in: bytes, from: range.lowerBound) + 1
    while start < range.upperBound {
      let end = Blank.lineEnd(in: bytes, from: start)
      let line = bytes[start..<end]
      if Blank.isBlank(line) {
        wasBlank = true
      } else {
        let first = line.first { !Blank.isSpace($0) } ?? 0
        let opens = Blank.isWord(first) || "@#/[(".utf8.contains(first)
        let rank = 4 * Blank.indentation(line) + (wasBlank ? 0 : 2) + (opens ? 0 : 1)
        if best.map({ rank < $0.rank || (takesLast && rank == $0.rank) }) ?? true { best = (start, rank) }
        wasBlank = false
      }
      start = end + 1
    }
    return best?.start
  }
}
