import Numerics
import Testing

@testable import Evaluation

struct StatisticsTests {
  @Test func bootstrapIntervalCoversTheTruthAboutAsOftenAsItSays() throws {
    var random = SeededRandom(seed: 3)
    var covered = 0
    let runs = 300
    for run in 0..<runs {
      let values = (0..<80).map { _ in
        Double.random(in: 0...1, using: &random) + Double.random(in: 0...1, using: &random)
      }
      let interval = try #require(
        Bootstrap(resamples: 400, seed: UInt64(run)).ratio(
          values, over: [Double](repeating: 1, count: 80), groups: Array(0..<80)))
      if interval.low <= 1, interval.high >= 1 { covered += 1 }
    }
    // 95 % of 300 is 285; four standard deviations of the binomial are 15.
    #expect((268...298).contains(covered))
  }

  @Test func intervalsAreWiderWhenExamplesOfOneFileGoTogether() throws {
    let values = (0..<100).map { Double(($0 / 10) % 2) }
    let ones = [Double](repeating: 1, count: 100)
    let alone = try #require(Bootstrap().ratio(values, over: ones, groups: Array(0..<100)))
    let grouped = try #require(Bootstrap().ratio(values, over: ones, groups: (0..<100).map { $0 / 10 }))
    #expect(alone.estimate == 0.5 && grouped.estimate == 0.5)
    #expect(grouped.high - grouped.low > 2 * (alone.high - alone.low))
  }

  @Test func sameSeedGivesTheSameInterval() {
    let values = (0..<50).map { Double($0 % 7) }
    let ones = [Double](repeating: 1, count: 50)
    let first = Bootstrap(seed: 9).ratio(values, over: ones, groups: Array(0..<50))
    #expect(first == Bootstrap(seed: 9).ratio(values, over: ones, groups: Array(0..<50)))
    #expect(first != Bootstrap(seed: 10).ratio(values, over: ones, groups: Array(0..<50)))
  }

  @Test func nothingMeasuredGivesNoInterval() {
    #expect(Bootstrap().ratio([], over: [], groups: []) == nil)
  }

  /// Two-sided binomial tails, worked out by hand: 2 · Σ C(n, k) / 2ⁿ.
  @Test(arguments: [
    (0, 0, 1.0), (5, 5, 1.0), (0, 5, 2.0 / 32), (1, 9, 22.0 / 1_024), (10, 2, 158.0 / 4_096), (0, 1, 1.0),
  ])
  func mcNemarEqualsHandValues(first: Int, second: Int, expected: Double) {
    #expect(abs(McNemar(onlyFirst: first, onlySecond: second).pValue - expected) < 1e-9)
  }

  @Test func mcNemarCountsDisagreementsOnly() {
    let test = McNemar(first: [true, true, false, false, true], second: [true, false, true, false, false])
    #expect(test == McNemar(onlyFirst: 2, onlySecond: 1))
  }

  @Test func mcNemarHoldsForManyExamples() {
    #expect(McNemar(onlyFirst: 700, onlySecond: 300).pValue < 1e-30)
    #expect(McNemar(onlyFirst: 5_000, onlySecond: 5_000).pValue == 1)
  }
}
