/// SplitMix64 (Steele, Lea & Flood 2014): small, seedable, equal on every machine.
@frozen
public struct SeededRandom: RandomNumberGenerator, Sendable {
  /// The whole state; store it to resume a sequence.
  public var state: UInt64

  /// Starts a sequence.
  @inlinable
  public init(seed: UInt64) {
    state = seed
  }

  /// The next 64 random bits.
  @inlinable
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.spread(state)
  }

  /// Spreads every bit of a number over all bits: the finishing step of the generator, and of hashes.
  @inlinable
  public static func spread(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in `0..<1`.
  @inlinable
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Uniform in `-bound...bound`.
  public mutating func uniform(within bound: Float) -> Float {
    Float(uniform() * 2 - 1) * bound
  }
}
