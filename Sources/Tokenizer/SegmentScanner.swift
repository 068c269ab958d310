/// What a text is cut into before anything is merged.
struct Segment {
  let range: Range<Int>
  /// The token of a piece that is taken whole; `word` or `brokenByte` otherwise.
  let token: Int32

  /// The token of a segment that merging encodes.
  static let word: Int32 = -1
  /// The token of a byte that belongs to no valid character.
  static let brokenByte: Int32 = -2
}

/// How a text is cut into segments.
struct SegmentRules: Sendable {
  /// Pieces that are taken whole wherever they stand.
  var wholes: PrefixTrie
  /// Neighbours that a word may hold.
  var joins: JoinTable

  /// How many bytes behind the beginning of a segment may have decided where the segments before it end.
  ///
  /// A segment ends where the next character must not join it, which takes at most four bytes to see, or where a whole
  /// piece begins, which takes as many bytes as the longest of them has, and two more to tell `▁` from other characters.
  var lookahead: Int { max(4, wholes.longestPiece + 2) }
}

/// Cuts a text into segments from left to right.
///
/// Where a segment begins, the scanner remembers nothing: the segments that follow depend on the bytes from there on
/// and on nothing else. That is what re-encoding after an edit rests upon.
struct SegmentScanner {
  private let text: UnsafeBufferPointer<UInt8>
  private let rules: SegmentRules
  private(set) var position: Int

  /// No segment is longer, so that positions within it fit into 32 bits even with `▁` for each space.
  private static let longestWord = 1 << 29

  init(_ text: UnsafeBufferPointer<UInt8>, _ rules: SegmentRules, from position: Int = 0) {
    self.text = text
    self.rules = rules
    self.position = position
  }

  /// The next segment; `nil` at the end of the text.
  @inline(__always)
  mutating func next() -> Segment? {
    guard position < text.count else { return nil }
    let start = position
    if rules.wholes.mayMatch(text, at: start), let match = rules.wholes.longestMatch(in: text, at: start) {
      position += match.count
      return Segment(range: start..<position, token: match.token)
    }
    guard let first = UTF8Scanner.validLength(text, at: start) else {
      position += 1
      return Segment(range: start..<position, token: Segment.brokenByte)
    }
    var previous = JoinTable.characterClass(text, start, first)
    var end = start + first
    while end < text.count, end - start < Self.longestWord {
      let count: Int
      if text[end] < 0x80 {
        count = 1
      } else {
        guard let valid = UTF8Scanner.validLength(text, at: end) else { break }
        count = valid
      }
      let next = JoinTable.characterClass(text, end, count)
      guard rules.joins.mayJoin(previous, next) else { break }
      if rules.wholes.mayMatch(text, at: end), rules.wholes.longestMatch(in: text, at: end) != nil { break }
      previous = next
      end += count
    }
    position = end
    return Segment(range: start..<end, token: Segment.word)
  }
}
