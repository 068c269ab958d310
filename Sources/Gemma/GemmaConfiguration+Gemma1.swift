extension GemmaConfiguration {
  /// Gemma 1 and CodeGemma: global attention everywhere, two norms a layer.
  ///
  /// `hidden_act: "gelu"` of the published files means the tanh form, like everywhere else.
  init(gemma1 facts: ConfigurationFacts) throws(GemmaError) {
    let headDim = facts.headDim ?? 256
    let headCount = facts.headCount ?? 16
    let layer = LayerDescription(
      headCount: headCount, keyValueHeadCount: facts.keyValueHeadCount ?? headCount, headDim: headDim,
      intermediateSize: try facts.require(facts.intermediateSize, "intermediate_size"),
      attentionScale: Float(1 / Double(headDim).squareRoot()),
      rotary: .init(base: facts.globalRope.base ?? 1e4, factor: facts.globalRope.factor ?? 1))
    self = try facts.configuration(
      hiddenSize: facts.require(facts.hiddenSize, "hidden_size"), vocabularySize: 256_000,
      maxPositions: 8_192,
      layers: Array(repeating: layer, count: facts.checkedLayerCount()))
  }
}
