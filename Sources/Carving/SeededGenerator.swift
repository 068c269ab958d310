import Foundation

/// Random numbers that depend on the seed alone (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// A generator for one file in one epoch.
  init(seed: UInt64, path: String, epoch: Int) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    state =
      seed &* 0x9E37_79B9_7F4A_7C15 ^ hash ^ (UInt64(truncatingIfNeeded: epoch) &* 0xD1B5_4A32_D192_ED03)
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Uniform in [0, 1).
  mutating func unit() -> Double {
    Double(next() >> 11) / Double(1 << 53)
  }

  mutating func chance(_ share: Double) -> Bool {
    unit() < share
  }

  /// Uniform in `range`, which must not be empty.
  mutating func below(_ count: Int) -> Int {
    Int.random(in: 0..<max(1, count), using: &self)
  }

  /// Log-uniform in `range`.
  mutating func logUniform(_ range: ClosedRange<Int>) -> Int {
    let low = Double(max(1, range.lowerBound))
    let high = Double(max(1, range.upperBound) + 1)
    return min(range.upperBound, Int(low * pow(high / low, unit())))
  }

  /// An index with a probability proportional to its weight; nil when no weight is positive.
  mutating func index(weights: [Double]) -> Int? {
    let sum = weights.reduce(0) { $0 + max(0, $1) }
    guard sum > 0 else { return nil }
    var rest = unit() * sum
    for (index, weight) in weights.enumerated() where weight > 0 {
      rest -= weight
      if rest < 0 { return index }
    }
    return weights.lastIndex { $0 > 0 }
  }
}
