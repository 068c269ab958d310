/// A set of 64-bit hashes in one array, at most three quarters full: 11 to 22 bytes each, and one look at memory to find that
/// something is missing. The hashes must be well mixed.
struct HashTable: Sendable {
  private var slots: [UInt64]
  private var mask: Int
  /// How many hashes there are.
  private(set) var count = 0
  /// An empty slot holds 0, so that this hash needs a place of its own.
  private var holdsZero = false

  init(minimumCapacity: Int = 0) {
    var size = 16
    while size * 3 < minimumCapacity * 4 { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
    mask = size - 1
  }

  func contains(_ hash: UInt64) -> Bool {
    if hash == 0 { return holdsZero }
    var index = Int(truncatingIfNeeded: hash) & mask
    while slots[index] != 0 {
      if slots[index] == hash { return true }
      index = (index + 1) & mask
    }
    return false
  }

  /// Adds a hash; true if it was not there.
  @discardableResult
  mutating func insert(_ hash: UInt64) -> Bool {
    if hash == 0 {
      defer { holdsZero = true }
      if !holdsZero { count += 1 }
      return !holdsZero
    }
    if (count + 1) * 4 > slots.count * 3 { grow() }
    guard place(hash) else { return false }
    count += 1
    return true
  }

  private mutating func place(_ hash: UInt64) -> Bool {
    var index = Int(truncatingIfNeeded: hash) & mask
    while slots[index] != 0 {
      if slots[index] == hash { return false }
      index = (index + 1) & mask
    }
    slots[index] = hash
    return true
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    mask = slots.count - 1
    for hash in old where hash != 0 { _ = place(hash) }
  }
}
