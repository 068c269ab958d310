/// A long token text in which the occurrences of a few tokens in a row are found at once.
///
/// A hash table of runs of three tokens leads to the last place of each; from there a chain leads to the places before it.
/// 16 to 24 bytes per token.
public struct TokenIndex: Sendable {
  /// Tokens of a run.
  static let runLength = 3
  /// Places that are looked at for one question.
  private static let mostPlaces = 32
  /// Most tokens of one index: places are 32-bit numbers.
  public static let mostTokens = 1 << 28

  /// The text.
  public let tokens: [Int32]
  private let heads: [Int32]  // by hash: end of the last run with this hash, 0 for none
  private let previous: [Int32]  // by end: end of the run before with the same hash, 0 for none

  /// Indexes `tokens`; of more than `mostTokens` only the last ones.
  public init(_ tokens: [Int32]) {
    let tokens = tokens.count > Self.mostTokens ? Array(tokens.suffix(Self.mostTokens)) : tokens
    var size = 16
    while size < tokens.count { size *= 2 }
    var heads = [Int32](repeating: 0, count: size)
    var previous = [Int32](repeating: 0, count: tokens.count + 1)
    tokens.withUnsafeBufferPointer { text in
      for end in stride(from: Self.runLength, through: text.count, by: 1) {
        let slot = Self.hash(text, endingAt: end) & (size - 1)
        previous[end] = heads[slot]
        heads[slot] = Int32(end)
      }
    }
    self.tokens = tokens
    self.heads = heads
    self.previous = previous
  }

  private static func hash(_ text: UnsafeBufferPointer<Int32>, endingAt end: Int) -> Int {
    var value: UInt64 = 0
    for index in (end - runLength)..<end {
      value = (value ^ UInt64(UInt32(bitPattern: text[index]))) &* 0x9E37_79B9_7F4A_7C15
      value ^= value >> 29
    }
    return Int(truncatingIfNeeded: value >> 1)
  }

  /// The place behind the longest occurrence of what `ending` ends with, among the last places of its last three tokens;
  /// nil where they occur nowhere with something behind them.
  func find(_ ending: UnsafeBufferPointer<Int32>) -> (end: Int, matched: Int)? {
    guard ending.count >= Self.runLength else { return nil }
    var place = heads[Self.hash(ending, endingAt: ending.count) & (heads.count - 1)]
    var best: (end: Int, matched: Int)?
    var looked = 0
    tokens.withUnsafeBufferPointer { text in
      while place > 0, looked < Self.mostPlaces {
        looked += 1
        let end = Int(place)
        if end < text.count {
          let matched = DraftFinder.agreement(ending, text, endingAt: end)
          if matched >= Self.runLength, matched > best?.matched ?? 0 { best = (end, matched) }
        }
        place = previous[end]
      }
    }
    return best
  }
}
