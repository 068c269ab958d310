import Foundation
import Numerics
import Weights

/// What the carver draws: random numbers that depend on the seed alone.
struct SeededGenerator: RandomNumberGenerator {
  private var random: SeededRandom

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
  }

  /// A generator for one file in one epoch.
  init(seed: UInt64, path: String, epoch: Int) {
    self.init(
      seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ FNVHash(path.utf8).value
        ^ (UInt64(truncatingIfNeeded: epoch) &* 0xD1B5_4A32_D192_ED03))
    _ = next()
  }

  mutating func next() -> UInt64 { random.next() }

  /// Uniform in [0, 1).
  mutating func unit() -> Double { random.uniform() }

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
