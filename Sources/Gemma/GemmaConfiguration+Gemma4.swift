extension GemmaConfiguration {
  /// Gemma 4: wider heads in global layers, of which only a part rotates; then, by size, values that are the raw keys
  /// (dense and mixture), per-layer embeddings and shared keys (E), or experts beside the MLP.
  init(gemma4 facts: ConfigurationFacts) throws(GemmaError) {
    let count = try facts.checkedLayerCount(30)
    var isGlobal = try facts.globalLayers(count, period: 6)
    // The class makes the last layer global whatever the file says.
    isGlobal[count - 1] = true
    let sharing = try facts.sharing(isGlobal)
    var layers: [LayerDescription] = []
    for index in 0..<count {
      layers.append(try Self.gemma4Layer(index, isGlobal[index], sharing[index], facts))
    }
    self = try facts.configuration(
      hiddenSize: facts.hiddenSize ?? 2_304, vocabularySize: 262_144, maxPositions: 131_072, layers: layers)
    finalLogitCap = facts.finalCap.or(nil)
    let size = facts.perLayerInputSize ?? 256
    if size > 0 {
      perLayerInput = PerLayerInput(
        size: size, vocabularySize: facts.perLayerVocabularySize ?? 262_144)
    }
  }

  private static func gemma4Layer(
    _ index: Int, _ isGlobal: Bool, _ source: Int?, _ facts: ConfigurationFacts
  ) throws(GemmaError) -> LayerDescription {
    let override = facts.overrides[index]
    let keysAreValues = facts.keysAreValues ?? false
    let globalHeads = isGlobal && keysAreValues ? facts.globalKeyValueHeadCount : nil
    let rope = isGlobal ? facts.globalRope : facts.localRope
    let width = facts.intermediateSize ?? 9_216
    var layer = LayerDescription(
      headCount: facts.headCount ?? 8,
      keyValueHeadCount: override?.keyValueHeadCount ?? globalHeads ?? facts.keyValueHeadCount ?? 4,
      headDim: override?.headDim ?? (isGlobal ? facts.globalHeadDim : nil) ?? facts.headDim ?? 256,
      intermediateSize: override?.intermediateSize
        ?? (source != nil && facts.doublesSharedMLP ? 2 * width : width),
      attentionScale: 1,
      rotary: .init(
        base: rope.base ?? (isGlobal ? 1e6 : 1e4), factor: rope.factor ?? 1,
        fraction: rope.fraction ?? (isGlobal ? 0.25 : 1)))
    layer.window = isGlobal ? nil : facts.window ?? 512
    layer.normsQueriesAndKeys = true
    layer.normsValues = true
    layer.hasOutputNorms = true
    layer.sharesKeysOf = source
    layer.valuesAreKeys =
      source == nil && (facts.layersWithoutValues?.contains(index) ?? (keysAreValues && isGlobal))
    layer.hasScalar = facts.layersWithScalar?.contains(index) ?? true
    if let experts = facts.expertCount, experts > 0 {
      layer.experts = .init(
        count: experts, active: try facts.require(facts.activeExpertCount, "top_k_experts"),
        intermediateSize: try facts.require(facts.expertSize, "moe_intermediate_size"))
    }
    return layer
  }
}
