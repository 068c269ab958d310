import Weights

extension GemmaConfiguration {
  /// Reads the metadata that llama.cpp writes for architectures gemma, gemma2, gemma3, gemma3n and gemma4; what it leaves
  /// to its code or to the tensors is taken from there.
  ///
  /// - Throws: `GemmaError.configuration` that names the key, `.missingTensor`.
  public init(gguf: GGUFFile) throws(GemmaError) {
    try self.init(GGUFConfigurationReader(gguf).facts())
  }
}

/// Takes the facts out of GGUF metadata.
struct GGUFConfigurationReader {
  private let gguf: GGUFFile
  private let generation: GemmaConfiguration.Generation
  private let names = GGUFNames()

  /// Keys of `config.json` and what GGUF calls them, behind the architecture.
  static let keyNames = [
    "hidden_size": "embedding_length", "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length", "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv", "head_dim": "attention.key_length",
    "max_position_embeddings": "context_length", "sliding_window": "attention.sliding_window",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon", "rope_theta": "rope.freq_base",
    "rope_scaling.factor": "rope.scaling.factor", "layer_types": "attention.sliding_window_pattern",
    "attn_logit_softcapping": "attn_logit_softcapping", "final_logit_softcapping": "final_logit_softcapping",
    "hidden_size_per_layer_input": "embedding_length_per_layer_input",
    "num_kv_shared_layers": "attention.shared_kv_layers", "num_experts": "expert_count",
    "top_k_experts": "expert_used_count", "moe_intermediate_size": "expert_feed_forward_length",
    "altup_num_inputs": "altup.num_inputs", "altup_active_idx": "altup.active_idx",
    "activation_sparsity_pattern": "activation_sparsity_scale",
    "query_pre_attn_scalar": "attention.query_pre_attn_scalar",
  ]

  init(_ gguf: GGUFFile) throws(GemmaError) {
    self.gguf = gguf
    guard let generation = gguf.architecture.flatMap(GemmaConfiguration.Generation.init) else {
      throw .configuration(
        path: gguf.path, key: "general.architecture",
        problem:
          "is \(gguf.architecture ?? "missing"); gemma, gemma2, gemma3, gemma3n and gemma4 are supported")
    }
    self.generation = generation
  }

  func facts() throws(GemmaError) -> ConfigurationFacts {
    var facts = ConfigurationFacts(path: gguf.path, generation: generation)
    let architecture = generation.rawValue
    facts.keyName = { Self.keyNames[$0].map { architecture + "." + $0 } ?? $0 }
    facts.hiddenSize = try required("embedding_length")
    facts.layerCount = try required("block_count")
    let count = try facts.checkedLayerCount()
    facts.headCount = try uniform("attention.head_count", count)
    facts.maxPositions = try required("context_length")
    facts.window = try integer("attention.sliding_window")
    facts.epsilon = try number("attention.layer_norm_rms_epsilon")
    facts.headDim = try integer("attention.key_length") ?? 256
    try readPerLayer(
      "feed_forward_length", count, &facts.intermediateSize, &facts.overrides, \.intermediateSize)
    try readPerLayer(
      "attention.head_count_kv", count, &facts.keyValueHeadCount, &facts.overrides, \.keyValueHeadCount)
    facts.attentionCap = try number("attn_logit_softcapping").map { .value($0) } ?? .absent
    facts.finalCap = try number("final_logit_softcapping").map { .value($0) } ?? .absent
    facts.queryScalar = try queryScalar(facts)
    try readPattern(count, into: &facts)
    facts.globalRope.base = try number("rope.freq_base")
    facts.localRope.base = try number("rope.freq_base_swa")
    facts.globalRope.factor = try ropeFactor()
    facts.vocabularySize = try rows(.embedding)
    if generation == .gemma3n || generation == .gemma4 { try readPerLayerInput(count, into: &facts) }
    if generation == .gemma3n { try readStreams(count, into: &facts) }
    if generation == .gemma4 { try readGemma4(count, into: &facts) }
    return facts
  }

  /// The factor of linear scaling; any other scaling is refused, never ignored.
  private func ropeFactor() throws(GemmaError) -> Double? {
    let key = "\(generation.rawValue).rope.scaling.type"
    switch gguf.metadata[key]?.stringValue {
    case nil, "linear": return try number("rope.scaling.factor")
    case "none": return nil
    case let other?:
      throw .configuration(
        path: gguf.path, key: key, problem: "is \(other); only linear scaling is computed here")
    }
  }

  /// llama.cpp knows two values: that of the largest sizes and the head's width. The key is Gemfill's own.
  private func queryScalar(_ facts: ConfigurationFacts) throws(GemmaError) -> Double? {
    if let stored = try number("attention.query_pre_attn_scalar") { return stored }
    let layersOfLargest = [GemmaConfiguration.Generation.gemma2: 46, .gemma3: 62]
    if let hidden = facts.hiddenSize, let heads = facts.headCount,
      layersOfLargest[generation] == facts.layerCount
    {
      return Double(hidden / heads)
    }
    return facts.headDim.map { Double($0) }
  }

  /// The period of global layers, or for each layer whether it slides.
  private func readPattern(_ count: Int, into facts: inout ConfigurationFacts) throws(GemmaError) {
    guard let array = value("attention.sliding_window_pattern")?.arrayValue else {
      facts.period = try integer("attention.sliding_window_pattern")
      return
    }
    guard let slides = array.booleans() ?? array.integers()?.map({ $0 != 0 }), slides.count >= count else {
      throw error("attention.sliding_window_pattern", "is not a list with an entry for each layer")
    }
    facts.isGlobal = slides.prefix(count).map { !$0 }
  }

  private func readPerLayerInput(_ count: Int, into facts: inout ConfigurationFacts) throws(GemmaError) {
    facts.perLayerInputSize = try integer("embedding_length_per_layer_input", least: 0) ?? 0
    facts.sharedLayerCount =
      try integer("attention.shared_kv_layers", least: 0) ?? (generation == .gemma3n ? max(0, count - 20) : 0)
    if facts.perLayerInputSize ?? 0 > 0 { facts.perLayerVocabularySize = try rows(.perLayerEmbedding) }
  }

  private func readStreams(_ count: Int, into facts: inout ConfigurationFacts) throws(GemmaError) {
    facts.streams = try integer("altup.num_inputs")
    facts.activeStream = try integer("altup.active_idx", least: 0)
    facts.laurelRank = try rows(.layer(0, .laurelLeft))
    guard let array = value("activation_sparsity_scale")?.arrayValue else { return }
    guard let scales = array.floats(), scales.allSatisfy({ $0 < 100 }) else {
      throw error("activation_sparsity_scale", "is not a list of standard deviations")
    }
    // Layers without sparsity have minus infinity.
    facts.sparsityCutoffs = scales.map { Double(max(0, $0)) }
  }

  private func readGemma4(_ count: Int, into facts: inout ConfigurationFacts) throws(GemmaError) {
    facts.globalHeadDim = facts.headDim
    facts.headDim = try integer("attention.key_length_swa") ?? facts.headDim
    if let experts = try integer("expert_count", least: 0), experts > 0 {
      facts.expertCount = experts
      facts.activeExpertCount = try required("expert_used_count")
      facts.expertSize = try required("expert_feed_forward_length")
    }
    let layers = Set(0..<count)
    // A tensor in a format that is not read is there all the same, and fails when it is loaded.
    func isThere(_ layer: Int, _ tensor: LayerTensor) -> Bool {
      let name = names.name(.layer(layer, tensor))
      return gguf.tensor(name) != nil || gguf.unreadableFormat(of: name) != nil
    }
    // Only global layers may do without a value matrix; elsewhere it is missing.
    facts.layersWithoutValues = layers.filter { !isThere($0, .value) && (facts.isGlobal?[$0] ?? true) }
    facts.layersWithScalar = layers.filter { isThere($0, .scalar) }
    // Pairs that do not rotate have their frequency divided by 1e30.
    facts.globalRope.fraction = 1
    if let divisors = gguf.tensor("rope_freqs.weight")?.floats(), !divisors.isEmpty {
      let rotated = divisors.prefix { $0 < 1e20 }
      guard rotated.allSatisfy({ $0 == 1 }), divisors.dropFirst(rotated.count).allSatisfy({ $0 >= 1e20 })
      else {
        throw .format(
          path: gguf.path, name: "rope_freqs.weight", problem: "is not a run of 1 followed by 1e30")
      }
      facts.globalRope.fraction = Double(rotated.count) / Double(divisors.count)
    }
  }

  /// Reads a value for all layers, or one for each, of which the first becomes the common one.
  private func readPerLayer(
    _ key: String, _ count: Int, _ common: inout Int?, _ overrides: inout [Int: ConfigurationFacts.Override],
    _ place: WritableKeyPath<ConfigurationFacts.Override, Int?>
  ) throws(GemmaError) {
    guard let array = value(key)?.arrayValue else {
      common = try required(key)
      return
    }
    guard let values = array.integers(), values.count >= count,
      values.allSatisfy({ $0 > 0 && $0 < GemmaConfiguration.maximumExtent })
    else { throw error(key, "is not a list with a positive entry for each layer") }
    common = values[0]
    for (index, value) in values.prefix(count).enumerated() {
      overrides[index, default: .init()][keyPath: place] = value
    }
  }

  private func uniform(_ key: String, _ count: Int) throws(GemmaError) -> Int {
    guard let array = value(key)?.arrayValue else { return try required(key) }
    guard let values = array.integers(), let first = values.first, first > 0,
      first < GemmaConfiguration.maximumExtent, values.allSatisfy({ $0 == first })
    else { throw error(key, "differs between layers, which is not supported") }
    return first
  }

  private func rows(_ role: TensorRole) throws(GemmaError) -> Int {
    guard let tensor = gguf.tensor(names.name(role)), tensor.shape.count == 2 else {
      throw .missingTensor(path: gguf.path, name: names.name(role))
    }
    return tensor.shape[0]
  }

  private func value(_ key: String) -> GGUFValue? { gguf.metadata[generation.rawValue + "." + key] }

  private func error(_ key: String, _ problem: String) -> GemmaError {
    .configuration(path: gguf.path, key: generation.rawValue + "." + key, problem: problem)
  }

  private func required(_ key: String) throws(GemmaError) -> Int {
    guard let found = try integer(key) else { throw error(key, "is missing") }
    return found
  }

  private func integer(_ key: String, least: Int = 1) throws(GemmaError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let number = value.intValue, number >= least, number < GemmaConfiguration.maximumExtent else {
      throw error(key, "is not an integer between \(least) and \(GemmaConfiguration.maximumExtent)")
    }
    return number
  }

  private func number(_ key: String) throws(GemmaError) -> Double? {
    guard let value = value(key) else { return nil }
    guard let number = value.floatValue, number.isFinite, number > 0 else {
      throw error(key, "is not a positive number")
    }
    return number
  }
}
