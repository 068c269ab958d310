/// A list of merges in their order, in which the place of a pair is found in constant time.
struct MergeTable: Sendable {
  /// Two tokens that stand side by side, and what they become.
  struct Merge: Sendable, Equatable {
    let left: Int32
    let right: Int32
    let token: Int32
  }

  /// The merges, the one to be done first at the beginning.
  let merges: [Merge]
  private(set) var repeated: Int?
  /// Places in `merges`; `empty` where nothing lies. Open addressing.
  private var slots: [UInt32]
  private let hash = ByteHash()

  private static let empty = UInt32.max

  /// A table of merges; of equal pairs the first counts, and `repeated` is the place of the first that comes again.
  init(_ merges: [Merge]) {
    self.merges = merges
    var slotCount = 16
    while slotCount < 2 * merges.count { slotCount *= 2 }
    slots = [UInt32](repeating: Self.empty, count: slotCount)
    for (rank, merge) in merges.enumerated() {
      let (slot, found) = find(merge.left, merge.right)
      if found == nil { slots[slot] = UInt32(rank) } else { repeated = repeated ?? rank }
    }
  }

  /// The place in the order of merges and the token that the pair becomes; `nil` if it is never merged.
  @inline(__always)
  subscript(left: Int32, right: Int32) -> (rank: UInt32, token: Int32)? { find(left, right).merge }

  @inline(__always)
  private func find(_ left: Int32, _ right: Int32) -> (slot: Int, merge: (rank: UInt32, token: Int32)?) {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash(left, right)) & mask
    // At most half of the slots are taken, so an empty one ends the search.
    while slots[slot] != Self.empty {
      let merge = merges[Int(slots[slot])]
      if merge.left == left, merge.right == right { return (slot, (slots[slot], merge.token)) }
      slot = (slot + 1) & mask
    }
    return (slot, nil)
  }
}
