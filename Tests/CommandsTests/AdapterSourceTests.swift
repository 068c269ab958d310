import Foundation
import Gemma
import Numerics
import Testing
import Weights

@testable import Commands

@Suite("Adapters in both forms")
struct AdapterSourceTests {
  /// A model and an adapter with factors on three of its matrices, of two scales.
  private struct Sample {
    let model: SampleModel
    var adapter: String { model.folder + "/adapter" }

    init(outputs: Int = 64) throws {
      model = try SampleModel()
      var random = SeededRandom(seed: 4)
      func module(_ path: String, _ inputs: Int, _ outputs: Int) -> PEFTAdapter.OutputModule {
        PEFTAdapter.OutputModule(
          modulePath: path, inputs: inputs, outputs: outputs,
          a: (0..<4 * inputs).map { _ in random.uniform(within: 0.3) },
          b: (0..<4 * outputs).map { _ in random.uniform(within: 0.3) })
      }
      try PEFTAdapter.write(
        [
          module("model.layers.0.self_attn.q_proj", 64, outputs),
          module("model.layers.1.self_attn.v_proj", 64, 32), module("model.layers.1.mlp.down_proj", 96, 64),
        ], rank: 4, alpha: 8, baseModelName: nil, to: adapter)
    }

    func loaded(_ directory: String) throws -> LoRAAdapter {
      try LoRAAdapter(directory: directory, model: GemmaModel.load(path: model.path, precision: .float32))
    }
  }

  @Test func mergedModelsComputeWhatBaseAndAdapterDo() throws {
    let sample = try Sample()
    let bare = try logits(sample.model.path)
    let expected = try logits(sample.model.path, adapter: sample.loaded(sample.adapter))
    #expect(largestDifference(bare, expected) > 0.1)
    var conversion = ModelConversion(source: try sample.model.source(), format: nil)
    conversion.adapter = try AdapterSource(path: sample.adapter)
    let gguf = sample.model.folder + "/merged.gguf"
    _ = try conversion.writeGGUF(to: gguf, name: "merged")
    #expect(largestDifference(try logits(gguf), expected) < 1e-3)
    #expect(try GGUFFile(path: gguf).metadata["general.name"]?.stringValue == "merged")

    // From GGUF into a folder, and from a folder into a folder.
    for (name, path) in [("/a", gguf), ("/b", sample.model.path)] {
      var again = ModelConversion(source: try ModelSource(path: path), format: .f32)
      if path != gguf { again.adapter = conversion.adapter }
      let console = Console(json: false, quiet: true)
      _ = try ModelFolder(conversion: again).write(to: sample.model.folder + name, console)
      #expect(largestDifference(try logits(sample.model.folder + name), expected) < 1e-3)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: sample.model.folder + "/b").sorted()
    #expect(names == ["config.json", "model.safetensors", "tokenizer.model"])
  }

  /// DoRA and rows of the embedding become part of the merged weights, for servers that know neither.
  @Test func magnitudesAndTokenRowsAreMergedToo() throws {
    let sample = try Sample()
    var random = SeededRandom(seed: 6)
    func numbers(_ count: Int, within bound: Float) -> [Float] {
      (0..<count).map { _ in random.uniform(within: bound) }
    }
    func module(_ path: String, _ inputs: Int, _ outputs: Int) -> PEFTAdapter.OutputModule {
      PEFTAdapter.OutputModule(
        modulePath: path, inputs: inputs, outputs: outputs, a: numbers(2 * inputs, within: 0.3),
        b: numbers(2 * outputs, within: 0.3), magnitude: numbers(outputs, within: 0.5).map { 1.5 + $0 })
    }
    let adapter = sample.model.folder + "/dora"
    try PEFTAdapter.write(
      [module("model.layers.0.self_attn.q_proj", 64, 64), module("model.layers.1.mlp.down_proj", 96, 64)],
      rank: 2, alpha: 3, baseModelName: nil, isRankStabilized: true,
      tokenRows: .init(tokens: [700, 400], rows: numbers(128, within: 0.4)), to: adapter)
    let expected = try logits(sample.model.path, adapter: sample.loaded(adapter))
    #expect(largestDifference(try logits(sample.model.path), expected) > 0.1)
    let source = try AdapterSource(path: adapter)
    var conversion = ModelConversion(source: try sample.model.source(), format: nil)
    conversion.adapter = source
    let gguf = sample.model.folder + "/merged.gguf"
    _ = try conversion.writeGGUF(to: gguf, name: "merged")
    #expect(largestDifference(try logits(gguf), expected) < 1e-3)
    // A GGUF adapter has no room for them; a PEFT folder has.
    #expect(throws: Failure.self) {
      try source.writeGGUF(
        sample.model.source().configuration, name: "x", to: sample.model.folder + "/x.gguf")
    }
    try source.writePEFT(baseModelName: nil, to: sample.model.folder + "/copy")
    let copied = try logits(sample.model.path, adapter: sample.loaded(sample.model.folder + "/copy"))
    #expect(largestDifference(copied, expected) < 1e-4)
  }

  @Test func theWayToGGUFAndBackChangesNothing() throws {
    let sample = try Sample()
    let source = try AdapterSource(path: sample.adapter)
    let file = sample.model.folder + "/adapter.gguf"
    try source.writeGGUF(sample.model.source().configuration, name: "mine", to: file)
    let back = sample.model.folder + "/back"
    try AdapterSource(path: file).writePEFT(baseModelName: nil, to: back)
    let (old, new) = (try PEFTAdapter(directory: sample.adapter), try PEFTAdapter(directory: back))
    #expect(old.modules.map(\.modulePath) == new.modules.map(\.modulePath))
    for (left, right) in zip(old.modules, new.modules) {
      #expect(left.a.floats() == right.a.floats() && left.b.floats() == right.b.floats())
      #expect(left.scale == right.scale)
    }
  }

  /// A PEFT folder knows one rank and one alpha; what a module needs beyond them goes into its factors.
  @Test func modulesOfDifferentRankAndScaleKeepTheirProduct() throws {
    let sample = try Sample()
    let file = sample.model.folder + "/mixed.gguf"
    var random = SeededRandom(seed: 8)
    func module(_ name: String, rank: Int, scale: Float) -> GGUFAdapter.OutputModule {
      GGUFAdapter.OutputModule(
        tensorName: name, inputs: 64, outputs: 64,
        a: (0..<rank * 64).map { _ in random.uniform(within: 0.3) },
        b: (0..<rank * 64).map { _ in random.uniform(within: 0.3) }, scale: scale)
    }
    try GGUFAdapter.write(
      [
        module("blk.0.attn_q.weight", rank: 2, scale: 0.5),
        module("blk.1.attn_output.weight", rank: 5, scale: 3),
      ], architecture: "gemma3", name: "mixed", to: file)
    let folder = sample.model.folder + "/mixed"
    try AdapterSource(path: file).writePEFT(baseModelName: nil, to: folder)
    let (old, new) = (try AdapterSource(path: file), try AdapterSource(path: folder))
    for role in [TensorRole.layer(0, .query), .layer(1, .output)] {
      var (left, right) = ([Float](repeating: 0, count: 64 * 64), [Float](repeating: 0, count: 64 * 64))
      old.merge(into: &left, role)
      new.merge(into: &right, role)
      #expect(left.contains { abs($0) > 0.01 } && largestDifference(left, right) < 1e-5)
    }
  }

  @Test func adaptersOfOtherModelsAreRefused() throws {
    let sample = try Sample(outputs: 96)
    var conversion = ModelConversion(source: try sample.model.source(), format: nil)
    conversion.adapter = try AdapterSource(path: sample.adapter)
    let path = sample.model.folder + "/never.gguf"
    #expect { try conversion.writeGGUF(to: path, name: "never") } throws: {
      "\($0)".contains("q_proj") && "\($0)".contains("96 x 64") && "\($0)".contains(sample.adapter)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
