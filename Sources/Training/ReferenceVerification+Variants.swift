import Foundation
import Gemma
import Weights

extension ReferenceVerification {
  /// An adapter of some kind as the trainer takes it: its loss on the tokens whose logits the fixture has and, where the folder
  /// has `gradients.safetensors` (of `scripts/fixtures/adapter_gradients.py`), loss and gradients over all tokens.
  mutating func trainVariant(_ kind: String, _ model: GemmaModel, _ ids: [Int32]) throws {
    guard model.configuration.trainingObstacle == nil,
      let logits = expected.tensor("variant.\(kind).logits"), logits.shape.count == 2,
      logits.shape[1] == model.configuration.vocabularySize, logits.shape[0] < ids.count, ids.count <= 256,
      ids.allSatisfy({ $0 >= 0 && Int($0) < logits.shape[1] })
    else { return }
    let adapter = try TrainableAdapter(model: model, directory: directory + "/" + kind)
    let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 256, longest: 256)
    let first = ids.count - logits.shape[0]
    let last = TrainingSequence(tokens: ids, weights: ids.indices.map { $0 > first ? 1 : 0 })
    check(
      "variant.\(kind).loss, trained", pass.run([last], gradientScale: nil).mean,
      Self.loss(logits.floats(), size: logits.shape[1], targets: ids.suffix(logits.shape[0] - 1)),
      tolerance: 2e-5)
    guard FileManager.default.fileExists(atPath: directory + "/gradients.safetensors") else { return }
    let gradients = try SafetensorsFile(path: directory + "/gradients.safetensors")
    let all = TrainingSequence(tokens: ids, weights: ids.indices.map { $0 > 0 ? 1 : 0 })
    let loss = pass.run([all], gradientScale: 1 / Float(ids.count - 1))
    check(
      "variant.\(kind).loss", loss.mean, gradients.tensor("\(kind).loss")?.floats().first.map(Double.init),
      tolerance: 2e-5)
    let references = try adapter.parameters.map {
      try gradients.require("\(kind).grad." + $0.name, shape: $0.shape).floats()
    }
    let largest = references.joined().reduce(Float(0)) { max($0, abs($1)) }
    for (parameter, reference) in zip(adapter.parameters, references) {
      let worst = zip(parameter.gradient.array, reference).reduce(0.0) {
        let difference = Double(abs($1.0 - $1.1))
        return difference <= $0 ? $0 : difference  // a NaN sticks
      }
      checks.append(
        Check(
          name: "variant.\(kind).grad." + parameter.name, difference: worst, tolerance: Double(largest) * 2e-4
        ))
    }
  }

  /// Mean negative log likelihood of `targets`, each under its row of logits.
  private static func loss(_ logits: [Float], size: Int, targets: ArraySlice<Int32>) -> Double {
    var sum = 0.0
    for (row, target) in targets.enumerated() {
      let values = logits[(row * size)..<(row * size + size)]
      let peak = Double(values.max() ?? 0)
      sum += log(values.reduce(0.0) { $0 + exp(Double($1) - peak) }) + peak
      sum -= Double(logits[row * size + Int(target)])
    }
    return sum / Double(max(1, targets.count))
  }
}
