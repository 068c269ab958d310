/// The bytes around a cursor that a model is shown.
///
/// The start of the prefix moves in hops at line borders: it depends on the text far above the cursor only, so that
/// typing leaves it where it is and the prompt of the next keystroke begins with the whole prompt of the last one. The
/// end of the suffix is a line border counted from the cursor, so that typing leaves the suffix alone too. A window
/// that is kept (`WindowMemory`) may grow by `slackBytes` before its start has to hop.
public struct ContextWindow: Sendable, Equatable {
  /// How much text a window may hold.
  public struct Limits: Sendable, Equatable {
    /// Most bytes before the cursor.
    public var prefixBytes: Int
    /// Most bytes behind the cursor.
    public var suffixBytes: Int
    /// Most tokens before the cursor, by estimate: dense text gets a smaller window.
    public var prefixTokens: Int
    /// Most tokens behind the cursor, by estimate.
    public var suffixTokens: Int
    /// Bytes that a kept window may have more than `prefixBytes`.
    public var slackBytes = 500
    /// Tokens that a kept window may have more than `prefixTokens`, by estimate.
    public var slackTokens = 60

    /// Creates limits; the defaults are those of the windows that examples are carved with.
    public init(
      prefixBytes: Int = 1_700, suffixBytes: Int = 560, prefixTokens: Int = 690, suffixTokens: Int = 235
    ) {
      self.prefixBytes = max(prefixBytes, 0)
      self.suffixBytes = max(suffixBytes, 0)
      self.prefixTokens = max(prefixTokens, 0)
      self.suffixTokens = max(suffixTokens, 0)
    }
  }

  /// Byte range of the text before the cursor; ends at the cursor.
  public let prefix: Range<Int>
  /// Byte range of the text behind the cursor; starts at the cursor.
  public let suffix: Range<Int>

  /// Chooses the window. `cursor` must lie in `0...text.count`.
  public init(text: [UInt8], cursor: Int, limits: Limits = Limits()) {
    precondition(cursor >= 0 && cursor <= text.count, "cursor \(cursor) outside the text")
    prefix = Self.prefixStart(text, cursor: cursor, limits: limits)..<cursor
    suffix = cursor..<Self.suffixEnd(text, cursor: cursor, limits: limits)
  }

  /// The window that starts at `start`, when it is not yet too large.
  init?(text: [UInt8], cursor: Int, start: Int, limits: Limits) {
    guard start >= 0, start <= cursor, cursor - start <= limits.prefixBytes + limits.slackBytes else {
      return nil
    }
    var budget = (limits.prefixTokens + limits.slackTokens) * 100
    var previous: UInt8 = 0
    for byte in text[start..<cursor] {
      budget -= Self.tokenHundredths(byte, after: previous)
      previous = byte
    }
    guard budget >= 0 else { return nil }
    prefix = start..<cursor
    suffix = cursor..<Self.suffixEnd(text, cursor: cursor, limits: limits)
  }

  private static func prefixStart(_ text: [UInt8], cursor: Int, limits: Limits) -> Int {
    var lowest = cursor
    var budget = limits.prefixTokens * 100
    while lowest > 0, cursor - lowest < limits.prefixBytes {
      budget -= tokenHundredths(text[lowest - 1], after: lowest > 1 ? text[lowest - 2] : 0)
      guard budget >= 0 else { break }
      lowest -= 1
    }
    guard lowest > 0 else { return 0 }
    let distance = cursor - lowest
    let hop = distance >= 1_024 ? 512 : distance >= 256 ? 128 : 16
    let start = (lowest + hop - 1) / hop * hop
    guard start < cursor else { return Bytes.scalarBorder(text, atOrAfter: lowest, before: cursor) }
    for index in start..<min(start + hop, cursor) where text[index - 1] == Bytes.newline { return index }
    return Bytes.scalarBorder(text, atOrAfter: start, before: cursor)
  }

  private static func suffixEnd(_ text: [UInt8], cursor: Int, limits: Limits) -> Int {
    var highest = cursor
    var budget = limits.suffixTokens * 100
    while highest < text.count, highest - cursor < limits.suffixBytes {
      budget -= tokenHundredths(text[highest], after: highest > cursor ? text[highest - 1] : 0)
      guard budget >= 0 else { break }
      highest += 1
    }
    guard highest < text.count else { return highest }
    var index = highest
    while index > cursor, text[index - 1] != Bytes.newline { index -= 1 }
    return index > cursor ? index : Bytes.scalarBorder(text, atOrBefore: highest, after: cursor)
  }

  /// Upper estimate, in hundredths of a token, of what a byte costs: digits are single tokens, bytes outside ASCII
  /// may be, words come in groups of about four small letters, runs of white space are one piece.
  static func tokenHundredths(_ byte: UInt8, after previous: UInt8) -> Int {
    switch byte {
    case 0x80..., Bytes.zero...Bytes.nine: 100
    case Bytes.upperA...Bytes.upperZ: 75
    case _ where Bytes.isIdentifier(byte): (Bytes.upperA...Bytes.upperZ).contains(previous) ? 50 : 28
    case Bytes.space, Bytes.tab: previous == byte || Bytes.isIdentifier(previous) ? 4 : 30
    default: 65
    }
  }
}
