import Weights

extension GemmaConfiguration {
  /// Reads a transformers `config.json`: the nested `rope_parameters` and `per_layer_config` of transformers 5 or the keys of
  /// published checkpoints; multimodal files hold the text model under `text_config`. Absent keys take the class
  /// defaults.
  ///
  /// - Throws: `GemmaError.configuration` that names the key.
  public init(json: [String: JSONValue], path: String) throws(GemmaError) {
    let facts = try HubConfigurationReader(json: json, path: path).facts()
    try self.init(facts)
  }

  /// Makes the layers of `facts` as their generation has them, and checks the result.
  init(_ facts: ConfigurationFacts) throws(GemmaError) {
    switch facts.generation {
    case .gemma: try self.init(gemma1: facts)
    case .gemma2: try self.init(gemma2: facts)
    case .gemma3: try self.init(gemma3: facts)
    case .gemma3n: try self.init(gemma3n: facts)
    case .gemma4: try self.init(gemma4: facts)
    }
    try validate(path: facts.path, keyName: facts.keyName)
  }
}

/// Takes the facts out of a transformers `config.json`.
struct HubConfigurationReader {
  private let path: String
  private let keys: [String: JSONValue]
  private let generation: GemmaConfiguration.Generation

  init(json: [String: JSONValue], path: String) throws(GemmaError) {
    self.path = path
    if let text = json["text_config"], !text.isNull {
      guard let members = text.objectValue else {
        throw .configuration(path: path, key: "text_config", problem: "is not an object")
      }
      keys = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    } else {
      keys = json
    }
    let type = (keys["model_type"] ?? json["model_type"])?.stringValue ?? "(none)"
    switch type {
    case "gemma": generation = .gemma
    case "gemma2": generation = .gemma2
    case "gemma3", "gemma3_text": generation = .gemma3
    case "gemma3n", "gemma3n_text": generation = .gemma3n
    case "gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text": generation = .gemma4
    default:
      throw .configuration(
        path: path, key: "model_type",
        problem: "is \(type); the text models of Gemma 1, 2, 3, 3n and 4 are supported")
    }
  }

  func facts() throws(GemmaError) -> ConfigurationFacts {
    try refuseVariants()
    var facts = ConfigurationFacts(path: path, generation: generation)
    facts.hiddenSize = try integer("hidden_size")
    facts.layerCount = try integer("num_hidden_layers")
    facts.headCount = try integer("num_attention_heads")
    facts.keyValueHeadCount = try integer("num_key_value_heads")
    facts.headDim = try integer("head_dim")
    facts.vocabularySize = try integer("vocab_size")
    facts.maxPositions = try integer("max_position_embeddings")
    facts.window = try integer("sliding_window")
    facts.epsilon = try number("rms_norm_eps")
    facts.queryScalar = try number("query_pre_attn_scalar")
    facts.attentionCap = try stated("attn_logit_softcapping")
    facts.finalCap = try stated("final_logit_softcapping")
    facts.isGlobal = try layerTypes()
    facts.period = try integer("sliding_window_pattern")
    if facts.period == nil { facts.period = try integer("_sliding_window_pattern") }
    try readWidths(into: &facts)
    try readRope(into: &facts)
    if generation == .gemma3n || generation == .gemma4 {
      facts.perLayerInputSize = try integer("hidden_size_per_layer_input", least: 0)
      facts.perLayerVocabularySize = try integer("vocab_size_per_layer_input")
      facts.sharedLayerCount = try integer("num_kv_shared_layers", least: 0)
    }
    if generation == .gemma3n { try readStreams(into: &facts) }
    if generation == .gemma4 { try readGemma4(into: &facts) }
    return facts
  }

  /// Variants that change what the model computes are refused, never ignored.
  private func refuseVariants() throws(GemmaError) {
    for key in ["hidden_act", "hidden_activation"] {
      guard let name = keys[key]?.stringValue else { continue }
      guard ["gelu", "gelu_pytorch_tanh"].contains(name) else {
        throw error(key, "is \(name); only gelu_pytorch_tanh is supported")
      }
    }
    if let bias = keys["attention_bias"], bias != false, !bias.isNull {
      throw error("attention_bias", "is set; biases are not supported")
    }
    // "vision" concerns image tokens only.
    if let both = keys["use_bidirectional_attention"], both != false, !both.isNull, both != "vision" {
      throw error("use_bidirectional_attention", "is set; only causal models are supported")
    }
  }

  /// `intermediate_size` may be a list (Gemma 3n).
  private func readWidths(into facts: inout ConfigurationFacts) throws(GemmaError) {
    guard let list = keys["intermediate_size"]?.arrayValue else {
      facts.intermediateSize = try integer("intermediate_size")
      return
    }
    guard list.count == facts.layerCount else {
      throw error("intermediate_size", "has \(list.count) entries, not one for each layer")
    }
    for (index, value) in list.enumerated() {
      facts.overrides[index, default: .init()].intermediateSize = try integer(value, "intermediate_size", 1)
    }
  }

  private func layerTypes() throws(GemmaError) -> [Bool]? {
    guard let value = keys["layer_types"], !value.isNull else { return nil }
    guard let types = value.arrayValue else { throw error("layer_types", "is not a list") }
    var isGlobal: [Bool] = []
    for type in types {
      switch type.stringValue {
      case "full_attention": isGlobal.append(true)
      case "sliding_attention": isGlobal.append(false)
      default: throw error("layer_types", "has an entry that is neither full nor sliding attention")
      }
    }
    return isGlobal
  }

  private func readRope(into facts: inout ConfigurationFacts) throws(GemmaError) {
    let nested = keys["rope_parameters"]
    if let both = nested?["full_attention"] ?? nested?["sliding_attention"], !both.isNull {
      facts.globalRope = try rope(nested?["full_attention"])
      facts.localRope = try rope(nested?["sliding_attention"])
    } else if let nested, !nested.isNull {
      facts.globalRope = try rope(nested)
    }
    // The keys of published checkpoints; scaling concerns global layers only.
    if let scaling = keys["rope_scaling"], !scaling.isNull {
      let scaled = try rope(scaling)
      facts.globalRope.factor = scaled.factor
      facts.globalRope.fraction = scaled.fraction
    }
    if facts.globalRope.base == nil { facts.globalRope.base = try number("rope_theta") }
    if facts.localRope.base == nil { facts.localRope.base = try number("rope_local_base_freq") }
  }

  private func rope(_ value: JSONValue?) throws(GemmaError) -> ConfigurationFacts.Rope {
    guard let value, !value.isNull else { return .init() }
    let kind = (value["rope_type"] ?? value["type"])?.stringValue ?? "default"
    guard ["default", "linear", "proportional"].contains(kind) else {
      throw error("rope_scaling", "has type \(kind); only linear and proportional are supported")
    }
    var rope = ConfigurationFacts.Rope()
    rope.base = try number(value["rope_theta"], "rope_theta")
    // What the default type says about scaling is not used by transformers either.
    rope.factor = kind == "default" ? 1 : try number(value["factor"], "rope_scaling.factor") ?? 1
    rope.fraction =
      kind == "proportional" ? try number(value["partial_rotary_factor"], "partial_rotary_factor") ?? 1 : 1
    if kind != "proportional", let part = value["partial_rotary_factor"]?.doubleValue, part != 1 {
      throw error("partial_rotary_factor", "is \(part) for type \(kind); only proportional rotates in part")
    }
    return rope
  }

  private func readStreams(into facts: inout ConfigurationFacts) throws(GemmaError) {
    facts.streams = try integer("altup_num_inputs")
    facts.activeStream = try integer("altup_active_idx", least: 0)
    facts.coefficientClip = try stated("altup_coef_clip")
    facts.scalesCorrection = keys["altup_correct_scale"]?.boolValue
    facts.laurelRank = try integer("laurel_rank")
    guard let pattern = keys["activation_sparsity_pattern"], !pattern.isNull else { return }
    guard let shares = pattern.arrayValue else { throw error("activation_sparsity_pattern", "is not a list") }
    var cutoffs: [Double] = []
    for share in shares {
      guard let share = share.doubleValue, share >= 0, share < 1 else {
        throw error("activation_sparsity_pattern", "has an entry that is not at least 0 and below 1")
      }
      cutoffs.append(share == 0 ? 0 : GemmaConfiguration.normalQuantile(Double(Float(share))))
    }
    facts.sparsityCutoffs = cutoffs
  }

  private func readGemma4(into facts: inout ConfigurationFacts) throws(GemmaError) {
    facts.keysAreValues = keys["attention_k_eq_v"]?.boolValue
    facts.doublesSharedMLP = keys["use_double_wide_mlp"]?.boolValue ?? false
    if keys["enable_moe_block"]?.boolValue ?? false {
      facts.expertCount = try facts.require(integer("num_experts"), "num_experts")
      facts.activeExpertCount = try integer("top_k_experts")
      facts.expertSize = try integer("moe_intermediate_size")
    }
    guard let overrides = keys["per_layer_config"], !overrides.isNull else {
      facts.globalHeadDim = try integer("global_head_dim") ?? 512
      facts.globalKeyValueHeadCount = try integer("num_global_key_value_heads")
      return
    }
    guard let members = overrides.objectValue else { throw error("per_layer_config", "is not an object") }
    for (key, value) in members {
      guard let index = Int(key), index >= 0, index < facts.layerCount ?? 30 else {
        throw error("per_layer_config", "names layer \(key), which is not there")
      }
      facts.overrides[index, default: .init()].headDim = try integer(value["head_dim"], "head_dim", 1)
      facts.overrides[index]?.keyValueHeadCount = try integer(
        value["num_key_value_heads"], "num_key_value_heads", 1)
      facts.overrides[index]?.intermediateSize = try integer(
        value["intermediate_size"], "intermediate_size", 1)
    }
  }

  private func error(_ key: String, _ problem: String) -> GemmaError {
    .configuration(path: path, key: key, problem: problem)
  }

  private func integer(_ key: String, least: Int = 1) throws(GemmaError) -> Int? {
    try integer(keys[key], key, least)
  }

  private func integer(_ value: JSONValue?, _ key: String, _ least: Int) throws(GemmaError) -> Int? {
    guard let value, !value.isNull else { return nil }
    guard let number = value.intValue, number >= least, number < GemmaConfiguration.maximumExtent else {
      throw error(key, "is not an integer between \(least) and \(GemmaConfiguration.maximumExtent)")
    }
    return number
  }

  private func number(_ key: String) throws(GemmaError) -> Double? { try number(keys[key], key) }

  private func number(_ value: JSONValue?, _ key: String) throws(GemmaError) -> Double? {
    guard let value, !value.isNull else { return nil }
    guard let number = value.doubleValue, number.isFinite, number > 0 else {
      throw error(key, "is not a positive number")
    }
    return number
  }

  private func stated(_ key: String) throws(GemmaError) -> ConfigurationFacts.Stated {
    guard let value = keys[key] else { return .absent }
    return try number(value, key).map { .value($0) } ?? .none
  }
}
