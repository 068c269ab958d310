import Foundation
import Weights

extension GemmaConfiguration {
  /// The members of a `config.json` that describe the model's shape, which `init(json:path:)` and transformers read: the keys
  /// of published checkpoints, for Gemma 3n and 4 those of transformers 5.
  ///
  /// Token ids and the data type are left to the caller.
  public func hubConfiguration() -> JSONObject {
    var json = JSONObject()
    let first = layers[0]
    let local = layers.first { !$0.isGlobal }
    let global = layers.last(where: \.isGlobal) ?? first
    json["architectures"] = [.string(Self.className(generation))]
    json["model_type"] = .string(Self.modelType(generation))
    json["attention_bias"] = false
    json["attention_dropout"] = 0.0
    json["head_dim"] = .int((local ?? first).headDim)
    json["hidden_size"] = .int(hiddenSize)
    json["initializer_range"] = 0.02
    json["intermediate_size"] = .int(first.intermediateSize)
    json["max_position_embeddings"] = .int(maxPositions)
    json["num_attention_heads"] = .int(first.headCount)
    json["num_hidden_layers"] = .int(layerCount)
    json["num_key_value_heads"] = .int((local ?? first).keyValueHeadCount)
    json["rms_norm_eps"] = .double(Double("\(epsilon)") ?? Double(epsilon))
    json["tie_word_embeddings"] = true
    json["use_cache"] = true
    json["vocab_size"] = .int(vocabularySize)
    json["hidden_activation"] = "gelu_pytorch_tanh"
    if generation == .gemma { json["hidden_act"] = "gelu_pytorch_tanh" }
    if generation != .gemma {
      json["layer_types"] = .array(layers.map { $0.isGlobal ? "full_attention" : "sliding_attention" })
      json["sliding_window"] = local?.window.map { .int($0) } ?? .int(maxPositions)
      json["final_logit_softcapping"] = number(finalLogitCap)
    }
    switch generation {
    case .gemma: json["rope_theta"] = .double(global.rotary.base)
    case .gemma2:
      json["rope_theta"] = .double(global.rotary.base)
      json["query_pre_attn_scalar"] = scalar
      json["attn_logit_softcapping"] = number(first.attentionCap)
    case .gemma3:
      json["attn_logit_softcapping"] = number(first.attentionCap)
      json["query_pre_attn_scalar"] = scalar
      json["rope_theta"] = .double(global.rotary.base)
      json["rope_local_base_freq"] = .double((local ?? global).rotary.base)
      json["rope_scaling"] =
        global.rotary.factor == 1
        ? .null : ["rope_type": "linear", "factor": .double(global.rotary.factor)]
      json["sliding_window_pattern"] = globalPeriod.map { .int($0) } ?? .null
    case .gemma3n, .gemma4: addLaterKeys(&json, local ?? global, global)
    }
    return json
  }

  /// What Gemma 3n and 4 have in common, then what only one has.
  private func addLaterKeys(_ json: inout JSONObject, _ local: LayerDescription, _ global: LayerDescription) {
    json["rope_parameters"] = [
      "full_attention": Self.rope(global.rotary), "sliding_attention": Self.rope(local.rotary),
    ]
    json["hidden_size_per_layer_input"] = .int(perLayerInput?.size ?? 0)
    json["vocab_size_per_layer_input"] = .int(perLayerInput?.vocabularySize ?? vocabularySize)
    json["num_kv_shared_layers"] = .int(layers.count { !$0.ownsKeys })
    if let altUp = alternatingUpdates {
      json["intermediate_size"] = .array(layers.map { .int($0.intermediateSize) })
      json["altup_num_inputs"] = .int(altUp.streams)
      json["altup_active_idx"] = .int(altUp.active)
      json["altup_coef_clip"] = number(altUp.coefficientClip)
      json["altup_correct_scale"] = .bool(altUp.scalesCorrection)
      json["laurel_rank"] = .int(laurelRank ?? 0)
      json["activation_sparsity_pattern"] = .array(
        layers.map { .double(Self.share(below: $0.sparsityCutoff)) })
      return
    }
    json["attention_k_eq_v"] = .bool(layers.contains(where: \.valuesAreKeys))
    json["use_double_wide_mlp"] = .bool(
      layers.contains { !$0.ownsKeys && $0.intermediateSize == 2 * layers[0].intermediateSize })
    json["global_head_dim"] = .int(global.headDim)
    json["num_global_key_value_heads"] =
      global.keyValueHeadCount == local.keyValueHeadCount ? .null : .int(global.keyValueHeadCount)
    let experts = layers[0].experts
    json["enable_moe_block"] = .bool(experts != nil)
    json["num_experts"] = experts.map { .int($0.count) } ?? .null
    json["top_k_experts"] = experts.map { .int($0.active) } ?? .null
    json["moe_intermediate_size"] = experts.map { .int($0.intermediateSize) } ?? .null
  }

  private var scalar: JSONValue { Int(exactly: queryScalar).map { .int($0) } ?? .double(queryScalar) }

  private func number(_ value: Float?) -> JSONValue { value.map { .double(Double($0)) } ?? .null }

  private static func rope(_ rotary: LayerDescription.Rotary) -> JSONValue {
    var json: JSONValue = ["rope_type": "default", "rope_theta": .double(rotary.base)]
    if rotary.fraction != 1 {
      json["rope_type"] = "proportional"
      json["partial_rotary_factor"] = .double(rotary.fraction)
    }
    if rotary.factor != 1 {
      if rotary.fraction == 1 { json["rope_type"] = "linear" }
      json["factor"] = .double(rotary.factor)
    }
    return json
  }

  /// The inverse of `normalQuantile`, to the digits of f32.
  private static func share(below cutoff: Float?) -> Double {
    guard let cutoff else { return 0 }
    let share = 0.5 * erfc(-Double(cutoff) / 2.0.squareRoot())
    return (share * 1e6).rounded() / 1e6
  }

  private static func className(_ generation: Generation) -> String {
    switch generation {
    case .gemma: "GemmaForCausalLM"
    case .gemma2: "Gemma2ForCausalLM"
    case .gemma3: "Gemma3ForCausalLM"
    case .gemma3n: "Gemma3nForCausalLM"
    case .gemma4: "Gemma4ForCausalLM"
    }
  }

  private static func modelType(_ generation: Generation) -> String {
    switch generation {
    case .gemma, .gemma2: generation.rawValue
    case .gemma3, .gemma3n, .gemma4: generation.rawValue + "_text"
    }
  }
}
