import Testing

@testable import Weights

@Suite("GGUF adapters")
struct GGUFAdapterTests {
  private func module(_ name: String, rank: Int, scale: Float, seed: UInt64 = 1) -> GGUFAdapter.OutputModule {
    GGUFAdapter.OutputModule(
      tensorName: name, inputs: 6, outputs: 4, a: numbers(rank * 6, seed: seed),
      b: numbers(rank * 4, seed: seed + 1),
      scale: scale)
  }

  @Test func readsWhatItWrites() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/adapter.gguf"
    let modules = [
      module("blk.1.attn_q.weight", rank: 2, scale: 2), module("blk.0.ffn_up.weight", rank: 2, scale: 2),
    ]
    try GGUFAdapter.write(modules, architecture: "gemma3", name: "mine", to: path)
    let adapter = try GGUFAdapter(path: path)
    #expect(adapter.architecture == "gemma3" && adapter.alpha == 4)
    #expect(adapter.modules.map(\.tensorName) == ["blk.0.ffn_up.weight", "blk.1.attn_q.weight"])
    #expect(adapter.modules.allSatisfy { $0.scale == 2 })
    #expect(
      adapter.modules[0].a.floats() == numbers(12) && adapter.modules[0].b.floats() == numbers(8, seed: 2))
  }

  /// One alpha must do for all: what a module needs beyond it goes into its factor B.
  @Test func differentScalesComputeTheSame() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/adapter.gguf"
    let modules = [
      module("blk.0.attn_q.weight", rank: 2, scale: 2), module("blk.1.attn_q.weight", rank: 3, scale: 0.25),
    ]
    try GGUFAdapter.write(modules, architecture: "gemma3", name: "mine", to: path)
    let second = try GGUFAdapter(path: path).modules[1]
    for (written, wanted) in zip(second.b.floats(), modules[1].b) {
      #expect(abs(written * second.scale - wanted * 0.25) < 1e-6)
    }
  }

  @Test(
    arguments: [
      ("general.type", GGUFValue.string("model"), "not an adapter"),
      ("adapter.type", .string("control_vector"), "not lora"),
      ("adapter.lora.alpha", .float32(.nan), "adapter.lora.alpha"),
      ("adapter.lora.alpha", .string("16"), "adapter.lora.alpha"),
      ("adapter.alora.invocation_tokens", .array(GGUFArray([Int32(1)])), "activated"),
    ])
  func otherKindsAreRefused(key: String, value: GGUFValue, word: String) throws {
    let folder = try TemporaryFolder()
    var file = GGUFWriter(architecture: "gemma3")
    file["general.type"] = .string("adapter")
    file["adapter.type"] = .string("lora")
    file["adapter.lora.alpha"] = .float32(8)
    file[key] = value
    let path = folder.path + "/adapter.gguf"
    try file.write(to: path)
    #expect { try GGUFAdapter(path: path) } throws: { "\($0)".contains(word) && "\($0)".contains(path) }
  }

  @Test(
    arguments: [
      (["x.lora_a": [2, 6]], "x.lora_b"), (["x.lora_b": [4, 2]], "x.lora_a"),
      (["x.lora_a": [2, 6], "x.lora_b": [4, 3]], "x.lora_b"),
      (["x.lora_a": [12], "x.lora_b": [4, 2]], "x.lora_a"),
      (["x.weight": [2, 2]], "x.weight"), ([:], "no LoRA factors"),
    ] as [([String: [Int]], String)])
  func wrongTensorsAreNamed(shapes: [String: [Int]], word: String) throws {
    let folder = try TemporaryFolder()
    var file = GGUFWriter(architecture: "gemma3")
    file["general.type"] = .string("adapter")
    file["adapter.type"] = .string("lora")
    file["adapter.lora.alpha"] = .float32(8)
    for (name, shape) in shapes {
      file.append(OutputTensor(name: name, shape: shape, floats: numbers(shape.reduce(1, *))))
    }
    let path = folder.path + "/adapter.gguf"
    try file.write(to: path)
    #expect { try GGUFAdapter(path: path) } throws: { "\($0)".contains(word) && "\($0)".contains(path) }
  }
}
