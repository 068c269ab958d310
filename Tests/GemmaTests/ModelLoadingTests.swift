import Foundation
import Testing
import Weights

@testable import Gemma

@Suite struct ModelLoadingTests {
  /// A family's folder with its tensors and the members of its configuration changed.
  private func damaged(
    _ family: String, in scratch: Fixture.Scratch,
    tensor: (Tensor) -> OutputTensor? = { OutputTensor(copying: $0) },
    configuration: (inout JSONValue) -> Void = { _ in }
  ) throws -> String {
    let source = try SafetensorsFile(path: Fixture.path(family) + "/model.safetensors")
    let tensors = source.tensorNames.compactMap { source.tensor($0) }.compactMap(tensor)
    try SafetensorsFile.write(tensors, to: scratch.path + "/model.safetensors")
    var json = try JSONValue(file: Fixture.path(family) + "/config.json")
    configuration(&json)
    try AtomicFile.write(json.serialized(), to: scratch.path + "/config.json")
    return scratch.path
  }

  @Test(arguments: [
    ("gemma", "model.layers.1.post_attention_layernorm.weight"),
    ("gemma2", "model.layers.3.post_feedforward_layernorm.weight"),
    ("gemma3", "model.layers.2.self_attn.q_norm.weight"),
    ("gemma3n", "model.altup_projections.1.weight"), ("gemma3n", "model.layers.0.laurel.linear_left.weight"),
    ("gemma4_e", "model.embed_tokens_per_layer.weight"), ("gemma4_e", "model.layers.2.layer_scalar"),
    ("gemma4_dense", "model.layers.0.self_attn.v_proj.weight"),
    ("gemma4_moe", "model.layers.3.experts.gate_up_proj"), ("gemma4_moe", "model.layers.1.router.scale"),
  ])
  func aTensorThatIsMissingOrMisshapenOrNotFiniteIsNamed(family: String, name: String) throws {
    let scratch = try Fixture.Scratch()
    for (change, part) in [
      ({ (tensor: Tensor) -> OutputTensor? in nil }, "missing"),
      ({ OutputTensor(name: name, shape: $0.shape + [1], floats: $0.floats()) }, "shape"),
      (
        {
          var floats = $0.floats()
          floats[floats.count / 2] = .nan
          return OutputTensor(name: name, shape: $0.shape, floats: floats)
        }, "finite"
      ),
    ] {
      // A table is read row by row: its numbers are not looked at when it is loaded.
      if name.contains("embed_tokens_per_layer"), part == "finite" { continue }
      let path = try damaged(
        family, in: scratch, tensor: { $0.name == name ? change($0) : OutputTensor(copying: $0) })
      let error = #expect(throws: GemmaError.self) { try GemmaModel.load(path: path) }
      let text = error?.description ?? "no error"
      #expect(text.contains(name) && text.contains(part) && text.contains(scratch.path), "\(text)")
    }
  }

  @Test(arguments: [
    ("gemma4_e", "layer_types", #"["full_attention"]"#, "layer_types"),
    ("gemma4_e", "layer_types", #"["a","b","c","d"]"#, "layer_types"),
    ("gemma4_e", "num_kv_shared_layers", "4", "num_kv_shared_layers"),
    // The global layer at the end would share with a sliding one.
    ("gemma4_e", "num_kv_shared_layers", "3", "num_kv_shared_layers"),
    ("gemma4_e", "per_layer_config", #"{"1": {"head_dim": 32}}"#, "num_kv_shared_layers"),
    ("gemma4_e", "per_layer_config", #"{"9": {"head_dim": 32}}"#, "per_layer_config"),
    ("gemma4_e", "hidden_size_per_layer_input", "200000000", "hidden_size_per_layer_input"),
    ("gemma4_moe", "top_k_experts", "6", "top_k_experts"),
    ("gemma4_moe", "top_k_experts", "null", "top_k_experts"),
    ("gemma4_moe", "num_experts", "100000", "num_experts"),
    ("gemma3n", "activation_sparsity_pattern", "[0.5]", "activation_sparsity_pattern"),
    ("gemma3n", "activation_sparsity_pattern", "[1.0, 0, 0, 0]", "activation_sparsity_pattern"),
    ("gemma3n", "altup_active_idx", "4", "altup_active_idx"),
    ("gemma3n", "intermediate_size", "[64, 64]", "intermediate_size"),
    ("gemma2", "num_key_value_heads", "3", "num_key_value_heads"),
    ("gemma2", "num_hidden_layers", "100000", "num_hidden_layers"),
    ("gemma2", "head_dim", "15", "head_dim"), ("gemma2", "hidden_size", "1e300", "hidden_size"),
    ("gemma2", "attn_logit_softcapping", "-1", "attn_logit_softcapping"),
    ("gemma", "hidden_activation", #""relu""#, "hidden_activation"),
    ("gemma", "attention_bias", "true", "attention_bias"),
    ("gemma3", "use_bidirectional_attention", "true", "use_bidirectional_attention"),
    ("gemma3", "rope_parameters", #"{"full_attention": {"rope_type": "yarn"}}"#, "rope_scaling"),
  ])
  func aConfigurationThatCannotBeServedNamesTheKey(
    family: String, key: String, value: String, named: String
  ) throws {
    let scratch = try Fixture.Scratch()
    let value = try JSONValue(parsing: value)
    let path = try damaged(family, in: scratch, configuration: { $0[key] = value })
    let error = #expect(throws: GemmaError.self) { try GemmaModel.load(path: path) }
    let text = error?.description ?? "no error"
    #expect(text.contains(named) && text.contains(scratch.path + "/config.json"), "\(text)")
  }

  /// Multimodal checkpoints hold the text model under a prefix, beside towers that are not read.
  @Test(arguments: [
    ("gemma3", "model.language_model."), ("gemma3", "language_model.model."),
    ("gemma3n", "model.language_model."), ("gemma4_e", "model.language_model."),
  ])
  func theLanguageTowerOfAMultimodalCheckpointIsTheTextModel(family: String, prefix: String) throws {
    let scratch = try Fixture.Scratch()
    let path = try damaged(
      family, in: scratch,
      tensor: { OutputTensor(copying: $0, name: prefix + $0.name.dropFirst("model.".count)) },
      configuration: { json in
        let text = json
        json = ["model_type": .string(String(family.prefix { $0 != "_" })), "vision_config": [:]]
        json["text_config"] = text
      })
    let model = try GemmaModel.load(path: path)
    #expect(worst(try Fixture.logits(model), try Fixture.logits(Fixture.model(family))) == 0)
    let adapter = try LoRAAdapter(directory: Fixture.path(family) + "/adapter", model: model)
    #expect(worst(try Fixture.logits(model, adapter: adapter), try Fixture.logits(model)) > 1e-2)
  }

  @Test(arguments: Fixture.families) func theWrittenConfigurationIsReadBackEqual(family: String) throws {
    let configuration = try Fixture.model(family).configuration
    let json = JSONValue.object(configuration.hubConfiguration())
    let members = try #require(try JSONValue(parsing: json.serialized()).objectValue)
    let back = try GemmaConfiguration(
      json: Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }), path: family)
    #expect(back == configuration)
  }
}
