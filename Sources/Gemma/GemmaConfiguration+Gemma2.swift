extension GemmaConfiguration {
  /// Gemma 2: every other layer slides, soft-caps on scores and logits, norms on what the sublayers put out.
  init(gemma2 facts: ConfigurationFacts) throws(GemmaError) {
    let isGlobal = try facts.globalLayers(facts.checkedLayerCount(), period: 2)
    let hiddenSize = try facts.require(facts.hiddenSize, "hidden_size")
    let headDim = facts.headDim ?? 256
    let headCount = facts.headCount ?? 8
    var layer = LayerDescription(
      headCount: headCount, keyValueHeadCount: facts.keyValueHeadCount ?? 4, headDim: headDim,
      intermediateSize: try facts.require(facts.intermediateSize, "intermediate_size"),
      attentionScale: Float(1 / (facts.queryScalar ?? 256).squareRoot()),
      rotary: .init(base: facts.globalRope.base ?? 1e4, factor: facts.globalRope.factor ?? 1))
    layer.attentionCap = facts.attentionCap.or(50)
    layer.hasOutputNorms = true
    let layers = isGlobal.map { isGlobal in
      var layer = layer
      layer.window = isGlobal ? nil : facts.window ?? 4_096
      return layer
    }
    self = try facts.configuration(
      hiddenSize: hiddenSize, vocabularySize: 256_000, maxPositions: 8_192, layers: layers)
    finalLogitCap = facts.finalCap.or(30)
  }
}
