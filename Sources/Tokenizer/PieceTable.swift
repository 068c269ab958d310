/// Finds the token of a byte string in constant time; open addressing over one array.
struct PieceTable: Sendable {
  private var slots: [Int32]
  /// No piece is longer, so that longer strings need not be looked up.
  private(set) var longestPiece = 0

  /// A table of the pieces for which `isIncluded` is true; of equal pieces the first counts.
  init(_ vocabulary: Vocabulary, where isIncluded: (Int) -> Bool) {
    var capacity = 16
    while capacity < 2 * vocabulary.count { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    for token in 0..<vocabulary.count where isIncluded(token) {
      let range = vocabulary.range(of: token)
      guard !range.isEmpty else { continue }
      longestPiece = max(longestPiece, range.count)
      vocabulary.withText { text in
        let piece = UnsafeBufferPointer(rebasing: text[range])
        let (slot, found) = find(piece, vocabulary, text)
        if found == nil { slots[slot] = Int32(token) }
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

  private func find(
    _ bytes: UnsafeBufferPointer<UInt8>, _ vocabulary: borrowing Vocabulary,
    _ text: UnsafeBufferPointer<UInt8>
  ) -> (slot: Int, token: Int32?) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: Self.hash(bytes)) & mask
    // At most half of the slots are taken, so an empty one ends the search.
    while slots[slot] >= 0 {
      let range = vocabulary.range(of: Int(slots[slot]))
      if range.count == bytes.count, Self.areEqual(text, at: range.lowerBound, bytes) {
        return (slot, slots[slot])
      }
      slot = (slot + 1) & mask
    }
    return (slot, nil)
  }

  /// FNV-1a with a final mixing of the upper bits into the lower ones.
  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return value ^ value >> 32
  }

  private static func areEqual(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    for index in 0..<bytes.count where text[start + index] != bytes[index] { return false }
    return true
  }
}
