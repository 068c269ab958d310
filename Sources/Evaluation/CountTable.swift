/// Counts by 64-bit key, open addressing with linear probing. Keys are hashes and are not kept beside their originals: two
/// contexts share a cell with a chance below 10⁻⁶ for the corpora that the baseline is trained on.
struct CountTable: Sendable {
  private var keys: [UInt64]
  private var counts: [UInt32]
  private var used = 0

  init(capacity: Int = 1 << 10) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0, "capacity must be a power of two")
    keys = [UInt64](repeating: 0, count: capacity)
    counts = [UInt32](repeating: 0, count: capacity)
  }

  /// The count of `key`; 0 when it was never added.
  func count(of key: UInt64) -> UInt32 {
    let slot = slot(of: key)
    return keys[slot] == 0 ? 0 : counts[slot]
  }

  /// Adds one to the count of `key` and returns the count before.
  @discardableResult
  mutating func add(_ key: UInt64) -> UInt32 {
    if (used + 1) * 10 > keys.count * 7 { grow() }
    let slot = slot(of: key)
    if keys[slot] == 0 {
      keys[slot] = key | 1
      used += 1
    }
    let before = counts[slot]
    counts[slot] = before &+ 1
    return before
  }

  private func slot(of key: UInt64) -> Int {
    let stored = key | 1
    let mask = keys.count - 1
    var slot = Int(truncatingIfNeeded: key >> 20) & mask
    while keys[slot] != 0, keys[slot] != stored { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let (oldKeys, oldCounts) = (keys, counts)
    keys = [UInt64](repeating: 0, count: oldKeys.count * 2)
    counts = [UInt32](repeating: 0, count: oldKeys.count * 2)
    for (key, count) in zip(oldKeys, oldCounts) where key != 0 {
      let slot = slot(of: key)
      keys[slot] = key
      counts[slot] = count
    }
  }
}
