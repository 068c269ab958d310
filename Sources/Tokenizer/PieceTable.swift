/// Finds the token of a byte string in constant time; open addressing over one array.
struct PieceTable: Sendable {
  /// The upper half of the hash and the token; −1 where nothing lies.
  private var slots: [UInt64]
  private let hash = ByteHash()
  /// No piece is longer, so that longer strings need not be looked up.
  private(set) var longestPiece = 0
  /// The first token whose piece another token has already.
  private(set) var repeated: Int32?

  private static let empty = UInt64.max

  /// A table of the pieces for which `isIncluded` is true; of equal pieces the first counts.
  init(_ vocabulary: Vocabulary, where isIncluded: (Int) -> Bool) {
    var capacity = 16
    while capacity < 2 * vocabulary.count { capacity *= 2 }
    slots = [UInt64](repeating: Self.empty, count: capacity)
    vocabulary.withText { text in
      for token in 0..<vocabulary.count where isIncluded(token) {
        let range = vocabulary.range(of: token)
        guard !range.isEmpty else { continue }
        longestPiece = max(longestPiece, range.count)
        let (slot, tag, found) = find(UnsafeBufferPointer(rebasing: text[range]), vocabulary, text)
        if found == nil { slots[slot] = tag | UInt64(token) } else { repeated = repeated ?? Int32(token) }
      }
    }
  }

  /// The token whose piece is `bytes`; `text` is the text of the vocabulary.
  @inline(__always)
  func token(
    _ bytes: UnsafeBufferPointer<UInt8>, _ vocabulary: borrowing Vocabulary,
    _ text: UnsafeBufferPointer<UInt8>
  ) -> Int32? {
    bytes.count > longestPiece ? nil : find(bytes, vocabulary, text).token
  }

  @inline(__always)
  private func find(
    _ bytes: UnsafeBufferPointer<UInt8>, _ vocabulary: borrowing Vocabulary,
    _ text: UnsafeBufferPointer<UInt8>
  ) -> (slot: Int, tag: UInt64, token: Int32?) {
    let value = hash(bytes)
    // The top bit stays clear, so that no entry looks like an empty slot.
    let tag = value & 0x7FFF_FFFF_0000_0000
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: value) & mask
    // At most half of the slots are taken, so an empty one ends the search.
    while slots[slot] != Self.empty {
      if slots[slot] & 0xFFFF_FFFF_0000_0000 == tag {
        let token = Int32(truncatingIfNeeded: slots[slot])
        let range = vocabulary.range(of: Int(token))
        if range.count == bytes.count, Self.areEqual(text, at: range.lowerBound, bytes) {
          return (slot, tag, token)
        }
      }
      slot = (slot + 1) & mask
    }
    return (slot, tag, nil)
  }

  @inline(__always)
  private static func areEqual(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    for index in 0..<bytes.count where text[start + index] != bytes[index] { return false }
    return true
  }
}
