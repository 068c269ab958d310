/// The 64-bit FNV-1a hash (Fowler, Noll and Vo), one byte after the other: quick, the same on every machine, and no
/// protection against somebody who wants two texts to have one hash.
@frozen
public struct FNVHash: Sendable {
  /// The hash of the bytes so far.
  public var value: UInt64

  /// The hash of nothing.
  @inlinable
  public init() {
    value = 0xCBF2_9CE4_8422_2325
  }

  /// The hash of some bytes.
  @inlinable
  public init(_ bytes: some Sequence<UInt8>) {
    self.init()
    add(bytes)
  }

  /// Takes in a byte.
  @inlinable @inline(__always)
  public mutating func add(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }

  /// Takes in bytes.
  @inlinable
  public mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { add(byte) }
  }
}
