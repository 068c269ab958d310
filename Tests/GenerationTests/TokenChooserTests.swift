import Foundation
import Numerics
import Testing

@testable import Generation

@Suite struct TokenChooserTests {
  private func logits(_ count: Int, _ random: inout SeededRandom) -> [Float] {
    (0..<count).map { _ in random.uniform(within: 4) }
  }

  /// How often each token is chosen.
  private func counts(_ sampling: Sampling, _ logits: [Float], draws: Int = 4_000) -> [Int] {
    var chooser = TokenChooser(DecodingOptions(sampling: sampling))
    var counts = [Int](repeating: 0, count: logits.count)
    for _ in 0..<draws { counts[Int(chooser.choose(logits, count: logits.count).token)] += 1 }
    return counts
  }

  @Test func drawsFollowTheDistribution() {
    let logits: [Float] = [log(0.5), log(0.3), log(0.15), log(0.05)]
    for (count, share) in zip(counts(Sampling(temperature: 1, seed: 5), logits), [0.5, 0.3, 0.15, 0.05]) {
      // Four standard deviations of a binomial count.
      #expect(abs(Double(count) - 4_000 * share) < 4 * (4_000 * share * (1 - share)).squareRoot())
    }
    // At temperature 1/2 the probabilities are squared.
    let cold = counts(Sampling(temperature: 0.5, seed: 6), logits)
    let squared = 0.25 / (0.25 + 0.09 + 0.0225 + 0.0025)
    #expect(abs(Double(cold[0]) - 4_000 * squared) < 4 * (4_000 * squared * (1 - squared)).squareRoot())
  }

  @Test func topKTopPAndMinPKeepTheBestOnly() {
    let logits: [Float] = [log(0.15), log(0.5), log(0.05), log(0.3)]
    #expect(counts(Sampling(temperature: 1, topK: 2), logits).map { $0 > 0 } == [false, true, false, true])
    #expect(
      counts(Sampling(temperature: 1, topP: 0.5), logits).map { $0 > 0 } == [false, true, false, false])
    #expect(counts(Sampling(temperature: 1, topP: 0.81), logits).map { $0 > 0 } == [true, true, false, true])
    #expect(counts(Sampling(temperature: 1, minP: 0.29), logits).map { $0 > 0 } == [true, true, false, true])
    #expect(counts(Sampling(temperature: 1, topK: 1), logits).map { $0 > 0 } == [false, true, false, false])
  }

  @Test(arguments: 0..<30)
  func equalSeedsChooseEqually(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let options = DecodingOptions(
      sampling: Sampling(temperature: 0.8, topK: 20, topP: 0.95, minP: 0.01, seed: UInt64(seed)))
    var first = TokenChooser(options)
    var second = TokenChooser(options)
    var other = TokenChooser(options, stream: 1)
    var differences = 0
    for _ in 0..<40 {
      let row = logits(50, &random)
      let choice = first.choose(row, count: 50)
      #expect(choice == second.choose(row, count: 50))
      if choice != other.choose(row, count: 50) { differences += 1 }
    }
    #expect(differences > 0)
  }

  @Test func aBiasMovesTheChoiceAndNotTheProbability() {
    let logits: [Float] = [3, 2, 1, 0]
    var chooser = TokenChooser(DecodingOptions(logitBias: [0: -.infinity, 3: 1.5]))
    let choice = chooser.choose(logits, count: 4)
    #expect(choice.token == 1)
    #expect(abs(choice.logProbability - (2 - log(logits.map(exp).reduce(0, +)))) < 1e-5)
    var pushed = TokenChooser(DecodingOptions(logitBias: [3: 10]))
    #expect(pushed.choose(logits, count: 4).token == 3)
  }

  @Test func onlyAllowedTokensAreChosen() {
    let logits: [Float] = [3, 2, 1, 0]
    for sampling in [Sampling.greedy, Sampling(temperature: 2, seed: 1)] {
      var chooser = TokenChooser(DecodingOptions(sampling: sampling, logitBias: [1: -.infinity]))
      for _ in 0..<50 {
        #expect([2, 3].contains(chooser.choose(logits, count: 4, allowed: [1, 2, 3]).token))
        // A bias does not make a constraint impossible.
        #expect(chooser.choose(logits, count: 4, allowed: [1]) == .init(token: 1, logProbability: 0))
      }
    }
  }

  @Test(arguments: 0..<10)
  func theBestTokensAreInOrder(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let row = logits(200, &random)
    var chooser = TokenChooser(DecodingOptions())
    let sorted = row.indices.sorted { row[$0] > row[$1] }.prefix(7).map { Int32($0) }
    #expect(chooser.best(7, of: row, size: 200) == sorted)
    #expect(chooser.best(3, of: row, size: 200, allowed: [5, 6]).count == 2)
  }

  static let nonsense: [(String, DecodingOptions)] = [
    ("temperature", DecodingOptions(sampling: Sampling(temperature: -1))),
    ("temperature", DecodingOptions(sampling: Sampling(temperature: .nan))),
    ("top-k", DecodingOptions(sampling: Sampling(temperature: 1, topK: -1))),
    ("top-p", DecodingOptions(sampling: Sampling(temperature: 1, topP: 0))),
    ("top-p", DecodingOptions(sampling: Sampling(temperature: 1, topP: .nan))),
    ("min-p", DecodingOptions(sampling: Sampling(temperature: 1, minP: 1.5))),
    ("candidates", DecodingOptions(candidates: 0)),
    ("candidates", DecodingOptions(candidates: 1_000_000)),
    ("logit bias", DecodingOptions(logitBias: [-1: 1])),
    ("logit bias", DecodingOptions(logitBias: [4: 1])),
    ("logit bias", DecodingOptions(logitBias: [0: .nan])),
    ("logit bias", DecodingOptions(logitBias: [0: .infinity])),
    ("logit bias", DecodingOptions(logitBias: [0: -.infinity, 1: -.infinity, 2: -.infinity, 3: -.infinity])),
  ]

  @Test(arguments: nonsense)
  func valuesThatMeanNothingAreNamed(name: String, options: DecodingOptions) {
    let error = #expect(throws: GenerationError.self) { try options.check(vocabularySize: 4) }
    #expect(error?.description.hasPrefix(name) == true)
  }
}
