import Foundation
import Gemma
import Numerics
import Testing

@testable import Generation

@Suite struct NgramMixtureTests {
  private static let code =
    (0..<6).map { index in
      "def add_\(index)(values, total):\n    for value in values:\n        total += value\n    return total\n\n"
    }.joined() + "def add_all(values, total):\n    for val"

  /// The formula of the documentation, order by order, for every token.
  private func reference(
    _ mixture: NgramMixture, texts: [[Int32]], sequence: [Int32], model: [Double], barriers: Set<Int32>
  ) -> [Double] {
    var q = model
    let context = Array(sequence.suffix(12).reversed().prefix { !barriers.contains($0) }.reversed())
    guard context.count >= mixture.shortestContext else { return q }
    for length in mixture.shortestContext...context.count {
      var counts: [Int32: Double] = [:]
      for (text, isSequence) in texts.map({ ($0, false) }) + [(sequence, true)] where text.count > length {
        for place in length..<text.count where text[(place - length)..<place] == context.suffix(length)[...] {
          if !(isSequence && barriers.contains(text[place])) { counts[text[place], default: 0] += 1 }
        }
      }
      let total = counts.values.reduce(0, +)
      if total == 0 { break }
      let escape = Double(mixture.escapeWeight) * Double(counts.count)
      q = q.indices.map { ((counts[Int32($0)] ?? 0) + escape * q[$0]) / (total + escape) }
    }
    return q
  }

  @Test(arguments: 0..<24)
  func isTheInterpolationThatItsDocumentationGives(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    func text(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32.random(in: 0..<6, using: &random) }
    }
    let texts = [text(40), text(30)]
    let barriers: Set<Int32> = [6, 7]
    let sequence = text(5) + [7] + text(40)
    let mixture = NgramMixture(
      repository: seed % 3 == 0 ? nil : FollowerIndex(texts: texts), escapeWeight: [1, 8][seed % 2],
      shortestContext: 1 + seed % 3)
    let logits = (0..<8).map { _ in random.uniform(within: 3) }
    let total = logits.reduce(0) { $0 + exp(Double($1)) }
    let model = logits.map { exp(Double($0)) / total }
    // Without ends everything is mixed.
    let expected = reference(
      mixture, texts: seed % 3 == 0 ? [] : texts, sequence: sequence, model: model, barriers: barriers)
    var mixed = [Float](repeating: 0, count: 8)
    if let step = mixture.step(behind: sequence, barriers: barriers) {
      step.mix(logits, count: 8, ends: [], into: &mixed)
    } else {
      mixed = model.map { Float(log($0)) }
    }
    for (value, wanted) in zip(mixed, expected) { #expect(abs(exp(Double(value)) - wanted) < 1e-5) }
  }

  @Test func endsKeepTheirProbabilityAndTheRestSumsToOne() throws {
    let mixture = NgramMixture(
      repository: FollowerIndex(texts: [[1, 2, 3, 1, 2, 3, 1, 2, 4]]), escapeWeight: 0.1)
    let step = try #require(mixture.step(behind: [9, 1, 2], barriers: [0]))
    let logits: [Float] = [1, 0.5, -0.25, 0, 0.75, -1, 0, 0, 0, 0]
    let total = logits.reduce(0) { $0 + exp($1) }
    var mixed = [Float](repeating: 0, count: 10)
    step.mix(logits, count: 10, ends: [0, 5], into: &mixed)
    #expect(abs(exp(mixed[0]) - exp(logits[0]) / total) < 1e-6)
    #expect(abs(exp(mixed[5]) - exp(logits[5]) / total) < 1e-6)
    #expect(mixed[3] > mixed[4] && mixed[4] > mixed[6])
    #expect(abs(mixed.reduce(0) { $0 + exp($1) } - 1) < 1e-5)
  }

  @Test func contextsDoNotReachBeyondAMark() {
    let mixture = NgramMixture(repository: FollowerIndex(texts: [[1, 2, 3]]))
    #expect(mixture.step(behind: [1, 2], barriers: [0]) != nil)
    #expect(mixture.step(behind: [1, 0, 2], barriers: [0]) == nil)
    #expect(mixture.step(behind: [2], barriers: [0]) == nil)
    #expect(mixture.step(behind: [], barriers: [0]) == nil)
  }

  @Test(arguments: [false, true])
  func draftsChangeNothingButTheCostOfAMixture(hasRepository: Bool) async throws {
    let engine = try Engine.load(path: Models.basePath)
    let tokens = engine.tokenizer.encode(Self.code)
    await engine.draft(from: FollowerIndex(texts: [tokens]))
    let mixture = NgramMixture(repository: hasRepository ? FollowerIndex(texts: [tokens]) : nil)
    var accepted = 0
    for typed in ["", "ue in values", "ue in values:\n        total"] {
      var request = InfillRequest(
        path: "a.py", prefix: Array((Self.code + typed).utf8), suffix: [], maxTokens: 24,
        timeBudgetMs: 60_000, mixture: mixture)
      let drafted = try await engine.infill(request)
      request.options.speculates = false
      let plain = try await engine.infill(request)
      #expect(drafted.tokens == plain.tokens && drafted.meanLogProbability == plain.meanLogProbability)
      accepted += drafted.speculation.accepted
    }
    #expect(accepted > 0)
  }

  @Test func textOfTheRepositoryIsExpectedAndWritten() async throws {
    let engine = try Engine.load(path: Models.basePath)
    let line = "    zanzibar = quorble.frimsical(wexler, 42)\n"
    let known = String(repeating: "def f(wexler):\n" + line + "    return zanzibar\n\n", count: 3)
    let index = FollowerIndex(texts: [engine.tokenizer.encode(known)])
    func request(_ mixture: NgramMixture?) -> InfillRequest {
      InfillRequest(
        path: "new.py", prefix: Array("def g(wexler):\n    zanzibar =".utf8), suffix: Array("\n".utf8),
        maxTokens: 12, timeBudgetMs: 60_000, mixture: mixture)
    }
    let truth = Array(" quorble.frimsical(wexler, 42)".utf8)
    var likelihoods: [Double] = []
    for mixture in [nil, NgramMixture(), NgramMixture(repository: index)] {
      likelihoods.append(
        try await engine.middleLogProbability(truth, in: request(mixture), order: .suffixFirst))
    }
    #expect(likelihoods[2] > likelihoods[0] + 5)
    let plain = try await engine.infill(request(nil))
    let mixed = try await engine.infill(request(NgramMixture(repository: index)))
    #expect(!String(decoding: plain.bytes, as: UTF8.self).contains("quorble"))
    #expect(String(decoding: mixed.bytes, as: UTF8.self).hasPrefix(" quorble.frimsical(wexler"))
  }

  @Test func branchesAreMixedToo() async throws {
    let engine = try Engine.load(path: Models.basePath)
    let known = String(repeating: "zanzibar = quorble.frimsical(wexler)\n", count: 4)
    let mixture = NgramMixture(repository: FollowerIndex(texts: [engine.tokenizer.encode(known)]))
    let result = try await engine.infill(
      InfillRequest(
        path: "new.py", prefix: Array("zanzibar =".utf8), suffix: [], maxTokens: 8, timeBudgetMs: 60_000,
        options: DecodingOptions(candidates: 3), mixture: mixture))
    #expect(String(decoding: result.bytes, as: UTF8.self).hasPrefix(" quorble"))
    #expect(!result.alternatives.isEmpty)
  }
}
