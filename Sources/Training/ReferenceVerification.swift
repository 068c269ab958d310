import Foundation
import Gemma
import Weights

/// Compares the f32 path with reference tensors: logits, hidden states, greedy decoding, adapter logits, loss,
/// gradients and five optimiser steps. The fixture's layout is that of `scripts/fixtures`.
public struct ReferenceVerification {
  /// One comparison.
  public struct Check: Sendable {
    /// What was compared.
    public var name: String
    /// Largest absolute difference, or the number of differing ids for greedy decoding.
    public var difference: Double
    /// Largest difference allowed.
    public var tolerance: Double
    /// Within the tolerance (a NaN is not).
    public var passed: Bool { difference <= tolerance }
  }

  /// All comparisons, in order.
  public private(set) var checks: [Check] = []
  /// Our own tensors under the names of `expected.safetensors`.
  public private(set) var actual: [OutputTensor] = []

  private let directory: String
  private let expected: SafetensorsFile
  private let facts: JSONValue

  /// Opens a fixture directory.
  ///
  /// - Throws: `WeightsError`, `JSONError`.
  public init(directory: String) throws {
    self.directory = directory
    expected = try SafetensorsFile(path: directory + "/expected.safetensors")
    guard let data = FileManager.default.contents(atPath: directory + "/expected.json") else {
      throw WeightsError.unreadable(path: directory + "/expected.json", reason: "it cannot be opened")
    }
    facts = try JSONValue(parsing: [UInt8](data))
  }

  /// Runs every comparison that the fixture has data for.
  ///
  /// - Throws: `WeightsError`, `GemmaError` where the model itself cannot be read.
  public mutating func run() throws {
    let model = try GemmaModel.load(path: directory, precision: .float32)
    let ids = tokens(facts["input_ids"])
    try forward(model, ids)
    try greedy(model, adapter: nil, facts["greedy"], name: "greedy")
    try variant("config.legacy.json", ids, against: "logits", rows: ids.count)
    try variant("config.ropescale.json", ids, against: "ropescale.logits_last4", rows: 4)
    if FileManager.default.fileExists(atPath: directory + "/bf16") {
      let half = try GemmaModel.load(path: directory + "/bf16", precision: .float32)
      try compareLogits(half, nil, ids, "bf16.logits_f32_compute_last16", rows: 16, tolerance: 5e-4)
      try greedy(half, adapter: nil, facts["bf16"]?["greedy_f32_compute"], name: "bf16.greedy")
    }
    let adapter = try LoRAAdapter(directory: directory + "/adapter", model: model)
    try compareLogits(model, adapter, ids, "lora.logits", rows: ids.count, tolerance: 3e-4)
    try greedy(model, adapter: adapter, facts["lora"]?["greedy"], name: "lora.greedy")
    try training(model)
  }

  private func tokens(_ value: JSONValue?) -> [Int32] {
    (value?.arrayValue ?? []).compactMap { $0.intValue.map { Int32(clamping: $0) } }
  }

  private mutating func record(_ name: String, shape: [Int], _ values: [Float], tolerance: Double) {
    actual.append(OutputTensor(name: name, shape: shape, floats: values))
    guard let reference = expected.tensor(name) else { return }
    var worst = reference.elementCount == values.count ? 0 : Double.infinity
    for (a, b) in zip(reference.floats(), values) {
      let difference = Double(abs(a - b))
      worst = difference <= worst ? worst : difference  // a NaN sticks
    }
    checks.append(Check(name: name, difference: worst, tolerance: tolerance))
  }

  private mutating func forward(_ model: GemmaModel, _ ids: [Int32]) throws {
    let c = model.configuration
    let session = InferenceSession(model, capacity: ids.count)
    var hidden: [(String, [Float])] = []
    session.observer = { name, pointer, rows in
      hidden.append((name, Array(UnsafeBufferPointer(start: pointer, count: rows * c.hiddenSize))))
    }
    let logits = try session.append(ids, logits: .all)
    let all = Array(UnsafeBufferPointer(start: logits, count: ids.count * c.vocabularySize))
    record("logits", shape: [ids.count, c.vocabularySize], all, tolerance: 3e-4)
    for (name, values) in hidden {
      record("hidden." + name, shape: [ids.count, c.hiddenSize], values, tolerance: 6e-4)
    }
  }

  private mutating func compareLogits(
    _ model: GemmaModel, _ adapter: LoRAAdapter?, _ ids: [Int32], _ name: String, rows: Int, tolerance: Double
  ) throws {
    let size = model.configuration.vocabularySize
    guard ids.count >= rows else { throw malformed("input_ids", "has fewer than \(rows) ids") }
    let session = InferenceSession(model, capacity: ids.count, chunk: 7)
    session.adapter = adapter
    let logits = try session.append(ids, logits: .all)
    let last = UnsafeBufferPointer(start: logits + (ids.count - rows) * size, count: rows * size)
    record(name, shape: [rows, size], Array(last), tolerance: tolerance)
  }

  private mutating func variant(_ file: String, _ ids: [Int32], against name: String, rows: Int) throws {
    guard FileManager.default.fileExists(atPath: directory + "/" + file) else { return }
    let source = try ModelDirectory(path: directory, configurationFile: file)
    let configuration = try GemmaConfiguration(json: source.configuration, path: directory + "/" + file)
    let model = try GemmaModel(configuration, source, names: HubNames(source), precision: .float32)
    try compareLogits(model, nil, ids, name, rows: rows, tolerance: 3e-4)
    if let last = checks.indices.last { checks[last].name = file + ": " + name }
    if name == "logits" { actual.removeLast() }
  }

  private mutating func greedy(
    _ model: GemmaModel, adapter: LoRAAdapter?, _ facts: JSONValue?, name: String
  ) throws {
    let prompt = tokens(facts?["prompt"])
    let wanted = tokens(facts?["continuation"])
    guard !prompt.isEmpty, !wanted.isEmpty else { return }
    let size = model.configuration.vocabularySize
    let session = InferenceSession(model, capacity: prompt.count + wanted.count)
    session.adapter = adapter
    var logits = try session.append(prompt, logits: .last)
    var found: [Int32] = []
    for _ in wanted {
      let row = UnsafeBufferPointer(start: logits, count: size)
      let next = Int32(row.indices.max { row[$0] < row[$1] } ?? 0)
      found.append(next)
      logits = try session.append([next], logits: .last)
    }
    let differing = zip(found, wanted).filter { $0 != $1 }.count
    checks.append(Check(name: name, difference: Double(differing), tolerance: 0))
  }

  /// Labels of −100 carry no loss, as in transformers; padding is cut off.
  private func sequences(_ batch: JSONValue?, vocabularySize: Int) throws -> [TrainingSequence] {
    let rows = (batch?["input_ids"]?.arrayValue ?? []).map(tokens)
    let masks = (batch?["attention_mask"]?.arrayValue ?? []).map(tokens)
    let labels = (batch?["labels"]?.arrayValue ?? []).map(tokens)
    guard rows.count == masks.count, rows.count == labels.count, rows.count <= 2 else {
      throw malformed("a batch", "has not one mask and one row of labels for each of at most two rows")
    }
    return try rows.indices.map { index in
      let length = masks[index].prefix { $0 == 1 }.count
      let (ids, marks) = (rows[index].prefix(length), labels[index].prefix(length))
      guard length <= 64, ids.count == length, marks.count == length,
        ids.allSatisfy({ $0 >= 0 && Int($0) < vocabularySize })
      else {
        throw malformed(
          "a batch", "has a row of another length than its mask, or an id beyond the vocabulary")
      }
      return TrainingSequence(tokens: Array(ids), weights: marks.map { $0 == -100 ? Float(0) : 1 })
    }
  }

  private func malformed(_ place: String, _ problem: String) -> WeightsError {
    .malformed(path: directory + "/expected.json", place: place, problem: problem)
  }

  private mutating func training(_ model: GemmaModel) throws {
    let adapter = try TrainableAdapter(model.configuration, directory: directory + "/adapter")
    let pass = TrainingPass(model: model, adapter: adapter, maximumTokens: 128, longest: 64)
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
    let pass = TrainingPass(model: model, adapter: adapter, maximumTokens: 128, longest: 64)
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

  private mutating func check(_ name: String, _ value: Double, _ wanted: Double?, tolerance: Double) {
    guard let wanted else { return }
    checks.append(Check(name: name, difference: abs(value - wanted), tolerance: tolerance))
  }
}
