import Weights

/// How a file format names a model's tensors.
public protocol TensorNames: Sendable {
  /// What has to be added to a stored norm to get its gain: 1 where the file holds `gain - 1`.
  var normOffset: Float { get }
  /// The name of a tensor. Where the form stores a stack of matrices apart, `%` stands for the number of one.
  func name(_ role: TensorRole) -> String
}

extension TensorNames {
  /// The names of the pieces in which the form stores a tensor: equal parts along the first axis, mostly one.
  public func names(_ tensor: ModelTensor) -> [String] {
    let name = name(tensor.role)
    guard let place = name.firstIndex(of: "%") else { return [name] }
    return (0..<tensor.shape[0]).map { name[..<place] + "\($0)" + name[name.index(after: place)...] }
  }
}

/// Names of llama.cpp's GGUF files, in which norms hold their gains.
public struct GGUFNames: TensorNames {
  /// Creates the names.
  public init() {}

  /// Norm tensors hold gains: `1 + w` for Gemma 1 to 3, `w` for later ones.
  public var normOffset: Float { 0 }

  /// The name of a tensor.
  public func name(_ role: TensorRole) -> String {
    switch role {
    case .embedding: "token_embd.weight"
    case .head: "output.weight"
    case .finalNorm: "output_norm.weight"
    case .perLayerEmbedding: "per_layer_token_embd.weight"
    case .perLayerModelProjection: "per_layer_model_proj.weight"
    case .perLayerProjectionNorm: "per_layer_proj_norm.weight"
    case .streamProjections: "altup_proj.weight"
    case .streamUnprojections: "altup_unembd_proj.weight"
    case .layer(let layer, let tensor): "blk.\(layer).\(Self.name(tensor))"
    }
  }

  private static func name(_ tensor: LayerTensor) -> String {
    switch tensor {
    case .query: "attn_q.weight"
    case .key: "attn_k.weight"
    case .value: "attn_v.weight"
    case .output: "attn_output.weight"
    case .gate: "ffn_gate.weight"
    case .up: "ffn_up.weight"
    case .down: "ffn_down.weight"
    case .inputNorm: "attn_norm.weight"
    case .postAttentionNorm: "post_attention_norm.weight"
    case .preFeedForwardNorm: "ffn_norm.weight"
    case .postFeedForwardNorm: "post_ffw_norm.weight"
    case .queryNorm: "attn_q_norm.weight"
    case .keyNorm: "attn_k_norm.weight"
    case .scalar: "layer_output_scale.weight"
    case .perLayerGate: "inp_gate.weight"
    case .perLayerProjection: "proj.weight"
    case .perLayerNorm: "post_norm.weight"
    case .streamRouter: "altup_router.weight"
    case .streamRouterNorm: "altup_router_norm.weight"
    case .predictionCoefficients: "altup_predict_coef.weight"
    case .correctionCoefficients: "altup_correct_coef.weight"
    case .correctionScale: "altup_correct_scale.weight"
    case .laurelLeft: "laurel_l.weight"
    case .laurelRight: "laurel_r.weight"
    case .laurelNorm: "laurel_post_norm.weight"
    case .expertRouter: "ffn_gate_inp.weight"
    case .expertRouterScale: "ffn_gate_inp.scale"
    case .expertScale: "ffn_down_exps.scale"
    case .expertGateUp: "ffn_gate_up_exps.weight"
    case .expertDown: "ffn_down_exps.weight"
    case .preExpertNorm: "pre_ffw_norm_2.weight"
    case .postDenseNorm: "post_ffw_norm_1.weight"
    case .postExpertNorm: "post_ffw_norm_2.weight"
    }
  }
}

/// Names of transformers checkpoints; multimodal ones hold the text model under a prefix.
public struct HubNames: TensorNames {
  private let prefix: String
  private let generation: GemmaConfiguration.Generation
  /// What has to be added to a stored norm to get its gain.
  public let normOffset: Float

  /// The names in a text-only checkpoint of transformers.
  public init(_ configuration: GemmaConfiguration) {
    self.init(configuration, prefix: "model.")
  }

  /// Finds the prefix that `source` uses.
  public init(_ configuration: GemmaConfiguration, in source: any TensorSource) {
    let prefixes = [
      "model.", "model.language_model.", "language_model.model.", "model.language_model.model.", "",
    ]
    self.init(
      configuration,
      prefix: prefixes.first { source.tensor($0 + "embed_tokens.weight") != nil } ?? "model.")
  }

  private init(_ configuration: GemmaConfiguration, prefix: String) {
    self.prefix = prefix
    generation = configuration.generation
    normOffset = configuration.normForm == .onePlusWeight ? 1 : 0
  }

  /// The name of a tensor.
  public func name(_ role: TensorRole) -> String {
    switch role {
    case .embedding: prefix + "embed_tokens.weight"
    case .head: prefix.hasSuffix("language_model.model.") ? "language_model.lm_head.weight" : "lm_head.weight"
    case .finalNorm: prefix + "norm.weight"
    case .perLayerEmbedding: prefix + "embed_tokens_per_layer.weight"
    case .perLayerModelProjection: prefix + "per_layer_model_projection.weight"
    case .perLayerProjectionNorm: prefix + "per_layer_projection_norm.weight"
    case .streamProjections: prefix + "altup_projections.%.weight"
    case .streamUnprojections: prefix + "altup_unembed_projections.%.weight"
    case .layer(let layer, let tensor): "\(prefix)layers.\(layer).\(name(tensor))"
    }
  }

  private func name(_ tensor: LayerTensor) -> String {
    switch tensor {
    case .query: "self_attn.q_proj.weight"
    case .key: "self_attn.k_proj.weight"
    case .value: "self_attn.v_proj.weight"
    case .output: "self_attn.o_proj.weight"
    case .gate: "mlp.gate_proj.weight"
    case .up: "mlp.up_proj.weight"
    case .down: "mlp.down_proj.weight"
    case .inputNorm: "input_layernorm.weight"
    case .postAttentionNorm: "post_attention_layernorm.weight"
    case .preFeedForwardNorm:
      // Gemma 1 has no norm on outputs and gives the name to what stands before the MLP.
      generation == .gemma ? "post_attention_layernorm.weight" : "pre_feedforward_layernorm.weight"
    case .postFeedForwardNorm: "post_feedforward_layernorm.weight"
    case .queryNorm: "self_attn.q_norm.weight"
    case .keyNorm: "self_attn.k_norm.weight"
    case .scalar: "layer_scalar"
    case .perLayerGate: "per_layer_input_gate.weight"
    case .perLayerProjection: "per_layer_projection.weight"
    case .perLayerNorm: "post_per_layer_input_norm.weight"
    case .streamRouter: "altup.modality_router.weight"
    case .streamRouterNorm: "altup.router_norm.weight"
    case .predictionCoefficients: "altup.prediction_coefs.weight"
    case .correctionCoefficients: "altup.correction_coefs.weight"
    case .correctionScale: "altup.correct_output_scale"
    case .laurelLeft: "laurel.linear_left.weight"
    case .laurelRight: "laurel.linear_right.weight"
    case .laurelNorm: "laurel.post_laurel_norm.weight"
    case .expertRouter: "router.proj.weight"
    case .expertRouterScale: "router.scale"
    case .expertScale: "router.per_expert_scale"
    case .expertGateUp: "experts.gate_up_proj"
    case .expertDown: "experts.down_proj"
    case .preExpertNorm: "pre_feedforward_layernorm_2.weight"
    case .postDenseNorm: "post_feedforward_layernorm_1.weight"
    case .postExpertNorm: "post_feedforward_layernorm_2.weight"
    }
  }
}
