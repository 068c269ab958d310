extension GemmaConfiguration {
  /// Gemma 3: five sliding layers to a global one, norms on query and key heads, two RoPE bases, of which only the global
  /// one is scaled.
  init(gemma3 facts: ConfigurationFacts) throws(GemmaError) {
    let isGlobal = try facts.globalLayers(facts.checkedLayerCount(), period: 6)
    let hiddenSize = try facts.require(facts.hiddenSize, "hidden_size")
    let global = LayerDescription.Rotary(
      base: facts.globalRope.base ?? 1e6, factor: facts.globalRope.factor ?? 1)
    let local = LayerDescription.Rotary(
      base: facts.localRope.base ?? 1e4, factor: facts.localRope.factor ?? 1)
    var layer = LayerDescription(
      headCount: facts.headCount ?? 8, keyValueHeadCount: facts.keyValueHeadCount ?? 4,
      headDim: facts.headDim ?? 256,
      intermediateSize: try facts.require(facts.intermediateSize, "intermediate_size"),
      attentionScale: Float(1 / (facts.queryScalar ?? 256).squareRoot()), rotary: global)
    layer.attentionCap = facts.attentionCap.or(nil)
    layer.normsQueriesAndKeys = true
    layer.hasOutputNorms = true
    let layers = isGlobal.map { isGlobal in
      var layer = layer
      layer.window = isGlobal ? nil : facts.window ?? 4_096
      layer.rotary = isGlobal ? global : local
      return layer
    }
    self = try facts.configuration(
      hiddenSize: hiddenSize, vocabularySize: 262_208, maxPositions: 131_072, layers: layers)
    finalLogitCap = facts.finalCap.or(nil)
  }
}
