extension GemmaConfiguration {
  static let maximumLayerCount = 1_024
  /// No width, head count or vocabulary of a real model comes near it; products of two stay far from overflow.
  static let maximumExtent = 1 << 28

  /// Checks that the parts fit together, so that the forward pass need not.
  ///
  /// - Throws: `GemmaError.configuration` that names the key as `keyName` spells it.
  func validate(path: String, keyName: (String) -> String = { $0 }) throws(GemmaError) {
    func require(_ condition: Bool, _ key: String, _ problem: String) throws(GemmaError) {
      if !condition { throw .configuration(path: path, key: keyName(key), problem: problem) }
    }
    func extent(_ value: Int, _ key: String) throws(GemmaError) {
      try require(value > 0 && value < Self.maximumExtent, key, "is \(value), which no model has")
    }
    try extent(hiddenSize, "hidden_size")
    try extent(vocabularySize, "vocab_size")
    try extent(maxPositions, "max_position_embeddings")
    try require(epsilon > 0 && epsilon < 1, "rms_norm_eps", "is out of range")
    try require(finalLogitCap ?? 1 > 0, "final_logit_softcapping", "is not positive")
    try require(
      !layers.isEmpty && layers.count <= Self.maximumLayerCount, "num_hidden_layers",
      "is not between 1 and \(Self.maximumLayerCount)")
    if let perLayerInput {
      try extent(perLayerInput.size, "hidden_size_per_layer_input")
      try extent(perLayerInput.vocabularySize, "vocab_size_per_layer_input")
      try extent(perLayerInput.size * layers.count, "hidden_size_per_layer_input")
    }
    if let altUp = alternatingUpdates {
      try require((1...64).contains(altUp.streams), "altup_num_inputs", "is not between 1 and 64")
      try require(
        (0..<altUp.streams).contains(altUp.active), "altup_active_idx", "is beyond the last stream")
      try require(
        perLayerInput != nil, "hidden_size_per_layer_input", "is 0, but alternating updates need it")
    }
    if let laurelRank { try extent(laurelRank, "laurel_rank") }
    for index in layers.indices { try validate(layer: index, require) }
  }

  private func validate(
    layer index: Int, _ require: (Bool, String, String) throws(GemmaError) -> Void
  ) throws(GemmaError) {
    let layer = layers[index]
    for (value, key) in [
      (layer.headCount, "num_attention_heads"), (layer.keyValueHeadCount, "num_key_value_heads"),
      (layer.headDim, "head_dim"), (layer.intermediateSize, "intermediate_size"),
      (layer.window ?? 1, "sliding_window"),
    ] {
      try require(
        value > 0 && value < Self.maximumExtent, key, "is \(value) in layer \(index), which no model has")
    }
    try require(
      layer.headCount.multipliedReportingOverflow(by: layer.headDim).partialValue < Self.maximumExtent
        && layer.headCount < 1 << 16, "num_attention_heads",
      "and head_dim make layer \(index) wider than any model")
    try require(layer.headDim % 2 == 0, "head_dim", "is odd in layer \(index)")
    try require(
      layer.headCount % layer.keyValueHeadCount == 0, "num_key_value_heads",
      "does not divide the query heads of layer \(index)")
    try require(
      layer.attentionScale.isFinite && layer.attentionScale > 0, "query_pre_attn_scalar", "is not positive")
    try require(layer.attentionCap ?? 1 > 0, "attn_logit_softcapping", "is not positive")
    try require(layer.rotary.base > 1 && layer.rotary.base.isFinite, "rope_theta", "is out of range")
    try require(layer.rotary.factor > 0, "rope_scaling.factor", "is not positive")
    try require(
      (0...1).contains(layer.rotary.fraction), "partial_rotary_factor", "is not between 0 and 1")
    if let source = layer.sharesKeysOf {
      try require(
        (0..<index).contains(source) && layers[source].ownsKeys
          && layers[source].headDim == layer.headDim
          && layers[source].keyValueHeadCount == layer.keyValueHeadCount,
        "num_kv_shared_layers", "makes layer \(index) share keys that layer \(source) does not have")
    }
    if let experts = layer.experts {
      try require(
        (1...Self.maximumExpertCount).contains(experts.count), "num_experts",
        "is not between 1 and \(Self.maximumExpertCount)")
      try require(
        (1...experts.count).contains(experts.active), "top_k_experts",
        "is \(experts.active), but there are \(experts.count) experts")
      try require(
        experts.intermediateSize > 0 && experts.intermediateSize < Self.maximumExtent,
        "moe_intermediate_size", "is out of range")
    }
  }

  private static let maximumExpertCount = 4_096
}
