import Weights

/// Hyper-parameters of a Gemma 3 text model, from either form of `config.json` or from GGUF metadata.
public struct GemmaConfiguration: Sendable, Equatable {
  /// Residual stream width.
  public var hiddenSize: Int
  /// Decoder layers.
  public var layerCount: Int
  /// Width of the gated MLP.
  public var intermediateSize: Int
  /// Query heads.
  public var headCount: Int
  /// Key/value heads; divides `headCount`.
  public var keyValueHeadCount: Int
  /// Width of one head; even.
  public var headDim: Int
  /// Rows of the tied embedding.
  public var vocabularySize: Int
  /// Longest sequence of positions.
  public var maxPositions: Int
  /// RMSNorm epsilon.
  public var epsilon: Float
  /// Scores are multiplied by this before the softmax: `query_pre_attn_scalar^-0.5`.
  public var attentionScale: Float
  /// Sliding-window layers: a token sees itself and the `window - 1` before it.
  public var window: Int
  /// Per layer: true where attention is global.
  public var isGlobal: [Bool]
  /// RoPE base of global layers.
  public var globalRopeBase: Double
  /// Positions of global layers are divided by this (linear scaling).
  public var globalRopeFactor: Double
  /// RoPE base of sliding layers.
  public var localRopeBase: Double

  init(
    hiddenSize: Int, layerCount: Int, intermediateSize: Int, headCount: Int, keyValueHeadCount: Int,
    headDim: Int,
    vocabularySize: Int, maxPositions: Int, epsilon: Float, attentionScale: Float, window: Int,
    isGlobal: [Bool],
    globalRopeBase: Double, globalRopeFactor: Double, localRopeBase: Double
  ) {
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.intermediateSize = intermediateSize
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDim = headDim
    self.vocabularySize = vocabularySize
    self.maxPositions = maxPositions
    self.epsilon = epsilon
    self.attentionScale = attentionScale
    self.window = window
    self.isGlobal = isGlobal
    self.globalRopeBase = globalRopeBase
    self.globalRopeFactor = globalRopeFactor
    self.localRopeBase = localRopeBase
  }

  /// Reads a transformers `config.json`: the nested `rope_parameters` of transformers 5 or the keys of published
  /// checkpoints; multimodal files hold the text model under `text_config`. Absent keys take the class defaults.
  ///
  /// - Throws: `GemmaError.configuration` that names the key.
  public init(json: [String: JSONValue], path: String) throws(GemmaError) {
    let nested = json["text_config"]
    func text(_ key: String) -> JSONValue? { nested.map { $0[key] } ?? json[key] }
    let type = (text("model_type") ?? json["model_type"])?.stringValue ?? "(none)"
    guard type == "gemma3_text" || type == "gemma3" else {
      throw .configuration(
        path: path, key: "model_type", problem: "is \(type); only gemma3_text is supported")
    }
    func integer(_ key: String, _ fallback: Int? = nil) throws(GemmaError) -> Int {
      guard let value = text(key), !value.isNull else {
        if let fallback { return fallback }
        throw .configuration(path: path, key: key, problem: "is missing")
      }
      guard let number = value.intValue, number > 0, number < 1 << 28 else {
        throw .configuration(path: path, key: key, problem: "is not a positive integer")
      }
      return number
    }
    func number(_ value: JSONValue?, _ key: String, _ fallback: Double) throws(GemmaError) -> Double {
      guard let value, !value.isNull else { return fallback }
      guard let number = value.doubleValue, number.isFinite, number > 0 else {
        throw .configuration(path: path, key: key, problem: "is not a positive number")
      }
      return number
    }
    hiddenSize = try integer("hidden_size")
    layerCount = try integer("num_hidden_layers")
    intermediateSize = try integer("intermediate_size")
    headCount = try integer("num_attention_heads", 8)
    keyValueHeadCount = try integer("num_key_value_heads", 4)
    headDim = try integer("head_dim", 256)
    vocabularySize = try integer("vocab_size", 262_208)
    maxPositions = try integer("max_position_embeddings", 131_072)
    window = try integer("sliding_window", 4_096)
    epsilon = Float(try number(text("rms_norm_eps"), "rms_norm_eps", 1e-6))
    attentionScale = Float(
      1 / (try number(text("query_pre_attn_scalar"), "query_pre_attn_scalar", 256)).squareRoot())
    let pattern = try integer("sliding_window_pattern", try integer("_sliding_window_pattern", 6))
    if let types = text("layer_types")?.arrayValue {
      isGlobal = types.map { $0.stringValue == "full_attention" }
    } else {
      isGlobal = (0..<layerCount).map { ($0 + 1) % pattern == 0 }
    }
    let full = text("rope_parameters")?["full_attention"]
    let sliding = text("rope_parameters")?["sliding_attention"]
    globalRopeBase = try number(full?["rope_theta"] ?? text("rope_theta"), "rope_theta", 1e6)
    localRopeBase = try number(
      sliding?["rope_theta"] ?? text("rope_local_base_freq"), "rope_local_base_freq", 1e4)
    let scaling = full ?? text("rope_scaling")
    globalRopeFactor = 1
    if let kind = (scaling?["rope_type"] ?? scaling?["type"])?.stringValue, kind != "default" {
      guard kind == "linear" else {
        throw .configuration(
          path: path, key: "rope_scaling", problem: "has type \(kind); only linear is supported")
      }
      globalRopeFactor = try number(scaling?["factor"], "rope_scaling.factor", 1)
    }
    try validate(path: path)
  }

  /// Reads the metadata of a `gemma3` GGUF with the key names that llama.cpp writes.
  ///
  /// - Throws: `GemmaError.configuration` that names the key.
  public init(gguf: GGUFFile) throws(GemmaError) {
    let path = gguf.path
    guard gguf.architecture == "gemma3" else {
      throw .configuration(
        path: path, key: "general.architecture",
        problem: "is \(gguf.architecture ?? "missing"); only gemma3 is supported")
    }
    func integer(_ key: String, _ fallback: Int? = nil) throws(GemmaError) -> Int {
      guard let value = gguf.metadata["gemma3." + key]?.intValue ?? fallback else {
        throw .configuration(path: path, key: "gemma3." + key, problem: "is missing")
      }
      guard value > 0, value < 1 << 28 else {
        throw .configuration(path: path, key: "gemma3." + key, problem: "is out of range")
      }
      return value
    }
    func number(_ key: String, _ fallback: Double) -> Double {
      gguf.metadata["gemma3." + key]?.floatValue.map { Double($0) } ?? fallback
    }
    hiddenSize = try integer("embedding_length")
    layerCount = try integer("block_count")
    intermediateSize = try integer("feed_forward_length")
    headCount = try integer("attention.head_count")
    keyValueHeadCount = try integer("attention.head_count_kv")
    headDim = try integer("attention.key_length", 256)
    maxPositions = try integer("context_length")
    window = try integer("attention.sliding_window", 512)
    epsilon = Float(number("attention.layer_norm_rms_epsilon", 1e-6))
    let width = try integer("attention.query_pre_attn_scalar", headDim)
    attentionScale = 1 / Float(width).squareRoot()
    let pattern = try integer("attention.sliding_window_pattern", 6)
    isGlobal = (0..<layerCount).map { ($0 + 1) % pattern == 0 }
    globalRopeBase = number("rope.freq_base", 1e6)
    localRopeBase = number("rope.freq_base_swa", 1e4)
    globalRopeFactor = number("rope.scaling.factor", 1)
    guard let embedding = gguf.tensor("token_embd.weight"), embedding.shape.count == 2 else {
      throw .missingTensor(path: path, name: "token_embd.weight")
    }
    vocabularySize = embedding.shape[0]
    try validate(path: path)
  }

  private func validate(path: String) throws(GemmaError) {
    func require(_ condition: Bool, _ key: String, _ problem: String) throws(GemmaError) {
      if !condition { throw .configuration(path: path, key: key, problem: problem) }
    }
    try require(vocabularySize > 0, "vocab_size", "is 0")
    try require(headDim % 2 == 0, "head_dim", "is odd")
    try require(headCount % keyValueHeadCount == 0, "num_key_value_heads", "does not divide the query heads")
    try require(isGlobal.count == layerCount, "layer_types", "has not one entry per layer")
    try require(layerCount <= 1_024, "num_hidden_layers", "is beyond 1024")
    try require(epsilon > 0 && epsilon < 1, "rms_norm_eps", "is out of range")
    try require(globalRopeBase > 1 && localRopeBase > 1, "rope_theta", "is out of range")
  }
}
