import Foundation
import Gemma
import Numerics
import Testing
import Weights

@testable import Commands

/// A folder with a small model of random weights, as transformers would write it.
final class SampleModel {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    .path
  var path: String { folder + "/hub" }

  init(
    layers: String = #"["sliding_attention","full_attention"]"#, hasVocabulary: Bool = true,
    rows: Int = 3_100
  ) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let description = """
      {"model_type":"gemma3_text","hidden_size":64,"num_hidden_layers":2,"intermediate_size":96,
      "num_attention_heads":2,"num_key_value_heads":1,"head_dim":32,"vocab_size":\(rows),"sliding_window":8,
      "max_position_embeddings":128,"query_pre_attn_scalar":20,"rope_theta":50000.0,"layer_types":\(layers),
      "rope_scaling":{"rope_type":"linear","factor":8.0},"rms_norm_eps":1e-05}
      """
    try Data(description.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
    if hasVocabulary {
      let vocabulary = URL(fileURLWithPath: #filePath + "/../../Fixtures/tokenizer/small-spm.model")
        .standardized
      try FileManager.default.copyItem(atPath: vocabulary.path, toPath: path + "/tokenizer.model")
    }
    try SafetensorsFile.write([], to: path + "/model.safetensors")
    var random = SeededRandom(seed: 3)
    let configuration = try ModelSource(path: path).configuration
    let names = HubNames(configuration)
    let tensors = configuration.tensors.map { part in
      OutputTensor(
        name: names.name(part.role), shape: part.shape,
        floats: (0..<part.shape.reduce(1, *)).map { _ in random.uniform(within: 0.3) })
    }
    try SafetensorsFile.write(tensors, to: path + "/model.safetensors")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func source() throws -> ModelSource { try ModelSource(path: path) }
}

/// Logits of some tokens at all positions, computed in f32.
func logits(_ path: String, adapter: LoRAAdapter? = nil) throws -> [Float] {
  let model = try GemmaModel.load(path: path, precision: .float32)
  let tokens: [Int32] = [2, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400]
  let session = InferenceSession(model, capacity: 16)
  session.adapter = adapter
  return try withExtendedLifetime(session) {
    let count = tokens.count * model.configuration.vocabularySize
    return Array(UnsafeBufferPointer(start: try session.append(tokens, logits: .all), count: count))
  }
}

func largestDifference(_ left: [Float], _ right: [Float]) -> Float {
  left.count == right.count ? zip(left, right).map { abs($0 - $1) }.max() ?? .infinity : .infinity
}
