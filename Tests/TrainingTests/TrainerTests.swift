import Carving
import Foundation
import Gemma
import Generation
import Testing
import Tokenizer

@testable import Training

private let basePath = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("models/gemfill-base/gemfill-base-q8_0.gguf").path

/// Holes in small functions; other ones in every epoch.
private func examples(epoch: Int) -> [FIMExample] {
  (0..<24).map { index in
    let name = "value_\(index + epoch * 100)"
    return FIMExample(
      path: "src/module_\(index % 5).py", language: "python", kind: index % 6 == 0 ? .plain : .node,
      nodePath: "",
      windowStart: 0, middleStart: 0, middleEnd: 0, prefix: "def get_\(name)(self):\n    return ",
      middle: "self._registry.lookup(\"\(name)\")", suffix: "\n\n\n")
  }
}

private struct Run {
  let engine: Engine
  let directory: String

  init() throws {
    engine = try Engine.load(path: basePath)
    directory =
      FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  func trainer(_ change: (inout TrainingRecipe) -> Void = { _ in }, identity: String = "same") throws
    -> Trainer
  {
    var recipe = TrainingRecipe()
    recipe.rank = 4
    recipe.budget = .steps(6)
    recipe.batchTokens = 512
    recipe.microBatchTokens = 256
    recipe.maximumLength = 128
    change(&recipe)
    return try Trainer(
      model: engine.model, format: engine.format, recipe: recipe, directory: directory, identity: identity,
      carve: examples, heldOut: Array(examples(epoch: 77).prefix(8)))
  }
}

@Suite struct TrainerTests {
  @Test func anInterruptedRunContinuesToTheSameBits() throws {
    let whole = try Run()
    let straight = try whole.trainer()
    let report = try straight.run(resume: false) { _ in }
    #expect(report.finished && report.last.step == 6)

    let broken = try Run()
    var steps = 0
    let first = try broken.trainer().run(resume: false, isCancelled: { steps == 2 }) { _ in steps += 1 }
    #expect(!first.finished && first.last.step == 2)
    let resumed = try broken.trainer()
    let second = try resumed.run(resume: true) { _ in }
    #expect(second.finished && second.last.step == 6)
    for (a, b) in zip(straight.adapter.parameters, resumed.adapter.parameters) {
      #expect(a.value.array == b.value.array, "\(a.name)")
    }
  }

  @Test func aRunWithEveryOptionContinuesToTheSameBits() throws {
    let change: (inout TrainingRecipe) -> Void = {
      $0.targets = [.query, .value, .down]
      $0.isRankStabilized = true
      $0.hasMagnitudes = true
      $0.trainedTokens = [67, 68, 69, 70]
      $0.dropout = 0.1
      $0.factorBRate = 4
      $0.schedule = .linear
      $0.recomputes = true
      $0.patience = 50
      $0.measuringInterval = 2
      $0.choosesScale = true
    }
    let straight = try Run().trainer(change)
    let report = try straight.run(resume: false) { _ in }
    #expect(report.scaleLosses.map(\.factor) == Trainer.scaleFactors)

    let broken = try Run()
    for stop in [3, 4] {
      var last = 0
      _ = try broken.trainer(change).run(resume: stop > 3, isCancelled: { last == stop }) { last = $0.step }
    }
    let resumed = try broken.trainer(change)
    let second = try resumed.run(resume: true) { _ in }
    #expect(second.finished && second.last.step == 6 && second.keptStep == report.keptStep)
    #expect(
      second.scaleFactor == report.scaleFactor && second.adapterLossPerByte == report.adapterLossPerByte)
    for (a, b) in zip(straight.adapter.parameters, resumed.adapter.parameters) {
      #expect(a.value.array == b.value.array, "\(a.name)")
    }
  }

  @Test func aRunThatGetsWorseStopsAndKeepsItsBestState() throws {
    let run = try Run()
    var losses: [Int: Double] = [:]
    let trainer = try run.trainer {
      $0.budget = .steps(60)
      $0.learningRate = 0.1
      $0.schedule = .constant
      $0.patience = 3
      $0.measuringInterval = 1
      $0.warmUp = 0.3
    }
    let report = try trainer.run(resume: false) { losses[$0.step] = $0.heldOutLossPerByte }
    let best = try #require(losses.min { $0.value < $1.value })
    #expect(report.finished && report.last.step == best.key + 3 && report.last.step < 60)
    #expect(report.keptStep == best.key && report.adapterLossPerByte == best.value)
    // The adapter is the one that was measured.
    let again = try run.trainer()
    for (to, from) in zip(again.adapter.parameters, trainer.adapter.parameters) {
      to.value.pointer.update(from: from.value.pointer, count: from.value.count)
    }
    let measured = try again.run(resume: false, isCancelled: { true }) { _ in }.baseLossPerByte
    #expect(measured == best.value)
  }

  @Test func theScaleWithTheLowestHeldOutLossStays() throws {
    let run = try Run()
    let trainer = try run.trainer {
      $0.budget = .steps(12)
      $0.learningRate = 0.02
      $0.choosesScale = true
    }
    let report = try trainer.run(resume: false) { _ in }
    let best = try #require(report.scaleLosses.min { $0.lossPerByte < $1.lossPerByte })
    #expect(report.scaleLosses.count == 4 && report.scaleFactor == best.factor)
    #expect(report.adapterLossPerByte == best.lossPerByte)
    #expect(trainer.adapter.alpha == (32 * best.factor * 1e6).rounded() / 1e6)
  }

  @Test func trainingLowersTheHeldOutLoss() throws {
    let run = try Run()
    var losses: [Double] = []
    let report = try run.trainer { $0.budget = .steps(25) }.run(resume: false) { losses.append($0.loss) }
    let (base, tuned) = (try #require(report.baseLossPerByte), try #require(report.adapterLossPerByte))
    #expect(tuned < base * 0.9, "\(base) → \(tuned)")
    #expect(losses.count == 25)
  }

  @Test func theTrainedAdapterIsReadBackAsItWas() throws {
    let run = try Run()
    let trainer = try run.trainer { $0.budget = .steps(2) }
    _ = try trainer.run(resume: false) { _ in }
    try trainer.adapter.write(to: run.directory + "/adapter", baseModelName: "base.gguf")
    let read = try TrainableAdapter(run.engine.model.configuration, directory: run.directory + "/adapter")
    for (a, b) in zip(trainer.adapter.parameters, read.parameters) { #expect(a.value.array == b.value.array) }
  }

  @Test func aCheckpointOfAnotherRunOrADamagedOneIsRefused() throws {
    let run = try Run()
    var steps = 0
    _ = try run.trainer().run(resume: false, isCancelled: { steps == 1 }) { _ in steps += 1 }
    #expect(throws: TrainingError.self) { try run.trainer(identity: "other").run(resume: true) { _ in } }
    let path = run.directory + "/checkpoint.safetensors"
    let bytes = try #require(FileManager.default.contents(atPath: path))
    for length in [0, 7, 100, bytes.count / 2, bytes.count - 1] {
      try Data(bytes.prefix(length)).write(to: URL(fileURLWithPath: path))
      #expect(throws: (any Error).self) { try run.trainer().run(resume: true) { _ in } }
    }
  }

  @Test func aRunThatWasKilledBeforeItsFirstCheckpointBeginsAnew() throws {
    let straight = try Run().trainer { $0.budget = .steps(2) }
    _ = try straight.run(resume: false) { _ in }
    let resumed = try Run().trainer { $0.budget = .steps(2) }
    #expect(try resumed.run(resume: true) { _ in }.last.step == 2)
    for (a, b) in zip(straight.adapter.parameters, resumed.adapter.parameters) {
      #expect(a.value.array == b.value.array, "\(a.name)")
    }
  }

  @Test func measuringTheHeldOutLossMeanwhileChangesNothing() throws {
    let straight = try Run().trainer { $0.budget = .steps(3) }
    _ = try straight.run(resume: false) { _ in }
    let run = try Run()
    let measured = try run.trainer { $0.budget = .steps(3) }
    measured.measurementInterval = 0
    measured.checkpointInterval = 0
    measured.measurementShare = .infinity
    var losses: [Double?] = []
    let report = try measured.run(resume: false) { progress in
      losses.append(progress.heldOutLossPerByte)
      let isSaved = FileManager.default.fileExists(atPath: Checkpoint.path(in: run.directory))
      #expect(isSaved == (progress.step > 1))
    }
    // The last measurement is the report's.
    #expect(losses.map { $0 == nil } == [false, false, true] && report.adapterLossPerByte != nil)
    for (a, b) in zip(straight.adapter.parameters, measured.adapter.parameters) {
      #expect(a.value.array == b.value.array, "\(a.name)")
    }
    #expect(report.finished)
  }

  @Test func aLossThatRisesForGoodEndsTheRunAndSpikesDoNot() throws {
    var watch = DivergenceWatch()
    for step in 1...40 { try watch.check(step: step, loss: step % 10 == 0 ? 9 : 3) }
    var failed: Int?
    for step in 41...90 {
      do { try watch.check(step: step, loss: 8) } catch {
        failed = step
        #expect(error.description.contains("lower --learning-rate"))
        break
      }
    }
    #expect(try (60...75).contains(#require(failed)))
  }

  @Test func dataWithoutAnUsableExampleIsAnError() throws {
    let run = try Run()
    let trainer = try Trainer(
      model: run.engine.model, format: run.engine.format, recipe: TrainingRecipe(), directory: run.directory,
      identity: "", carve: { _ in [] }, heldOut: [])
    #expect(throws: TrainingError.self) { try trainer.run(resume: false) { _ in } }
  }

  @Test func sentinelsAndPathsCarryNoLossAndTheMiddleAll() throws {
    let run = try Run()
    let encoder = ExampleEncoder(format: run.engine.format, recipe: TrainingRecipe())
    let example = examples(epoch: 0)[1]
    for order in PromptOrder.allCases {
      let sequence = try #require(encoder.sequence(example, order: order))
      let middle = run.engine.tokenizer.encode(example.middle)
      #expect(sequence.weights.filter { $0 == 1 }.count == middle.count)
      #expect(sequence.weights.last == TrainingRecipe().endWeight)
      #expect(sequence.weights.prefix(sequence.tokens.count - middle.count - 1).allSatisfy { $0 == 0 })
    }
  }

  @Test func aGemmaWithoutMarksTrainsAndServesWithUnusedPieces() async throws {
    let path =
      URL(fileURLWithPath: basePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path + "/Tests/Fixtures/tokenizer/small-spm.model"
    let tokenizer = try Tokenizer(sentencePieceModel: path)
    let shape = GemmaConfiguration.shape(
      layers: 2, hidden: 64, intermediate: 96, headDim: 32, vocabulary: tokenizer.vocabularySize, window: 64)
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let engine = try Engine(model: model, tokenizer: tokenizer)
    #expect(engine.format.marks.source == .unused)
    var recipe = TrainingRecipe()
    recipe.rank = 4
    recipe.budget = .steps(2)
    recipe.batchTokens = 512
    recipe.microBatchTokens = 512
    recipe.maximumLength = 512
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString)"
    ).path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let trainer = try Trainer(
      model: model, format: engine.format, recipe: recipe, directory: directory, identity: "x",
      carve: examples,
      heldOut: Array(examples(epoch: 77).prefix(4)))
    let report = try trainer.run(resume: false) { _ in }
    #expect(try report.finished && #require(report.adapterLossPerByte).isFinite)
    let asked = InfillRequest(
      path: "a.py", context: [PromptSnippet(path: "b.py", text: Array("b = 1\n".utf8))],
      prefix: Array("x = ".utf8), suffix: [0x0A], maxTokens: 4, timeBudgetMs: 60_000)
    let result = try await engine.infill(asked)
    let expected = engine.format.prompt(
      path: asked.path, context: asked.context, prefix: asked.prefix, suffix: asked.suffix,
      order: .suffixFirst)
    #expect(result.evaluatedPromptTokens == expected.count && expected.contains(6))
  }
}
