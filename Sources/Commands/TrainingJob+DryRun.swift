import Foundation
import Training
import Weights

extension TrainingJob {
  /// Carves, tokenises a sample, times three real steps, and says what the run would cost here and on rented machines.
  mutating func dryRun() throws -> ExitCode {
    let machines = try RentedMachines(home: registry.home).machines
    let (estimate, factors, sample) = try measure()
    guard let estimate else { return .interrupted }
    let model = engine.model
    let operations = TrainingEstimate.operationsPerToken(
      weights: model.parameterCount
        - (model.head === model.embedding ? 0 : model.embedding.outputs * model.embedding.inputs),
      factors: factors)
    console.print(
      "\(data.fileCount) files, \(data.byteCount / 1_000) kB, \(sample.examples) examples an epoch, "
        + String(format: "%.0f tokens each (%d tokenised)", sample.tokensPerExample, sample.tokenised))
    console.print(
      String(
        format: "%.0f tokens/s here; about %.1f minutes an epoch", estimate.tokensPerSecond,
        estimate.tokensPerEpoch / estimate.tokensPerSecond / 60))
    console.print(
      String(
        format: "this run: %d steps, %.2f M tokens, %.2f hours here", estimate.steps, estimate.tokens / 1e6,
        estimate.seconds / 3_600))
    let peak = PeakMemory.megabytes
    if let peak { console.print("peak memory: \(peak) MB") }
    let rented = machines.map { ($0, estimate.cost(on: $0, operationsPerToken: operations)) }
    if machines.isEmpty {
      console.print("no rented machines to compare with: none under \"gpus\" in \(registry.home.settings)")
    } else {
      console.table(
        ["machine", "tokens/s", "hours", "cost"],
        rented.map { machine, cost in
          [
            machine.name, String(format: "%.0f", cost.tokensPerSecond), String(format: "%.2f", cost.hours),
            String(format: "%.2f %@", cost.money, machine.currency),
          ]
        }, alignment: [.left, .right, .right, .right])
    }
    console.emit(json: [
      "files": .int(data.fileCount), "bytes": .int(data.byteCount),
      "examples_per_epoch": .int(sample.examples),
      "tokens_per_second": .double(estimate.tokensPerSecond),
      "minutes_per_epoch": .double(estimate.tokensPerEpoch / estimate.tokensPerSecond / 60),
      "peak_megabytes": peak.map { .int($0) } ?? .null, "prediction": estimate.json,
      "operations_per_token": .double(operations),
      "gpus": .array(
        rented.map { machine, cost in
          [
            "name": .string(machine.name), "tokens_per_second": .double(cost.tokensPerSecond),
            "hours": .double(cost.hours), "cost": .double(cost.money), "currency": .string(machine.currency),
          ]
        }),
    ])
    return .done
  }

  /// Three steps of this recipe on this data, in a folder that goes away; nil where the user stops them.
  private func measure() throws -> (TrainingEstimate?, factors: Int, sample: TrainingData.Sample) {
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-dry-run-\(getpid())")
      .path
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    console.progress("tokenising a sample")
    let sample = try data.sample(engine.format, recipe)
    guard sample.tokensPerExample > 0 else { throw TrainingError.noExamples }
    var short = recipe
    short.budget = .steps(3)
    let heldOutTokens = try data.trainer(engine, short, context, directory: scratch, identity: identity)
      .heldOutTokens
    let trainer = try data.trainer(
      engine, short, context, directory: scratch, identity: identity, measures: false)
    console.progress("three steps")
    var points: [(seconds: Double, tokens: Int)] = []
    _ = try trainer.run(resume: false, isCancelled: { Interrupt.isRequested }) { progress in
      points.append((progress.elapsed, progress.tokens))
    }
    console.endProgress()
    guard let first = points.first, let last = points.last, points.count == 3 else { return (nil, 0, sample) }
    // The first step warms caches up.
    let estimate = TrainingEstimate(
      tokensPerStep: Double(last.tokens) / 3, secondsPerStep: (last.seconds - first.seconds) / 2,
      tokensPerEpoch: Double(sample.examples) * sample.tokensPerExample, heldOutTokens: heldOutTokens,
      budget: recipe.budget)
    return (estimate, trainer.adapter.parameterCount, sample)
  }
}
