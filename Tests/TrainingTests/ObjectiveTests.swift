import Foundation
import Gemma
import Numerics
import Testing
import Weights

@testable import Training

private let shape = GemmaConfiguration.shape(
  layers: 2, hidden: 64, intermediate: 96, headDim: 32, vocabulary: 96, window: 16)

/// A prompt and an answer, with weight on the answer.
private func answer(_ prompt: Int, _ length: Int, seed: UInt64, _ signal: Signal) -> TrainingSequence {
  var random = SeededRandom(seed: seed)
  let tokens = (0..<prompt + length).map { _ in Int32(random.next() % 96) }
  var sequence = TrainingSequence(
    tokens: tokens, weights: tokens.indices.map { $0 < prompt ? 0 : 1 }, middleStart: prompt)
  sequence.signal = signal
  return sequence
}

private struct Bench {
  let adapter = TrainableAdapter(shape, rank: 4, alpha: 8, seed: 3)
  let pass: TrainingPass

  init() throws {
    var random = SeededRandom(seed: 5)
    for case let module? in adapter.modules {
      for i in 0..<module.b.value.count { module.b.value.pointer[i] = random.uniform(within: 0.1) }
    }
    pass = try TrainingPass(
      model: GemmaModel.random(shape, precision: .float32), adapter: adapter, maximumTokens: 96, longest: 64)
  }

  /// Compares the gradient that an objective leaves in the adapter with differences of its loss.
  func compareWithDifferences(_ objective: some Objective, _ parts: [[TrainingSequence]]) throws {
    var objective = objective
    adapter.clearGradients()
    _ = try objective.accumulate(parts, pass)
    let gradients = adapter.parameters.map { $0.gradient.array }
    let largest = gradients.joined().map { abs($0) }.max() ?? 0
    #expect(largest > 1e-4)
    var random = SeededRandom(seed: 8)
    for (parameter, gradient) in zip(adapter.parameters, gradients) {
      let index = Int(random.next() % UInt64(parameter.value.count))
      let value = parameter.value[index]
      let step: Float = 1e-2
      parameter.value[index] = value + step
      let above = try objective.accumulate(parts, pass).mean
      parameter.value[index] = value - step
      let below = try objective.accumulate(parts, pass).mean
      parameter.value[index] = value
      let slope = Float((above - below) / Double(2 * step))
      #expect(abs(slope - gradient[index]) < 0.02 * largest, "\(parameter.name)[\(index)]")
    }
  }
}

@Suite struct ObjectiveGradientTests {
  @Test func aPairsGradientIsThatOfItsLossWithImitationAndLengths() throws {
    let pairs = [
      answer(9, 7, seed: 1, .chosen), answer(9, 4, seed: 2, .rejected), answer(20, 12, seed: 3, .chosen),
      answer(20, 15, seed: 4, .rejected),
    ]
    for normalizes in [false, true] {
      let objective = DirectPreferenceObjective(
        beta: 0.3, imitationWeight: 0.2, normalizesLength: normalizes)
      try Bench().compareWithDifferences(objective, [Array(pairs[..<2]), Array(pairs[2...])])
    }
  }

  @Test func aLabelsGradientIsThatOfItsLossWhileTheBaselineStaysWhereItIs() throws {
    let answers = (0..<8).map {
      answer(
        6 + $0, 5 + $0 % 4, seed: UInt64($0), $0 % 3 == 0 ? .desirable(weight: 1) : .undesirable(weight: 0.5))
    }
    // Without z0, which has no gradient but moves with the policy.
    try Bench().compareWithDifferences(
      ProspectObjective(
        beta: 0.2, desirableWeight: 2, undesirableWeight: 1, usesBaseline: false, longest: 64), [answers])
  }

  @Test func anAnswersGradientIsThatOfItsClippedLossAndDivergence() throws {
    let bench = try Bench()
    var answers = (0..<4).map { answer(9, 6, seed: UInt64($0 + 20), .rejected) }
    let now = bench.pass.tokenLogProbabilities(answers)
    var random = SeededRandom(seed: 4)
    for (index, advantage) in [1.2, -0.7, 0.4, -0.9].enumerated() {
      // Inside the clipped range, whose border has no slope.
      let old = now[index].map { $0 + random.uniform(within: 0.05) }
      answers[index].signal = .sampled(advantage: Float(advantage), logProbabilities: old)
    }
    try bench.compareWithDifferences(GroupRelativeObjective(clip: 0.4, beta: 0.1), [answers])
  }

  @Test func aTaughtTokensGradientIsThatOfBothLosses() throws {
    let bench = try Bench()
    var one = answer(9, 6, seed: 30, .chosen)
    var random = SeededRandom(seed: 31)
    one.teacher = (0..<6).map { _ in
      let logits = (0..<96).map { _ in random.uniform(within: 4) }
      return SparseDistribution(logits: logits, count: 96)
    }
    try bench.compareWithDifferences(ImitationObjective(), [[one]])
  }

  @Test func theReferenceIsTheBaseAndIsAskedOnce() throws {
    let bench = try Bench()
    let one = answer(9, 6, seed: 40, .chosen)
    let bare = try TrainingPass(
      model: bench.pass.model, adapter: TrainableAdapter(shape, rank: 4, alpha: 8, seed: 9),
      maximumTokens: 96, longest: 64)
    var reference = ReferenceScores()
    let found = reference.logProbabilities([one], bench.pass)
    #expect(bench.pass.usesAdapter)
    #expect(abs(found[0] - bare.logProbabilities([one])[0]) < 1e-3)
    #expect(abs(found[0] - bench.pass.logProbabilities([one])[0]) > 1e-2)
    for parameter in bench.adapter.parameters { parameter.value[0] += 1 }
    #expect(reference.logProbabilities([one], bench.pass) == found)
  }

  @Test func mismatchedPairsJoinEachPromptWithTheNextAnswer() {
    let answers = [
      answer(3, 2, seed: 1, .desirable(weight: 1)), answer(5, 4, seed: 2, .undesirable(weight: 1)),
    ]
    let mixed = ProspectObjective(longest: 7).mismatched(answers)
    #expect(
      mixed.map(\.tokens) == [
        Array(answers[0].tokens[..<3] + answers[1].tokens[5...]),
        Array(answers[1].tokens[..<5] + answers[0].tokens[3...]),
      ])
    #expect(mixed.map { $0.weights.reduce(0, +) } == [4, 2])
    #expect(ProspectObjective(longest: 6).mismatched(answers).isEmpty)
    #expect(ProspectObjective(longest: 9).mismatched(Array(answers[..<1])).isEmpty)
  }
}

/// Losses and gradients against plain torch: `scripts/fixtures/objectives.py`.
@Suite struct ObjectiveParityTests {
  private let facts: JSONValue

  init() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/objectives/expected.json")
    facts = try JSONValue(parsing: [UInt8](Data(contentsOf: file)))
  }

  private func cases(_ name: String) throws -> [JSONValue] {
    let list = try #require(facts[name]?.arrayValue)
    #expect(list.count == 2)
    return list
  }

  private func numbers(_ value: JSONValue?) throws -> [Double] {
    try #require(value?.arrayValue).map { try #require($0.doubleValue) }
  }

  private func equal(_ found: [Double], _ wanted: [Double], within tolerance: Double = 1e-9) {
    #expect(found.count == wanted.count)
    for (a, b) in zip(found, wanted) { #expect(abs(a - b) < tolerance, "\(a) \(b)") }
  }

  @Test(arguments: ["kto", "apo_zero"])
  func prospectsAgreeWithTorch(name: String) throws {
    for one in try cases(name) {
      func ratios(_ policy: String, _ reference: String) throws -> [Double] {
        try zip(numbers(one[policy]), numbers(one[reference])).map { $0 - $1 }
      }
      let (up, down) = try (
        #require(one["desirable_weight"]?.doubleValue), #require(one["undesirable_weight"]?.doubleValue)
      )
      let labels = try #require(one["desirable"]?.arrayValue).map { $0.boolValue == true }
      let answers = try zip(labels, numbers(one["weights"])).map { ($0, $1 * ($0 ? up : down)) }
      let found = PreferenceLoss.prospects(
        ratios: try ratios("policy", "reference"),
        mismatched: name == "kto" ? try ratios("mismatched_policy", "mismatched_reference") : [],
        answers: answers.map { (isDesirable: $0.0, weight: $0.1) },
        beta: try #require(one["beta"]?.doubleValue))
      equal(
        [found.mean, found.baseline],
        [try #require(one["loss"]?.doubleValue), try #require(one["baseline"]?.doubleValue)])
      equal(found.slopes, try numbers(one["gradient"]))
    }
  }

  @Test func pairsAgreeWithTorch() throws {
    for one in try cases("dpo") {
      let beta = try #require(one["beta"]?.doubleValue)
      let rows = try ["policy", "reference", "gradient"].map { name in
        try #require(one[name]?.arrayValue).map { try numbers($0) }
      }
      let count = rows[0][0].count
      let results = (0..<count).map { i in
        PreferenceLoss.direct(
          margin: rows[0][0][i] - rows[1][0][i] - rows[0][1][i] + rows[1][1][i], beta: beta)
      }
      equal([results.reduce(0) { $0 + $1.value } / Double(count)], [try #require(one["loss"]?.doubleValue)])
      equal(results.map { $0.slope / Double(count) }, rows[2][0])
      equal(results.map { -$0.slope / Double(count) }, rows[2][1])
    }
  }

  @Test func clippedAnswersAgreeWithTorch() throws {
    for one in try cases("grpo") {
      let (new, old, gradients) = try (
        #require(one["new"]?.arrayValue).map { try numbers($0) },
        #require(one["old"]?.arrayValue).map { try numbers($0) },
        #require(one["gradient"]?.arrayValue).map { try numbers($0) }
      )
      let advantages = GroupRelativeObjective.advantages(try numbers(one["rewards"]))
      equal(advantages.map { Double($0) }, try numbers(one["advantages"]), within: 1e-5)
      var mean = 0.0
      var clipped = 0
      for index in new.indices {
        let result = GroupRelativeObjective.surrogate(
          new: new[index].map { Float($0) }, old: old[index].map { Float($0) },
          advantage: Double(advantages[index]),
          clip: try #require(one["clip"]?.doubleValue))
        mean += result.value / Double(new.count)
        clipped += result.clipped
        equal(result.slopes.map { $0 / Double(new.count) }, gradients[index], within: 1e-5)
      }
      equal([mean], [try #require(one["loss"]?.doubleValue)], within: 1e-5)
      #expect(clipped > 0)
    }
  }

  @Test func distillationAgreesWithTorch() throws {
    for one in try cases("distill") {
      let student = try numbers(one["student"]).map { Float($0) }
      let teacher = try numbers(one["teacher"]).map { Float($0) }
      let distribution = SparseDistribution(logits: teacher, count: teacher.count)
      #expect(distribution.tokens.count == SparseDistribution.size)
      let (gradient, softened) = (FloatBuffer(student), FloatBuffer(student))
      let target = try #require(one["target"]?.intValue)
      let hard = Kernels.best.crossEntropy(
        gradient.pointer, count: student.count, target: target, weight: 0.5)
      let soft = distribution.divergence(
        from: softened.pointer, count: student.count, weight: 0.5, addingGradientTo: gradient.pointer)
      equal([Double(hard + soft)], [try #require(one["loss"]?.doubleValue)], within: 2e-5)
      equal(gradient.array.map { Double($0) }, try numbers(one["gradient"]), within: 2e-5)
    }
  }

  @Test func weightsBringTheKindsIntoBalanceWithTheLeastChange() {
    for (desirable, undesirable) in [(30, 70), (70, 30), (50, 50), (55, 45), (1, 1_000), (1_000, 1)] {
      let weights = PreferenceLoss.weights(desirable: desirable, undesirable: undesirable)
      let quotient = weights.desirable * Double(desirable) / (weights.undesirable * Double(undesirable))
      #expect(quotient > 1 - 1e-9 && quotient < 4.0 / 3 + 1e-9, "\(desirable) : \(undesirable)")
      #expect(min(weights.desirable, weights.undesirable) == 1)
    }
    // The example of the reference: 30 % accepted gives 2.33.
    #expect(abs(PreferenceLoss.weights(desirable: 30, undesirable: 70).desirable - 2.333) < 1e-3)
  }

  @Test func lossesOfLargeMarginsAreFinite() {
    #expect(PreferenceLoss.direct(margin: -1e5, beta: 0.1).value == 1e4)
    #expect(PreferenceLoss.direct(margin: 1e5, beta: 0.1).value == 0)
    #expect(PreferenceLoss.prospect(ratio: -1e6, baseline: 0, isDesirable: true, beta: 1).value == 1)
  }
}
