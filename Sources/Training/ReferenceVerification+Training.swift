import Gemma
import Weights

extension ReferenceVerification {
  /// Loss, gradients and five optimiser steps; for a generation without backward pass only the reason why not.
  mutating func training(_ model: GemmaModel) throws {
    if let obstacle = model.configuration.trainingObstacle {
      trainingOmission = "\(model.configuration.generation.rawValue) is not trained here: \(obstacle)"
      return
    }
    let adapter = try TrainableAdapter(model.configuration, directory: directory + "/adapter")
    let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 128, longest: 64)
    let size = model.configuration.vocabularySize
    let batch = try sequences(facts["fim_batch"], vocabularySize: size)
    guard !batch.isEmpty else { return }
    let loss = step(pass, batch)
    check("fim_batch.loss", loss, facts["fim_batch"]?["loss"]?.doubleValue, tolerance: 2e-5)
    var largest: Float = 0
    for parameter in adapter.parameters {
      largest = max(largest, expected.tensor("grad." + parameter.name)?.floats().map { abs($0) }.max() ?? 0)
    }
    for parameter in adapter.parameters {
      record(
        "grad." + parameter.name, shape: parameter.shape, parameter.gradient.array,
        tolerance: Double(largest) * 2e-4)
    }
    try optimise(model)
    try preferences(model)
  }

  /// DPO over the fixture's pairs: log probabilities, margins, loss and gradients.
  private mutating func preferences(_ model: GemmaModel) throws {
    guard let facts = facts["dpo"] else { return }
    let size = model.configuration.vocabularySize
    let chosen = try sequences(facts["chosen"], vocabularySize: size)
    let rejected = try sequences(facts["rejected"], vocabularySize: size)
    guard chosen.count == rejected.count else { throw malformed("dpo", "has answers without a partner") }
    let adapter = try TrainableAdapter(model.configuration, directory: directory + "/adapter")
    let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 256, longest: 64)
    let beta = facts["beta"]?.doubleValue ?? 0.1
    var pairs: [TrainingSequence] = []
    for (var better, var worse) in zip(chosen, rejected) {
      (better.signal, worse.signal) = (.chosen, .rejected)
      pairs += [better, worse]
    }
    let policy = pass.logProbabilities(pairs)
    pass.usesAdapter = false
    let base = pass.logProbabilities(pairs)
    pass.usesAdapter = true
    for (name, values) in [("policy", policy), ("ref", base)] {
      for (place, kind) in ["chosen", "rejected"].enumerated() {
        for (index, wanted) in (facts["\(name)_\(kind)_logps"]?.arrayValue ?? []).enumerated()
        where 2 * index + place < values.count {
          check("dpo.\(name)_\(kind)_logps", values[2 * index + place], wanted.doubleValue, tolerance: 6e-4)
        }
      }
    }
    for (index, wanted) in (facts["margins"]?.arrayValue ?? []).enumerated() where index < chosen.count {
      let (w, l) = (2 * index, 2 * index + 1)
      let margin = beta * (policy[w] - base[w] - policy[l] + base[l])
      check("dpo.margins", margin, wanted.doubleValue, tolerance: 6e-5)
    }
    adapter.clearGradients()
    var objective = DirectPreferenceObjective(beta: beta, imitationWeight: 0)
    let loss = objective.accumulate([pairs], pass)
    check("dpo.loss", loss.mean, facts["loss"]?.doubleValue, tolerance: 2e-5)
    recordGradients(of: adapter, prefix: "dpo_grad.")
  }

  /// Gradients that the fixture holds under `prefix`, to 2e-4 of the largest of them.
  private mutating func recordGradients(of adapter: TrainableAdapter, prefix: String) {
    let held = adapter.parameters.filter { expected.tensor(prefix + $0.name) != nil }
    let largest = held.reduce(Float(0)) {
      max($0, expected.tensor(prefix + $1.name)?.floats().map { abs($0) }.max() ?? 0)
    }
    for parameter in held {
      record(
        prefix + parameter.name, shape: parameter.shape, parameter.gradient.array,
        tolerance: Double(largest) * 2e-4)
    }
  }

  private func step(_ pass: TrainingPass, _ batch: [TrainingSequence]) -> Double {
    pass.adapter.clearGradients()
    let weight = batch.reduce(Float(0)) { $0 + $1.weights.reduce(0, +) }
    return pass.run(batch, gradientScale: 1 / weight).mean
  }

  private mutating func optimise(_ model: GemmaModel) throws {
    let settings = facts["train"]?["hyperparameters"]
    let adapter = try TrainableAdapter(model.configuration, directory: directory + "/adapter")
    let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 128, longest: 64)
    var optimizer = AdamWOptimizer()
    optimizer.beta2 = 0.999
    optimizer.weightDecay = Float(settings?["weight_decay"]?.doubleValue ?? 0.01)
    optimizer.maximumNorm = Float(settings?["max_grad_norm"]?.doubleValue ?? 1)
    let peak = Float(settings?["lr"]?.doubleValue ?? 2e-3)
    for (index, facts) in (facts["train"]?["steps"]?.arrayValue ?? []).enumerated() {
      let size = model.configuration.vocabularySize
      let loss = step(pass, try sequences(facts, vocabularySize: size))
      check("step \(index + 1) loss", loss, facts["loss"]?.doubleValue, tolerance: 2e-5)
      let rate = LearningRateSchedule.transformersCosine(
        peak: peak, step: index, warmUp: settings?["warmup_steps"]?.intValue ?? 2,
        total: settings?["total_steps"]?.intValue ?? 8)
      check("step \(index + 1) rate", Double(rate), facts["lr"]?.doubleValue, tolerance: 1e-9)
      optimizer.update(adapter, learningRate: rate)
    }
    for parameter in adapter.parameters {
      record("after5." + parameter.name, shape: parameter.shape, parameter.value.array, tolerance: 2e-5)
    }
  }
}
