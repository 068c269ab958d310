/// Finds the token of a byte string in constant time; open addressing over one array.
struct PieceTable: Sendable {
  /// A token, and above its bits a part of the hash; `empty` where nothing lies. Four bytes each keep the table of a
  /// large vocabulary within a core's cache.
  private var slots: [UInt32]
  /// The bits of a slot that hold the token, of which the largest is never one.
  private let tokenMask: UInt32
  private let text: PieceText
  private let hash = ByteHash()
  /// No piece is longer, so that longer strings need not be looked up.
  private(set) var longestPiece = 0
  /// The first token whose piece another token has already.
  private(set) var repeated: Int32?

  private static let empty = UInt32.max

  /// A table of the pieces for which `isIncluded` is true; of equal pieces the first counts.
  init(_ vocabulary: Vocabulary, where isIncluded: (Int) -> Bool) {
    text = vocabulary.text
    let included = (0..<text.count).filter(isIncluded)
    tokenMask = UInt32.max >> UInt32(UInt32(truncatingIfNeeded: text.count).leadingZeroBitCount)
    var capacity = 16
    while capacity < 2 * included.count { capacity *= 2 }
    slots = [UInt32](repeating: Self.empty, count: capacity)
    text.withBytes { bytes in
      for token in included {
        let range = text.range(of: token)
        guard !range.isEmpty else { continue }
        longestPiece = max(longestPiece, range.count)
        let (slot, tag, found) = find(UnsafeBufferPointer(rebasing: bytes[range]))
        if found == nil { slots[slot] = tag | UInt32(token) } else { repeated = repeated ?? Int32(token) }
      }
    }
  }

  /// The token whose piece is `bytes`.
  @inline(__always)
  func token(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    bytes.count > longestPiece ? nil : find(bytes).token
  }

  @inline(__always)
  private func find(_ bytes: UnsafeBufferPointer<UInt8>) -> (slot: Int, tag: UInt32, token: Int32?) {
    let value = hash(bytes)
    let tag = UInt32(truncatingIfNeeded: value >> 32) & ~tokenMask
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: value) & mask
    // At most half of the slots are taken, so an empty one ends the search.
    while slots[slot] != Self.empty {
      if slots[slot] & ~tokenMask == tag {
        let token = Int32(slots[slot] & tokenMask)
        if text.equals(Int(token), bytes) { return (slot, tag, token) }
      }
      slot = (slot + 1) & mask
    }
    return (slot, tag, nil)
  }
}
