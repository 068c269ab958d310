import Foundation

extension GemmaConfiguration {
  /// Gemma 3n: four residual streams, a learned side path in each layer, per-layer embeddings, keys and values shared by
  /// the last layers, sparse gates in the first ones.
  init(gemma3n facts: ConfigurationFacts) throws(GemmaError) {
    let count = try facts.checkedLayerCount(35)
    let isGlobal = try facts.globalLayers(count, period: 5)
    var facts = facts
    facts.sharedLayerCount = facts.sharedLayerCount ?? 15
    let sharing = try facts.sharing(isGlobal)
    let cutoffs =
      facts.sparsityCutoffs
      ?? (0..<count).map { count > 10 && $0 < 10 ? Self.normalQuantile(0.95) : 0 }
    guard cutoffs.count == count else {
      throw facts.error("activation_sparsity_pattern", "has \(cutoffs.count) entries for \(count) layers")
    }
    let layers = (0..<count).map { index in
      let rope = isGlobal[index] ? facts.globalRope : facts.localRope
      var layer = LayerDescription(
        headCount: facts.headCount ?? 8, keyValueHeadCount: facts.keyValueHeadCount ?? 2,
        headDim: facts.headDim ?? 256,
        intermediateSize: facts.overrides[index]?.intermediateSize ?? facts.intermediateSize ?? 16_384,
        attentionScale: 1,
        rotary: .init(base: rope.base ?? (isGlobal[index] ? 1e6 : 1e4), factor: rope.factor ?? 1))
      layer.window = isGlobal[index] ? nil : facts.window ?? 512
      layer.normsQueriesAndKeys = true
      layer.normsValues = true
      layer.hasOutputNorms = true
      layer.sharesKeysOf = sharing[index]
      layer.sparsityCutoff = cutoffs[index] > 0 ? Float(cutoffs[index]) : nil
      return layer
    }
    self = try facts.configuration(
      hiddenSize: facts.hiddenSize ?? 2_048, vocabularySize: 262_400, maxPositions: 32_768, layers: layers)
    finalLogitCap = facts.finalCap.or(30)
    perLayerInput = PerLayerInput(
      size: facts.perLayerInputSize ?? 256, vocabularySize: facts.perLayerVocabularySize ?? 262_144)
    alternatingUpdates = AlternatingUpdates(
      streams: facts.streams ?? 4, active: facts.activeStream ?? 0,
      coefficientClip: facts.coefficientClip.or(120), scalesCorrection: facts.scalesCorrection ?? true)
    laurelRank = facts.laurelRank ?? 64
  }

  /// Quantile function of the standard normal distribution for `0 < p < 1`: how many standard deviations above the mean a
  /// share `p` of values stays below. Newton steps on the distribution function.
  static func normalQuantile(_ p: Double) -> Double {
    var x = 0.0
    for _ in 0..<100 {
      let excess = 0.5 * erfc(-x / 2.0.squareRoot()) - p
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      // Far from the root the density vanishes; short steps keep the iteration inside.
      let step = max(-1, min(1, excess / max(density, 1e-300)))
      x -= step
      if abs(step) < 1e-14 { break }
    }
    return x
  }
}
