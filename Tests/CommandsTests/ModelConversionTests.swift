import Foundation
import Gemma
import Numerics
import Testing
import Tokenizer
import Weights

@testable import Commands

@Suite("Model conversion")
struct ModelConversionTests {
  /// A folder with a small model of random weights, as transformers would write it.
  private final class SampleModel {
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

  private func logits(_ path: String) throws -> [Float] {
    let model = try GemmaModel.load(path: path, precision: .float32)
    let tokens: [Int32] = [2, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400]
    let session = InferenceSession(model, capacity: 16)
    return try withExtendedLifetime(session) {
      let count = tokens.count * model.configuration.vocabularySize
      return Array(UnsafeBufferPointer(start: try session.append(tokens, logits: .all), count: count))
    }
  }

  private func largestDifference(_ left: [Float], _ right: [Float]) -> Float {
    left.count == right.count ? zip(left, right).map { abs($0 - $1) }.max() ?? .infinity : .infinity
  }

  @Test func theWayToGGUFAndBackChangesNothing() throws {
    let sample = try SampleModel()
    let gguf = sample.folder + "/model.gguf"
    let report = try ModelConversion(source: sample.source(), format: nil).writeGGUF(to: gguf, name: "sample")
    #expect(report.relativeError == 0 && report.tensorCount == 28)
    let middle = try ModelSource(path: gguf)
    try middle.check()
    #expect(middle.configuration == (try sample.source().configuration))
    #expect(middle.vocabulary?.count == 3_100)
    #expect(largestDifference(try logits(sample.path), try logits(gguf)) < 1e-4)

    let back = sample.folder + "/back"
    try FileManager.default.createDirectory(atPath: back, withIntermediateDirectories: true)
    _ = try ModelConversion(source: middle, format: .f32).writeSafetensors(to: back + "/model.safetensors")
    let configuration = middle.configuration.hubConfiguration(type: .f32, vocabulary: middle.vocabulary)
    try AtomicFile.write(configuration.serialized(), to: back + "/config.json")
    let result = try ModelSource(path: back)
    #expect(result.configuration == middle.configuration)
    for part in result.configuration.tensors {
      let old = try sample.source().tensors.require(part, names: result.names).floats()
      let new = try result.tensors.require(part, names: result.names).floats()
      #expect(part.kind == .norm ? largestDifference(old, new) < 1e-6 : old == new, "\(part.role)")
    }
  }

  @Test func quantizingTellsItsError() throws {
    let sample = try SampleModel()
    let path = sample.folder + "/small.gguf"
    var conversion = ModelConversion(source: try sample.source(), format: .q4_0, embeddingFormat: .q8_0)
    let four = try conversion.writeGGUF(to: path, name: "small")
    #expect((0.02..<0.12).contains(four.relativeError))
    #expect(four.worst.map { $0.error >= four.relativeError } ?? false)
    let file = try GGUFFile(path: path)
    #expect(file.tensor("token_embd.weight")?.format == .q8_0)
    #expect(file.tensor("blk.1.ffn_down.weight")?.format == .q4_0)
    #expect(file.tensor("blk.1.ffn_norm.weight")?.format == .f32)
    #expect(file.metadata["general.file_type"]?.intValue == 2)
    conversion = ModelConversion(source: try ModelSource(path: path), format: .q8_0)
    let eight = try conversion.writeGGUF(to: sample.folder + "/again.gguf", name: "again")
    #expect(eight.relativeError < 0.01)
    #expect(try ModelSource(path: sample.folder + "/again.gguf").vocabulary?.count == 3_100)
  }

  @Test func whatGGUFCannotSayIsRefused() throws {
    let folder = FileManager.default.temporaryDirectory.path
    for sample in [
      try SampleModel(layers: #"["full_attention","sliding_attention"]"#),
      try SampleModel(hasVocabulary: false),
      try SampleModel(rows: 320),
    ] {
      let conversion = ModelConversion(source: try sample.source(), format: nil)
      #expect(throws: Failure.self) { try conversion.writeGGUF(to: folder + "/never.gguf", name: "never") }
      #expect(!FileManager.default.fileExists(atPath: folder + "/never.gguf"))
    }
  }

  @Test func incompleteModelsAreNamed() throws {
    let sample = try SampleModel()
    let file = try SafetensorsFile(path: sample.path + "/model.safetensors")
    let missing = "model.layers.1.mlp.up_proj.weight"
    let rest = file.tensorNames.filter { $0 != missing }.compactMap { file.tensor($0) }
    try SafetensorsFile.write(rest.map { OutputTensor(copying: $0) }, to: sample.path + "/model.safetensors")
    #expect { try sample.source().check() } throws: { "\($0)".contains(missing) }
  }

  @Test func stoppingLeavesNoFile() throws {
    let sample = try SampleModel()
    let path = sample.folder + "/stopped.gguf"
    let conversion = ModelConversion(source: try sample.source(), format: .q8_0) { share in
      if share > 0.5 { throw CancellationError() }
    }
    #expect(throws: CancellationError.self) { try conversion.writeGGUF(to: path, name: "stopped") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: sample.folder) == ["hub"])
  }
}
