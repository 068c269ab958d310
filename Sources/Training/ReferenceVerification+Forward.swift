import Foundation
import Gemma
import Weights

extension ReferenceVerification {
  /// Logits and hidden states of the whole sequence in one pass.
  mutating func forward(_ model: GemmaModel, _ ids: [Int32]) throws {
    let c = model.configuration
    let session = InferenceSession(model, capacity: ids.count)
    var hidden: [(name: String, rows: Int, values: [Float])] = []
    session.observer = { name, pointer, rows in
      hidden.append(
        (name, rows, Array(UnsafeBufferPointer(start: pointer, count: rows * c.hiddenSize))))
    }
    let logits = try session.append(ids, logits: .all)
    let all = Array(UnsafeBufferPointer(start: logits, count: ids.count * c.vocabularySize))
    record("logits", shape: [ids.count, c.vocabularySize], all, tolerance: 3e-4)
    for (name, rows, values) in hidden {
      let streams = rows / max(1, ids.count)
      let shape = streams > 1 ? [streams, ids.count, c.hiddenSize] : [rows, c.hiddenSize]
      record("hidden." + name, shape: shape, values, tolerance: 6e-4)
    }
  }

  /// The last `rows` logits, computed in small chunks with a growing cache.
  mutating func compareLogits(
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

  /// The same weights under another `config.json`.
  mutating func variant(_ file: String, _ ids: [Int32], against name: String, rows: Int) throws {
    guard FileManager.default.fileExists(atPath: directory + "/" + file) else { return }
    let source = try ModelDirectory(path: directory, configurationFile: file)
    let configuration = try GemmaConfiguration(json: source.configuration, path: directory + "/" + file)
    let model = try GemmaModel(
      configuration, source, names: HubNames(configuration, in: source), precision: .float32)
    try compareLogits(model, nil, ids, name, rows: rows, tolerance: 3e-4)
    if let last = checks.indices.last { checks[last].name = file + ": " + name }
    if name == "logits" { actual.removeLast() }
  }

  /// Greedy continuation of a prompt, token by token.
  mutating func greedy(
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

  /// Logits and mean loss at the labels of the fill-in-the-middle batch, through the serving path.
  mutating func batchForward(_ model: GemmaModel, _ adapter: LoRAAdapter) throws {
    let size = model.configuration.vocabularySize
    let batch = try sequences(facts["fim_batch"], vocabularySize: size)
    guard !batch.isEmpty else { return }
    var rows: [Float] = []
    var loss = 0.0
    for sequence in batch {
      let session = InferenceSession(model, capacity: sequence.tokens.count)
      session.adapter = adapter
      let logits = try session.append(sequence.tokens, logits: .all)
      for position in sequence.tokens.indices.dropFirst() where sequence.weights[position] > 0 {
        let row = UnsafeBufferPointer(start: logits + (position - 1) * size, count: size)
        rows += row
        let peak = row.max() ?? 0
        let sum = row.reduce(0.0) { $0 + exp(Double($1 - peak)) }
        loss += log(sum) + Double(peak) - Double(row[Int(sequence.tokens[position])])
      }
    }
    let count = rows.count / size
    record("fim_batch.logits_at_labels", shape: [count, size], rows, tolerance: 3e-4)
    check(
      "fim_batch.loss, served", loss / Double(max(1, count)), facts["fim_batch"]?["loss"]?.doubleValue,
      tolerance: 2e-5)
  }

  /// Labels of −100 carry no loss, as in transformers; padding is cut off.
  func sequences(_ batch: JSONValue?, vocabularySize: Int) throws -> [TrainingSequence] {
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

  /// Adapters of several kinds over the model in another folder: the last logits of each; then merges of two.
  mutating func adapters(base: String) throws {
    guard !base.contains(where: { $0 == "\0" }), !base.hasPrefix("/") else {
      throw malformed("base_model", "is not a relative path")
    }
    let model = try GemmaModel.load(path: directory + "/" + base, precision: .float32)
    for (kind, facts) in self.facts["variants"]?.objectValue ?? JSONObject() {
      guard kind.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
        throw malformed("variants", "has a name that is no folder's")
      }
      let ids = tokens(facts["input_ids"])
      let adapter = try LoRAAdapter(directory: directory + "/" + kind, model: model)
      try compareLogits(model, adapter, ids, "variant.\(kind).logits", rows: 4, tolerance: 3e-4)
      try trainVariant(kind, model, ids)
    }
    try merges(model)
  }
}
