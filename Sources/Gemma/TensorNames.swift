import Weights

/// The RMSNorms of a decoder layer.
public enum LayerNorm: Sendable {
  case input, postAttention, preFeedForward, postFeedForward, query, key
}

/// How a file format names a model's tensors.
public protocol TensorNames: Sendable {
  /// Norm tensors hold `1 + w` instead of `w`.
  var normsHoldOnePlus: Bool { get }
  /// Name of the tied embedding.
  var embedding: String { get }
  /// Name of the norm before the head.
  var finalNorm: String { get }
  /// Name of a projection's matrix.
  func projection(_ projection: Projection, layer: Int) -> String
  /// Name of a layer's norm.
  func norm(_ norm: LayerNorm, layer: Int) -> String
}

/// Names of llama.cpp's GGUF files, in which the `+ 1` is folded into the norms.
public struct GGUFNames: TensorNames {
  /// Creates the names.
  public init() {}
  /// Norm tensors hold `1 + w`.
  public var normsHoldOnePlus: Bool { true }
  /// Name of the tied embedding.
  public var embedding: String { "token_embd.weight" }
  /// Name of the norm before the head.
  public var finalNorm: String { "output_norm.weight" }
  /// Name of a projection's matrix.
  public func projection(_ projection: Projection, layer: Int) -> String {
    "blk.\(layer).\(projection.ggufName).weight"
  }
  /// Name of a layer's norm.
  public func norm(_ norm: LayerNorm, layer: Int) -> String {
    let name =
      switch norm {
      case .input: "attn_norm"
      case .postAttention: "post_attention_norm"
      case .preFeedForward: "ffn_norm"
      case .postFeedForward: "post_ffw_norm"
      case .query: "attn_q_norm"
      case .key: "attn_k_norm"
      }
    return "blk.\(layer).\(name).weight"
  }
}

/// Names of transformers checkpoints; multimodal ones hold the text model under a prefix.
public struct HubNames: TensorNames {
  private let prefix: String

  /// Finds the prefix that `source` uses.
  public init(_ source: any TensorSource) {
    let prefixes = ["model.", "model.language_model.", "language_model.model.", ""]
    prefix = prefixes.first { source.tensor($0 + "embed_tokens.weight") != nil } ?? "model."
  }

  /// Norm tensors hold `w`.
  public var normsHoldOnePlus: Bool { false }
  /// Name of the tied embedding.
  public var embedding: String { prefix + "embed_tokens.weight" }
  /// Name of the norm before the head.
  public var finalNorm: String { prefix + "norm.weight" }
  /// Name of a projection's matrix.
  public func projection(_ projection: Projection, layer: Int) -> String {
    "\(prefix)layers.\(layer).\(projection.modulePath).weight"
  }
  /// Name of a layer's norm.
  public func norm(_ norm: LayerNorm, layer: Int) -> String {
    let name =
      switch norm {
      case .input: "input_layernorm"
      case .postAttention: "post_attention_layernorm"
      case .preFeedForward: "pre_feedforward_layernorm"
      case .postFeedForward: "post_feedforward_layernorm"
      case .query: "self_attn.q_norm"
      case .key: "self_attn.k_norm"
      }
    return "\(prefix)layers.\(layer).\(name).weight"
  }
}
