import Weights

/// The middles of one split, to keep them out of another: equal up to white space counts as equal.
///
/// Keeps 64 bits of each middle. One in 10¹⁹ / n middles is taken for one of n others by accident.
public struct DuplicateMiddles: Sendable {
  private var hashes: HashTable

  /// An empty set with room for about so many.
  public init(minimumCapacity: Int = 0) {
    hashes = HashTable(minimumCapacity: minimumCapacity)
  }

  /// How many different middles there are.
  public var count: Int { hashes.count }

  /// What is kept of a middle; nil for one that is empty or nothing but white space, which is nobody's copy.
  public static func hash(of middle: some Sequence<UInt8>) -> UInt64? {
    // Bytes that lie together are read without the sequence's own iterator, which is many times slower from outside.
    middle.withContiguousStorageIfAvailable { hash(bytes: $0) }
      ?? Array(middle).withUnsafeBufferPointer { hash(bytes: $0) }
  }

  private static func hash(bytes middle: UnsafeBufferPointer<UInt8>) -> UInt64? {
    var hash = FNVHash()
    var isGap = false
    var isEmpty = true
    for byte in middle {
      if WhitespaceNormalised.isSpace(byte) {
        isGap = !isEmpty
        continue
      }
      if isGap { hash.add(0x20) }
      hash.add(byte)
      isGap = false
      isEmpty = false
    }
    return isEmpty ? nil : Mixing.mix(hash.value)
  }

  /// Adds a middle of the split that others must not repeat.
  public mutating func insert(_ middle: some Sequence<UInt8>) {
    if let hash = Self.hash(of: middle) { hashes.insert(hash) }
  }

  /// Adds what `hash(of:)` made of a middle, on another thread say.
  public mutating func insert(hash: UInt64) { hashes.insert(hash) }

  /// True when the middle repeats one that was added.
  public func contains(_ middle: some Sequence<UInt8>) -> Bool {
    Self.hash(of: middle).map { hashes.contains($0) } ?? false
  }

  /// True when a middle with this hash was added.
  public func contains(hash: UInt64) -> Bool { hashes.contains(hash) }
}
