import Foundation
import Gemma
import Numerics
import Testing
import Tokenizer
import Weights

@testable import Commands

@Suite("Model conversion")
struct ModelConversionTests {
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
    let configuration = JSONValue.object(middle.configuration.hubConfiguration())
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
    #expect(four.classes.map(\.name).contains("ffn_down") && four.classes.count == 8)
    let total = try #require(four.total)
    #expect(total.found.relative < 0.97 * (try #require(total.nearest)).relative)
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
      #expect(throws: (any Error).self) {
        try conversion.writeGGUF(to: folder + "/never.gguf", name: "never")
      }
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

  /// Errors in columns that are used strongly must count more.
  @Test func importanceMovesTheErrorToQuietColumns() throws {
    let sample = try SampleModel()
    var statistics = ActivationStatistics()
    let loud = (0..<64).map { Float($0 % 8 == 0 ? 10 : 0.1) }
    statistics.add(.layer(0, .gate), loud, rows: 1, columns: 64)
    var conversion = ModelConversion(source: try sample.source(), format: .q4_0)
    let blind = try conversion.writeGGUF(to: sample.folder + "/blind.gguf", name: "blind")
    conversion.statistics = statistics
    let seeing = try conversion.writeGGUF(to: sample.folder + "/seeing.gguf", name: "seeing")
    #expect(blind.total?.weightedFound == nil)
    let weighted = try #require(seeing.classes.first { $0.name == "ffn_gate" }?.errors)
    #expect(
      try #require(weighted.weightedFound).relative < 0.8 * (try #require(weighted.weightedNearest)).relative)
    func loudError(_ name: String) throws -> Float {
      let exact = try sample.source().tensors.require("model.layers.0.mlp.gate_proj.weight").floats()
      let found = try GGUFFile(path: sample.folder + name).require("blk.0.ffn_gate.weight").floats()
      return exact.indices.filter { $0 % 8 == 0 }.reduce(0) { $0 + abs(exact[$1] - found[$1]) }
    }
    #expect(try loudError("/seeing.gguf") < 0.7 * loudError("/blind.gguf"))
  }
}
