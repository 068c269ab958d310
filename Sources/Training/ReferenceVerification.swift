import Foundation
import Gemma
import Weights

/// Compares the f32 path with reference tensors: logits, hidden states, greedy decoding, adapter logits, loss,
/// gradients, five optimiser steps and a step of DPO. The fixture's layout is that of `scripts/fixtures`.
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

  /// Reference data with which nothing was compared.
  public struct Omission: Sendable {
    /// Name of the tensors, up to the part in which they differ.
    public var name: String
    /// How many there are.
    public var count: Int
    /// Why.
    public var reason: String
  }

  /// All comparisons, in order.
  public internal(set) var checks: [Check] = []
  /// What the fixture holds beyond them: an empty list means that everything was compared.
  public private(set) var omissions: [Omission] = []
  /// Our own tensors under the names of `expected.safetensors`.
  public internal(set) var actual: [OutputTensor] = []

  let directory: String
  let expected: SafetensorsFile
  let facts: JSONValue
  /// Why the backward pass was left out.
  var trainingOmission: String?
  private var compared: Set<String> = []

  /// Opens a fixture directory: one of a model, or one of adapters for the model of another.
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
    if let base = facts["base_model"]?.stringValue {
      try adapters(base: base)
    } else {
      try model()
    }
    listOmissions()
  }

  private mutating func model() throws {
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
    try batchForward(model, adapter)
    try training(model)
  }

  func tokens(_ value: JSONValue?) -> [Int32] {
    (value?.arrayValue ?? []).compactMap { $0.intValue.map { Int32(clamping: $0) } }
  }

  func malformed(_ place: String, _ problem: String) -> WeightsError {
    .malformed(path: directory + "/expected.json", place: place, problem: problem)
  }

  mutating func record(_ name: String, shape: [Int], _ values: [Float], tolerance: Double) {
    actual.append(OutputTensor(name: name, shape: shape, floats: values))
    guard let reference = expected.tensor(name) else { return }
    compared.insert(name)
    var worst = reference.elementCount == values.count ? 0 : Double.infinity
    for (a, b) in zip(reference.floats(), values) {
      let difference = Double(abs(a - b))
      worst = difference <= worst ? worst : difference  // a NaN sticks
    }
    checks.append(Check(name: name, difference: worst, tolerance: tolerance))
  }

  mutating func check(_ name: String, _ value: Double, _ wanted: Double?, tolerance: Double) {
    guard let wanted else { return }
    checks.append(Check(name: name, difference: abs(value - wanted), tolerance: tolerance))
  }

  /// Groups the reference tensors that no comparison has used by the beginning of their names.
  private mutating func listOmissions() {
    var counts: [String: Int] = [:]
    for name in expected.tensorNames where !compared.contains(name) {
      let group = name.hasPrefix("merge.") ? "merge" : String(name.prefix { $0 != "." })
      counts[group, default: 0] += 1
    }
    for (group, count) in counts.sorted(by: { $0.key < $1.key }) {
      let reason =
        switch group {
        case "grad", "after5", "dpo_grad": trainingOmission ?? "no comparison asked for it"
        default: "no comparison asked for it"
        }
      omissions.append(Omission(name: group + ".*", count: count, reason: reason))
    }
  }
}
