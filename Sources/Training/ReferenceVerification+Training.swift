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
