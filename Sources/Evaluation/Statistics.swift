import Foundation
import Numerics

/// A figure with its confidence interval.
public struct Interval: Sendable, Equatable {
  /// The figure measured on all examples.
  public var estimate: Double
  /// Lower end of the interval.
  public var low: Double
  /// Upper end of the interval.
  public var high: Double
  /// Groups of examples (files) that were drawn from.
  public var groups: Int

  /// With fewer groups the resamples say nothing about other files, and the ends must not be relied on.
  public static let minimumGroups = 5

  /// Creates an interval.
  public init(estimate: Double, low: Double, high: Double, groups: Int) {
    self.estimate = estimate
    self.low = low
    self.high = high
    self.groups = groups
  }

  /// True when enough groups were drawn from for `low` and `high` to mean something.
  public var isReliable: Bool { groups >= Self.minimumGroups }

  /// True when the interval is reliable and 0 lies outside it.
  public var isClearOfZero: Bool { isReliable && (low > 0 || high < 0) }
}

/// The percentile bootstrap (Efron 1979) over groups of examples.
///
/// Holes of one file resemble each other, and an interval that takes them for independent is too narrow; therefore whole
/// groups (files) are drawn, not single examples.
public struct Bootstrap: Sendable {
  /// Number of resamples.
  public var resamples: Int
  /// Seed of the draws.
  public var seed: UInt64
  /// Share of the resamples inside the interval.
  public var confidence: Double

  /// Creates a bootstrap; the defaults are those of all our reports.
  public init(resamples: Int = 2_000, seed: UInt64 = 1, confidence: Double = 0.95) {
    self.resamples = resamples
    self.seed = seed
    self.confidence = confidence
  }

  /// Interval of Σ numerators / Σ denominators.
  /// - Parameters:
  ///   - numerators: one value per example.
  ///   - denominators: one value per example; ones give a mean.
  ///   - groups: one group number per example, from 0.
  public func ratio(_ numerators: [Double], over denominators: [Double], groups: [Int]) -> Interval? {
    precondition(
      numerators.count == denominators.count && numerators.count == groups.count, "one value per example")
    let groupCount = (groups.max() ?? -1) + 1
    var sums = [(top: Double, bottom: Double)](repeating: (0, 0), count: groupCount)
    for (index, group) in groups.enumerated() {
      sums[group].top += numerators[index]
      sums[group].bottom += denominators[index]
    }
    let top = numerators.reduce(0, +)
    let bottom = denominators.reduce(0, +)
    guard bottom > 0 else { return nil }
    let sorted = resampledRatios(of: sums).sorted()
    guard !sorted.isEmpty else { return nil }
    let tail = (1 - confidence) / 2
    return Interval(
      estimate: top / bottom, low: Self.quantile(tail, of: sorted),
      high: Self.quantile(1 - tail, of: sorted), groups: groupCount)
  }

  private func resampledRatios(of sums: [(top: Double, bottom: Double)]) -> [Double] {
    var random = SeededRandom(seed: seed)
    return (0..<resamples).compactMap { _ in
      var top = 0.0
      var bottom = 0.0
      for _ in 0..<sums.count {
        let drawn = sums[Int.random(in: 0..<sums.count, using: &random)]
        top += drawn.top
        bottom += drawn.bottom
      }
      return bottom > 0 ? top / bottom : nil
    }
  }

  static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    let position = share * Double(sorted.count - 1)
    let lower = Int(position.rounded(.down))
    let upper = min(lower + 1, sorted.count - 1)
    return sorted[lower] + (sorted[upper] - sorted[lower]) * (position - Double(lower))
  }
}

/// McNemar's exact test: are two yes/no results on the same examples equally often "yes"?
public struct McNemar: Sendable, Equatable {
  /// Examples where only the first result is "yes".
  public var onlyFirst: Int
  /// Examples where only the second result is "yes".
  public var onlySecond: Int

  /// Counts the examples on which the two disagree.
  public init(first: [Bool], second: [Bool]) {
    precondition(first.count == second.count, "the results must be on the same examples")
    onlyFirst = zip(first, second).count { $0 && !$1 }
    onlySecond = zip(first, second).count { !$0 && $1 }
  }

  /// Creates the test from counts.
  public init(onlyFirst: Int, onlySecond: Int) {
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
  }

  /// Two-sided p: the chance of a split at least this uneven when both are equally good (binomial with ½).
  public var pValue: Double {
    let trials = onlyFirst + onlySecond
    guard trials > 0 else { return 1 }
    let logHalves = Double(trials) * log(0.5)
    var tail = 0.0
    for successes in 0...min(onlyFirst, onlySecond) {
      tail += exp(Self.logChoose(trials, successes) + logHalves)
    }
    return min(1, 2 * tail)
  }

  private static func logChoose(_ total: Int, _ chosen: Int) -> Double {
    lgamma(Double(total) + 1) - lgamma(Double(chosen) + 1) - lgamma(Double(total - chosen) + 1)
  }
}
