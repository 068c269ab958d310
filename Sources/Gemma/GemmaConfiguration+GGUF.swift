import Weights

extension GemmaConfiguration {
  /// The metadata of the model's shape under the keys that llama.cpp reads, in a fixed order, without vocabulary and general
  /// keys: the way back from `init(gguf:)`.
  ///
  /// - Throws: `GemmaError.configuration` where GGUF has no way to say it, such as irregular global layers of Gemma 3.
  public func ggufMetadata() throws(GemmaError) -> [(key: String, value: GGUFValue)] {
    var pairs: [(key: String, value: GGUFValue)] = []
    func add(_ key: String, _ value: GGUFValue?) {
      if let value { pairs.append((generation.rawValue + "." + key, value)) }
    }
    func integer(_ value: Int) -> GGUFValue { .uint32(UInt32(clamping: value)) }
    func float(_ value: Double) -> GGUFValue { .float32(Float(value)) }
    let global = layers.last(where: \.isGlobal) ?? layers[0]
    let local = layers.first { !$0.isGlobal } ?? global
    add("context_length", integer(maxPositions))
    add("embedding_length", integer(hiddenSize))
    add("block_count", integer(layerCount))
    add("feed_forward_length", perLayer(layers.map(\.intermediateSize)))
    add("attention.head_count", integer(layers[0].headCount))
    add("attention.head_count_kv", perLayer(layers.map(\.keyValueHeadCount)))
    add("attention.key_length", integer(global.headDim))
    add("attention.value_length", integer(global.headDim))
    add("attention.layer_norm_rms_epsilon", .float32(epsilon))
    add("rope.freq_base", float(global.rotary.base))
    if local.rotary.base != global.rotary.base || generation == .gemma3 || generation == .gemma4 {
      add("rope.freq_base_swa", float(local.rotary.base))
    }
    if global.rotary.factor != 1 {
      add("rope.scaling.type", .string("linear"))
      add("rope.scaling.factor", float(global.rotary.factor))
    }
    add("attn_logit_softcapping", layers[0].attentionCap.map { .float32($0) })
    add("final_logit_softcapping", finalLogitCap.map { .float32($0) })
    add("attention.sliding_window", local.window.map(integer))
    add("attention.sliding_window_pattern", try slidingPattern())
    add("vocab_size", integer(vocabularySize))
    try addQueryScalar(add)
    if generation == .gemma3n || generation == .gemma4 { addPerLayerInput(add) }
    if let altUp = alternatingUpdates {
      add("altup.active_idx", integer(altUp.active))
      add("altup.num_inputs", integer(altUp.streams))
      add(
        "activation_sparsity_scale",
        .array(GGUFArray(layers.map { $0.sparsityCutoff ?? -Float.infinity })))
    }
    if generation == .gemma4 {
      add("attention.key_length_swa", integer(local.headDim))
      add("attention.value_length_swa", integer(local.headDim))
      add("rope.dimension_count", integer(global.headDim))
      add("rope.dimension_count_swa", integer(local.headDim))
      if let experts = layers[0].experts {
        add("expert_count", integer(experts.count))
        add("expert_used_count", integer(experts.active))
        add("expert_feed_forward_length", integer(experts.intermediateSize))
      }
    }
    return pairs
  }

  /// Tensors that a GGUF file holds besides those of `tensors`: which pairs of global heads rotate (Gemma 4).
  public func ggufExtraTensors() -> [OutputTensor] {
    guard generation == .gemma4, let global = layers.last(where: \.isGlobal) else { return [] }
    let half = global.headDim / 2
    let rotated = global.rotary.rotatedPairs(headDim: global.headDim)
    let divisors = (0..<half).map { $0 < rotated ? Float(1) : 1e30 }
    return [OutputTensor(name: "rope_freqs.weight", shape: [half], floats: divisors)]
  }

  private func perLayer(_ values: [Int]) -> GGUFValue {
    if values.allSatisfy({ $0 == values[0] }) { return .uint32(UInt32(clamping: values[0])) }
    return .array(GGUFArray(values.map { Int32(clamping: $0) }))
  }

  /// Gemma 3n and 4 list what slides; llama.cpp reads a period for the others.
  private func slidingPattern() throws(GemmaError) -> GGUFValue? {
    switch generation {
    case .gemma: return nil
    case .gemma3n, .gemma4: return .array(GGUFArray(layers.map { !$0.isGlobal }))
    case .gemma2, .gemma3:
      guard let period = globalPeriod else {
        throw .configuration(
          path: "the model", key: "layer_types",
          problem:
            "has global layers at irregular distances, which GGUF cannot say for \(generation.rawValue)")
      }
      return .uint32(UInt32(period))
    }
  }

  /// The distance of global layers where the last layer of each period, and no other, is global.
  public var globalPeriod: Int? {
    (1...(layerCount + 1)).first { period in
      layers.indices.allSatisfy { layers[$0].isGlobal == (($0 + 1) % period == 0) }
    }
  }

  /// `query_pre_attn_scalar`: the attention scale is its inverse square root.
  public var queryScalar: Double {
    let scale = Double(layers[0].attentionScale)
    let scalar = 1 / (scale * scale)
    return abs(scalar - scalar.rounded()) < 1e-3 * scalar ? scalar.rounded() : scalar
  }

  private func addQueryScalar(_ add: (String, GGUFValue?) -> Void) throws(GemmaError) {
    guard generation == .gemma2 || generation == .gemma3, queryScalar != Double(layers[0].headDim) else {
      return
    }
    // llama.cpp knows only the usual values; this key is Gemfill's.
    let isWhole = queryScalar == queryScalar.rounded() && queryScalar < Double(UInt32.max)
    add(
      "attention.query_pre_attn_scalar", isWhole ? .uint32(UInt32(queryScalar)) : .float32(Float(queryScalar))
    )
  }

  private func addPerLayerInput(_ add: (String, GGUFValue?) -> Void) {
    add("embedding_length_per_layer_input", .uint32(UInt32(perLayerInput?.size ?? 0)))
    add("attention.shared_kv_layers", .uint32(UInt32(layers.count { !$0.ownsKeys })))
  }
}

extension LayerDescription.Rotary {
  /// How many pairs of a head rotate.
  public func rotatedPairs(headDim: Int) -> Int {
    // The small addition keeps products such as 0.3 · 20 from falling below the integer.
    min(headDim / 2, Int(fraction * Double(headDim) / 2 + 1e-9))
  }
}
