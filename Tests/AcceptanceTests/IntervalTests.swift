import Testing

@testable import Acceptance

struct IntervalTests {
  struct Published: CustomTestStringConvertible {
    let successes: Double
    let trials: Double
    let low: Double
    let high: Double
    var testDescription: String { "\(Int(successes)) of \(Int(trials))" }
  }

  /// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
  /// table I, method 3.
  @Test(arguments: [
    Published(successes: 81, trials: 263, low: 0.2553, high: 0.3662),
    Published(successes: 15, trials: 148, low: 0.0624, high: 0.1605),
    Published(successes: 0, trials: 20, low: 0, high: 0.1611),
    Published(successes: 1, trials: 29, low: 0.0061, high: 0.1718),
  ])
  func wilsonAgreesWithPublishedValues(_ published: Published) throws {
    let interval = try #require(Proportion.wilson(successes: published.successes, trials: published.trials))
    #expect(abs(interval.low - published.low) < 0.000_051)
    #expect(abs(interval.high - published.high) < 0.000_051)
  }

  @Test func nothingShownHasNoInterval() {
    #expect(Proportion.wilson(successes: 0, trials: 0) == nil)
    #expect(Proportion.clustered([]) == nil)
    #expect(Proportion.clustered([(0, 0), (0, 0), (0, 0)]) == nil)
  }

  /// Quantiles from the usual tables of Student's t, two-sided 95 %.
  @Test(arguments: [
    (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (19, 2.093), (99, 1.984),
  ])
  func studentQuantilesAgreeWithTables(_ degrees: Int, _ expected: Double) {
    #expect(abs(Proportion.studentQuantile(degrees: degrees) - expected) < (degrees == 3 ? 0.02 : 0.006))
  }

  @Test func fewClustersGiveThePlainInterval() {
    #expect(Proportion.clustered([(10, 40), (20, 60)]) == Proportion.wilson(successes: 30, trials: 100))
  }

  @Test func unanimousClustersStayWithinZeroAndOne() throws {
    let none = try #require(Proportion.clustered([(0, 10), (0, 10), (0, 10)]))
    #expect(none.rate == 0 && none.low == 0 && none.high > 0.1 && none.high < 1)
    let all = try #require(Proportion.clustered([(10, 10), (10, 10), (10, 10)]))
    #expect(all.rate == 1 && all.high == 1 && all.low < 0.9)
  }

  /// Ten sessions whose true rates differ (sd 0.13 around 0.3): the plain interval is far too narrow.
  @Test func clusteredIntervalCoversTheTruthAndThePlainOneDoesNot() {
    var generator = SplitMix(state: 7)
    var plainHits = 0
    var clusteredHits = 0
    let runs = 1_000
    for _ in 0..<runs {
      let clusters = (0..<10).map { _ -> (successes: Int, trials: Int) in
        let noise = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &generator) }
        let rate = min(0.95, max(0.02, 0.3 + 0.13 * noise))
        return ((0..<100).count { _ in Double.random(in: 0..<1, using: &generator) < rate }, 100)
      }
      let successes = Double(clusters.reduce(0) { $0 + $1.successes })
      let truth = 0.3
      if let plain = Proportion.wilson(successes: successes, trials: 1_000), plain.low <= truth,
        truth <= plain.high
      {
        plainHits += 1
      }
      if let robust = Proportion.clustered(clusters), robust.low <= truth, truth <= robust.high {
        clusteredHits += 1
      }
    }
    #expect(Double(plainHits) / Double(runs) < 0.65)
    #expect(Double(clusteredHits) / Double(runs) > 0.91)
  }

  @Test func quantilesUseTheNearestRank() {
    #expect(quantile(0.5, ofSorted: []) == nil)
    #expect(quantile(0.5, ofSorted: [7]) == 7)
    #expect(quantile(0.5, ofSorted: [1, 2, 3, 4]) == 2)
    #expect(quantile(0.95, ofSorted: (1...100).map(Double.init)) == 95)
  }
}

/// Random numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}
