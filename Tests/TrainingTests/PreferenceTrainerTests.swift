import Carving
import Foundation
import Generation
import Testing

@testable import Training

private let basePath = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("models/gemfill-base/gemfill-base-q8_0.gguf").path

/// A hole in a small function, and a good and a bad answer to it.
private func hole(_ index: Int) -> (path: String, prefix: String, good: String, bad: String, suffix: String) {
  let name = ["value", "entry", "record", "item", "field"][index % 5] + "_\(index)"
  return (
    "src/module_\(index % 7).py", "def get_\(name)(self):\n    return ", "self._registry.lookup(\"\(name)\")",
    "None  # TODO", "\n\n\n"
  )
}

private func labels(_ range: Range<Int>) -> [PreferenceExample] {
  range.map { index in
    let hole = hole(index)
    return PreferenceExample(
      path: hole.path, prefix: hole.prefix, suffix: hole.suffix,
      verdict: .single(
        completion: index % 3 == 0 ? hole.good : hole.bad, isDesirable: index % 3 == 0, weight: 1,
        isWhole: true))
  }
}

private func pairs(_ range: Range<Int>) -> [PreferenceExample] {
  range.map { index in
    let hole = hole(index)
    return PreferenceExample(
      path: hole.path, prefix: hole.prefix, suffix: hole.suffix,
      verdict: .pair(chosen: hole.good, rejected: hole.bad))
  }
}

private struct Run {
  let engine: Engine
  let directory: String
  var recipe = TrainingRecipe()

  init(_ name: ObjectiveSettings.Name, steps: Int) throws {
    engine = try Engine.load(path: basePath)
    directory =
      FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    recipe.rank = 4
    recipe.budget = .steps(steps)
    recipe.learningRate = 1e-3
    recipe.batchTokens = 512
    recipe.microBatchTokens = 256
    recipe.maximumLength = 128
    recipe.objective.name = name
  }

  func trainer(_ examples: [PreferenceExample]) throws -> Trainer {
    let set = PreferenceSet(path: "set", examples: examples)
    return try Trainer(
      model: engine.model, recipe: recipe, directory: directory, identity: "same",
      source: PreferenceSource(examples, format: engine.format, limit: recipe.maximumLength), heldOut: [],
      objective: recipe.objective.objective(of: set, longest: recipe.maximumLength))
  }

  func sequences(_ examples: [PreferenceExample]) -> [TrainingSequence] {
    examples.flatMap { $0.sequences(engine.format, limit: recipe.maximumLength) }
  }
}

@Suite struct PreferenceTrainerTests {
  @Test(arguments: [ObjectiveSettings.Name.kto, .apoZero, .dpo])
  func verdictsOnOtherHolesAreFollowedAfterwards(name: ObjectiveSettings.Name) throws {
    let run = try Run(name, steps: 12)
    let make = name == .dpo ? pairs : labels
    let trainer = try run.trainer(make(0..<60))
    let heldOut = run.sequences(make(100..<124))
    #expect(heldOut.count == (name == .dpo ? 48 : 24))
    let before = try #require(trainer.measure(heldOut))
    // A fresh adapter is the base.
    #expect(abs(try #require(before.figures["margin"])) < 1e-4)
    let report = try trainer.run(resume: false) { _ in }
    #expect(report.last.figures["margin"] != nil)
    let after = try #require(trainer.measure(heldOut))
    #expect(after.mean < before.mean, "\(before) → \(after)")
    #expect(try #require(after.figures["margin"]) > 0.1, "\(after)")
    #expect(try #require(after.figures["accuracy"]) > 0.9, "\(after)")
  }

  @Test(arguments: [ObjectiveSettings.Name.kto, .dpo])
  func anInterruptedRunContinuesToTheSameBits(name: ObjectiveSettings.Name) throws {
    let make = name == .dpo ? pairs : labels
    let whole = try Run(name, steps: 5)
    let straight = try whole.trainer(make(0..<60))
    _ = try straight.run(resume: false) { _ in }
    let broken = try Run(name, steps: 5)
    var steps = 0
    _ = try broken.trainer(make(0..<60)).run(resume: false, isCancelled: { steps == 2 }) { _ in steps += 1 }
    let resumed = try broken.trainer(make(0..<60))
    _ = try resumed.run(resume: true) { _ in }
    for (a, b) in zip(straight.adapter.parameters, resumed.adapter.parameters) {
      #expect(a.value.array == b.value.array, "\(a.name)")
    }
  }

  @Test func anAnswerThatWasCutSaysNothingAboutItsEnd() throws {
    let engine = try Engine.load(path: basePath)
    func sequence(isWhole: Bool) throws -> TrainingSequence {
      let example = PreferenceExample(
        path: "a.py", prefix: "def f(x):\n    return ", suffix: "\n",
        verdict: .single(completion: "x + 1", isDesirable: true, weight: 0.5, isWhole: isWhole))
      return try #require(example.sequences(engine.format, limit: 128).first)
    }
    let (whole, cut) = try (sequence(isWhole: true), sequence(isWhole: false))
    #expect(whole.tokens.last == engine.tokenizer.endToken)
    #expect(cut.tokens == Array(whole.tokens.dropLast()))
    #expect(cut.signal == .desirable(weight: 0.5))
    // The prompt carries no loss, nor does the word before the cursor with which a healed answer begins.
    #expect(whole.weights[..<whole.middleStart].allSatisfy { $0 == 0 })
    #expect(whole.weights[whole.middleStart...].allSatisfy { $0 == 1 })
    let text = whole.tokens[whole.middleStart...].dropLast().flatMap { engine.tokenizer.bytes(of: $0) }
    #expect(String(decoding: text, as: UTF8.self).hasSuffix("x + 1"))
  }

  /// Rewards the share of an answer that is small letters.
  private struct SmallLetters: RewardFunction {
    func scores(_ rollouts: [Rollout]) -> [Double] {
      rollouts.map { rollout in
        let letters = rollout.completion.count { (0x61...0x7A).contains($0) }
        return Double(letters) / Double(max(1, rollout.completion.count))
      }
    }
  }

  @Test func whatIsRewardedBecomesMoreFrequentInOtherHoles() throws {
    var run = try Run(.grpo, steps: 10)
    run.recipe.objective.policy.groupSize = 8
    run.recipe.objective.policy.maxTokens = 6
    run.recipe.learningRate = 5e-3
    run.recipe.batchTokens = 2_048
    run.recipe.microBatchTokens = 1_024
    func holes(_ range: Range<Int>) -> [FIMExample] {
      range.map {
        let hole = hole($0)
        return FIMExample(
          path: hole.path, language: "python", kind: .node, nodePath: "", windowStart: 0, middleStart: 0,
          middleEnd: 0, prefix: hole.prefix, middle: hole.good, suffix: hole.suffix)
      }
    }
    final class Factors { var adapter: TrainableAdapter? }
    let factors = Factors()
    let recipe = run.recipe
    func source() -> PolicySource {
      PolicySource(
        GroupSampler(run.engine.model, format: run.engine.format, contextLength: 128),
        format: run.engine.format,
        options: recipe.objective.policy, recipe: recipe, reward: SmallLetters(),
        policy: { factors.adapter?.inferenceView() }, carve: { _ in holes(0..<40) })
    }
    let trainer = try Trainer(
      model: run.engine.model, recipe: recipe, directory: run.directory, identity: "same", source: source(),
      heldOut: [], objective: recipe.objective.objective(longest: 128))
    let before = try source().meanReward(holes(100..<112))
    factors.adapter = trainer.adapter
    var clipped: [Double] = []
    _ = try trainer.run(resume: false) { clipped.append($0.figures["clipped"] ?? 1) }
    let after = try source().meanReward(holes(100..<112))
    #expect(after > before + 0.1, "\(before) → \(after)")
    // Sampled and trained with the same kernels: on-policy answers lie inside the clip range.
    #expect((clipped.first ?? 1) < 0.02, "\(clipped)")
  }

  @Test func aTeacherLikeTheBaseTeachesNothingNew() throws {
    let run = try Run(.distill, steps: 1)
    let teacher = Teacher(run.engine.model, longest: 128)
    var one = try #require(run.sequences(Array(pairs(0..<1))).first)
    one.signal = nil
    one.teacher = try teacher.distributions(for: one)
    #expect(one.teacher.count == one.tokens.count - one.middleStart)
    for distribution in one.teacher {
      #expect(abs(distribution.probabilities.reduce(distribution.rest, +) - 1) < 1e-5)
    }
    let adapter = TrainableAdapter(run.engine.model.configuration, rank: 4, alpha: 8, seed: 1)
    let pass = try TrainingPass(model: run.engine.model, adapter: adapter, maximumTokens: 128, longest: 128)
    let taught = pass.run([one], gradientScale: nil).sum
    one.teacher = []
    let plain = pass.run([one], gradientScale: nil).sum
    // The divergence from itself is nearly 0: what is left is the half of the cross entropy.
    #expect(abs(taught - plain / 2) < 0.02 * plain, "\(taught) \(plain)")
  }

  @Test func aTeachersTextIsLearntOnlyWhereItIsAccepted() throws {
    let engine = try Engine.load(path: basePath)
    let hole = hole(3)
    let example = FIMExample(
      path: hole.path, language: "python", kind: .node, nodePath: "", windowStart: 0,
      middleStart: hole.prefix.utf8.count, middleEnd: hole.prefix.utf8.count + 3, prefix: hole.prefix,
      middle: "old", suffix: hole.suffix)
    var seen: [Double] = []
    func texts(_ verdict: Bool) -> TeacherTexts {
      TeacherTexts(engine.model, format: engine.format, longest: 128) { _, _, probability in
        seen.append(probability)
        return verdict
      }
    }
    let teacher = texts(true)
    let taught = try #require(try teacher.rewritten(example))
    #expect(taught.middle != "old" && taught.middleEnd - taught.middleStart == taught.middle.utf8.count)
    #expect(try teacher.rewritten(example) == taught)
    #expect(seen.count == 1 && seen[0] > 0 && seen[0] <= 1)
    #expect(try texts(false).rewritten(example) == nil)
    var plain = example
    plain.kind = .plain
    #expect(try texts(false).rewritten(plain) == plain)
  }
}
