import Corpus
import Syntax

/// What a piece of text is, by its length, its syntax and its place: the same judge for what people inserted and for
/// what the carver cuts.
///
/// The range is judged without white space at its ends. When it begins inside a word, its syntax is judged from the
/// word's start: the beginning of the word counts as typed, and `cursor` says so. The first that fits is the class:
///
/// 1. I: only imports.
/// 2. S: the whole body of a function, or all that stands before the body.
/// 3. N: exactly one node.
/// 4. B: several statements, on more than one line, up to the end of their block.
/// 5. R: exactly a run of siblings, separators and brackets included.
/// 6. L: within a line, with nothing but closing brackets and punctuation behind it.
/// 7. C: everything else.
public struct InsertionClass: Sendable, Hashable {
  /// One of I, S, N, B, R, L and C.
  public let kind: FIMExample.Kind
  /// Length of the visible text.
  public let length: HoleLength
  /// What stands before the text.
  public let cursor: Cursor
  /// What stands behind it.
  public let right: RightSide
  /// How its ends fit the syntax.
  public let alignment: Alignment

  /// What stands before an insertion.
  public enum Cursor: String, Sendable, Codable, CaseIterable {
    /// Nothing but indentation.
    case lineStart = "line start"
    /// The beginning of a word that the insertion goes on with.
    case insideWord = "inside a word"
    /// A name, with or without a space.
    case afterName = "after a name"
    /// A keyword and a space.
    case afterKeyword = "after a keyword"
    /// `(`.
    case openParenthesis = "after ("
    /// `[` or `{`.
    case openBracket = "after [ {"
    /// `= ` or `:= `.
    case assignment = "after ="
    /// `.`, `->` or `::`.
    case member = "after ."
    /// `, `.
    case comma = "after ,"
    /// `: ` or `-> `.
    case colon = "after :"
    /// A quote.
    case quote = "after a quote"
    /// Another character.
    case other
  }

  /// What stands behind an insertion, in its last line.
  public enum RightSide: String, Sendable, Codable, CaseIterable {
    /// Nothing.
    case nothing
    /// Closing brackets, commas, colons and semicolons.
    case closers
    /// Anything else.
    case code
  }

  /// How an insertion fits the syntax.
  public enum Alignment: String, Sendable, Codable, CaseIterable {
    /// Exactly one node.
    case node = "one node"
    /// Exactly a run of siblings.
    case run = "sibling run"
    /// One end is the border of a node.
    case oneSide = "one side"
    /// Neither end is.
    case none
  }

  /// Judges a range of a part of a file; nil when nothing in it is visible, or when it leaves the part.
  public static func classify(
    _ range: Range<Int>, in part: ParsedPart, source: [UInt8], lines: LineIndex
  ) -> InsertionClass? {
    InsertionJudge(part: part, source: source, lines: lines).judge(range)
  }
}

/// Judges ranges of one part.
struct InsertionJudge {
  let part: ParsedPart
  let source: [UInt8]
  let lines: LineIndex

  func judge(_ range: Range<Int>) -> InsertionClass? {
    let visible = Blanks.trimmed(range.clamped(to: 0..<source.count), of: source)
    guard !visible.isEmpty, part.range.lowerBound <= visible.lowerBound,
      part.range.upperBound >= visible.upperBound, part.owns(visible)
    else { return nil }
    let lineCount = lines.line(at: visible.upperBound - 1) - lines.line(at: visible.lowerBound) + 1
    let start = wordStart(visible.lowerBound)
    let fit = SyntaxFit(start..<visible.upperBound, in: part.tree, source: source)
    let right = rightSide(of: visible.upperBound)
    var kind = fit.kind(lineCount: lineCount)
    if kind == nil { kind = lineCount == 1 && right != .code ? .lineTail : .characterSpan }
    return InsertionClass(
      kind: kind ?? .characterSpan, length: HoleLength(bytes: visible.count, lines: lineCount),
      cursor: cursor(at: visible.lowerBound), right: right, alignment: fit.alignment)
  }

  private func wordStart(_ place: Int) -> Int {
    guard Blanks.isWord(source[place]) else { return place }
    var start = place
    while start > 0, Blanks.isWord(source[start - 1]) { start -= 1 }
    return start
  }

  private func rightSide(of end: Int) -> InsertionClass.RightSide {
    var isEmpty = true
    for byte in source[end...] {
      if byte == 0x0A { break }
      if Blanks.isSpace(byte) { continue }
      guard Blanks.isCloser(byte) || ",;:{".utf8.contains(byte) else { return .code }
      isEmpty = false
    }
    return isEmpty ? .nothing : .closers
  }

  private func cursor(at place: Int) -> InsertionClass.Cursor {
    let lineStart = lines.starts[lines.line(at: place)]
    var before = place
    while before > lineStart, source[before - 1] == 0x20 || source[before - 1] == 0x09 { before -= 1 }
    guard before > lineStart else { return .lineStart }
    let last = source[before - 1]
    let previous = before - 1 > lineStart ? source[before - 2] : 0x20
    if Blanks.isWord(last) {
      if before == place { return Blanks.isWord(source[place]) ? .insideWord : .afterName }
      var start = before
      while start > lineStart, Blanks.isWord(source[start - 1]) { start -= 1 }
      return TriggerPoints.isKeyword(source[start..<before]) ? .afterKeyword : .afterName
    }
    switch last {
    case UInt8(ascii: "("): return .openParenthesis
    case UInt8(ascii: "["), UInt8(ascii: "{"): return .openBracket
    case UInt8(ascii: "="): return "=!<>".utf8.contains(previous) ? .other : .assignment
    case UInt8(ascii: "."): return .member
    case UInt8(ascii: ","): return .comma
    case UInt8(ascii: ":"): return previous == last ? .member : .colon
    case UInt8(ascii: ">"):
      return previous == UInt8(ascii: "-") ? (before < place ? .colon : .member) : .other
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): return .quote
    default: return .other
    }
  }
}
