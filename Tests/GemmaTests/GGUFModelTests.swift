import Foundation
import Testing
import Weights

@testable import Gemma

@Suite struct GGUFModelTests {
  /// A family's model as a GGUF file with our own metadata; `change` may alter what is written.
  private func write(
    _ family: String, to path: String, change: (inout GGUFWriter, OutputTensor) -> OutputTensor? = { $1 }
  ) throws -> GemmaConfiguration {
    let directory = try ModelDirectory(path: Fixture.path(family))
    let configuration = try GemmaConfiguration(json: directory.configuration, path: family)
    var writer = GGUFWriter(architecture: configuration.generation.rawValue)
    for (key, value) in try configuration.ggufMetadata() { writer[key] = value }
    let names = HubNames(configuration, in: directory)
    var tensors = configuration.ggufExtraTensors()
    for part in configuration.tensors {
      let tensor = try directory.require(part, names: names)
      let floats = tensor.floats().map { part.kind == .norm ? $0 + names.normOffset : $0 }
      let whole = OutputTensor(name: tensor.name, shape: part.shape, floats: floats)
      tensors += OutputTensor.pieces(of: whole, part, names: GGUFNames())
    }
    for tensor in tensors {
      if let tensor = change(&writer, tensor) { writer.append(tensor) }
    }
    try writer.write(to: path)
    return configuration
  }

  @Test(arguments: Fixture.families)
  func aModelComesBackFromGGUFAsItWas(family: String) throws {
    let scratch = try Fixture.Scratch()
    let configuration = try write(family, to: scratch.path + "/model.gguf")
    let model = try GemmaModel.load(path: scratch.path + "/model.gguf")
    #expect(model.configuration == configuration)
    #expect(worst(try Fixture.logits(model), try Fixture.logits(Fixture.model(family))) < 1e-6)
  }

  @Test func aValueMatrixInAFormatThatIsNotReadIsNoMissingOne() throws {
    let scratch = try Fixture.Scratch()
    let path = scratch.path + "/model.gguf"
    _ = try write("gemma4_e", to: path)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    // Behind the name: the number of dimensions, two of them, and the type; 20 is IQ4_NL.
    let name = try #require(bytes.range(of: Data("blk.0.attn_v.weight".utf8)))
    bytes[name.upperBound + 4 + 16] = 20
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: (any Error).self) { try GemmaModel.load(path: path) }
    #expect("\(error as Any)".contains("blk.0.attn_v.weight"))
  }

  @Test func scalingOfPositionsThatIsNotLinearIsRefusedOrIgnoredAsItSays() throws {
    let scratch = try Fixture.Scratch()
    let path = scratch.path + "/model.gguf"
    func factor(_ type: String?) throws -> [Double] {
      _ = try write("gemma3", to: path) { writer, tensor in
        writer["gemma3.rope.scaling.type"] = type.map { .string($0) }
        writer["gemma3.rope.scaling.factor"] = .float32(4)
        return tensor
      }
      return try GemmaModel.load(path: path).configuration.layers.map(\.rotary.factor)
    }
    #expect(try factor("none").allSatisfy { $0 == 1 })
    #expect(try factor("linear").contains(4))
    #expect(try factor(nil).contains(4))
    #expect(throws: GemmaError.self) { try factor("yarn") }
  }

  @Test func anyQueryScalarCanBeWrittenAndComesBack() throws {
    for scalar in [168, 1.5, 1e12] {
      var configuration = try Fixture.model("gemma3").configuration
      for layer in configuration.layers.indices {
        configuration.layers[layer].attentionScale = Float(1 / scalar.squareRoot())
      }
      let stored = try configuration.ggufMetadata().first { $0.0.hasSuffix("query_pre_attn_scalar") }?.1
      let value = try #require(stored?.floatValue.map { Double($0) })
      #expect(abs(value / scalar - 1) < 1e-3)
    }
  }

  @Test func irregularGlobalLayersOfGemma3CannotBeSaid() throws {
    var configuration = try Fixture.model("gemma3").configuration
    configuration.layers[0].window = nil
    let error = #expect(throws: GemmaError.self) { try configuration.ggufMetadata() }
    #expect(error?.description.contains("layer_types") == true)
  }

  /// Names as gguf-py of llama.cpp lists them for the architecture.
  @Test func tensorsHaveTheNamesOfLlamaCpp() throws {
    let names = GGUFNames()
    func all(_ family: String) throws -> Set<String> {
      let directory = try ModelDirectory(path: Fixture.path(family))
      let configuration = try GemmaConfiguration(json: directory.configuration, path: family)
      return Set(configuration.tensors.map { names.name($0.role) })
    }
    #expect(
      try all("gemma3n").isSuperset(of: [
        "token_embd.weight", "output_norm.weight", "per_layer_token_embd.weight",
        "per_layer_model_proj.weight",
        "per_layer_proj_norm.weight", "altup_proj.weight", "altup_unembd_proj.weight",
        "blk.0.altup_correct_coef.weight", "blk.0.altup_correct_scale.weight",
        "blk.0.altup_predict_coef.weight", "blk.0.altup_router.weight", "blk.0.altup_router_norm.weight",
        "blk.0.laurel_l.weight", "blk.0.laurel_r.weight", "blk.0.laurel_post_norm.weight",
        "blk.0.inp_gate.weight", "blk.0.proj.weight", "blk.0.post_norm.weight", "blk.0.attn_k_norm.weight",
      ]))
    #expect(
      try all("gemma4_moe").isSuperset(of: [
        "blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inp.scale", "blk.0.ffn_down_exps.scale",
        "blk.0.ffn_gate_up_exps.weight", "blk.0.ffn_down_exps.weight", "blk.0.pre_ffw_norm_2.weight",
        "blk.0.post_ffw_norm_1.weight", "blk.0.post_ffw_norm_2.weight", "blk.0.layer_output_scale.weight",
        "blk.0.ffn_norm.weight", "blk.0.post_ffw_norm.weight", "blk.0.post_attention_norm.weight",
      ]))
    let parts = [
      "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_down", "ffn_up", "ffn_norm",
    ]
    let layers = (0..<4).flatMap { layer in parts.map { "blk.\(layer).\($0).weight" } }
    #expect(try all("gemma") == Set(["token_embd.weight", "output_norm.weight"] + layers))
  }

  /// Without a key that llama.cpp leaves out, its code's value holds.
  @Test func whatLlamaCppLeavesOutTakesItsValues() throws {
    let scratch = try Fixture.Scratch()
    let path = scratch.path + "/model.gguf"
    _ = try write("gemma2", to: path) { writer, tensor in
      for key in ["attention.sliding_window", "attention.query_pre_attn_scalar", "rope.freq_base"] {
        writer["gemma2." + key] = nil
      }
      return tensor
    }
    let c = try GemmaConfiguration(gguf: GGUFFile(path: path))
    #expect(c.layers[0].window == 4_096 && c.layers[1].window == nil)
    #expect(c.layers[0].attentionScale == 0.25)
    #expect(c.layers[0].rotary.base == 1e4)
  }

  @Test(arguments: [
    ("no width", "gemma4.embedding_length", GGUFValue?.none),
    ("a huge width", "gemma4.embedding_length", .uint64(1 << 60)),
    ("text for a number", "gemma4.block_count", .string("4")),
    ("too many layers", "gemma4.block_count", .uint32(100_000)),
    ("a short list", "gemma4.feed_forward_length", .array(GGUFArray([Int32(64), 64]))),
    ("a pattern for fewer layers", "gemma4.attention.sliding_window_pattern", .array(GGUFArray([true]))),
    ("all layers share", "gemma4.attention.shared_kv_layers", .uint32(4)),
    ("a key/value count that does not divide", "gemma4.attention.head_count_kv", .uint32(3)),
    ("more active experts than experts", "gemma4.expert_used_count", .uint32(6)),
  ])
  func metadataThatCannotBeServedNamesTheKey(what: String, key: String, value: GGUFValue?) throws {
    let scratch = try Fixture.Scratch()
    let path = scratch.path + "/model.gguf"
    let family = key.contains("expert") ? "gemma4_moe" : "gemma4_e"
    _ = try write(family, to: path) { writer, tensor in
      writer[key] = value
      return tensor
    }
    let error = #expect(throws: GemmaError.self) { try GemmaModel.load(path: path) }
    #expect(error?.description.contains(key) == true, "\(what): \(error?.description ?? "no error")")
    #expect(error?.description.contains(path) == true)
  }
}
