import Gemma

extension GemmaConfiguration {
  /// Why the backward pass cannot train the model, nil where it can: Gemma 1, 2 and 3.
  var trainingObstacle: String? {
    if alternatingUpdates != nil { return "alternating updates have no backward pass" }
    if perLayerInput != nil { return "per-layer embeddings have no backward pass" }
    for layer in layers {
      if layer.experts != nil { return "experts have no backward pass" }
      if !layer.ownsKeys || layer.valuesAreKeys { return "shared keys and values have no backward pass" }
      if layer.normsValues { return "norms on values have no backward pass" }
      if layer.sparsityCutoff != nil { return "sparse gates have no backward pass" }
      if layer.hasScalar { return "layer scalars have no backward pass" }
      guard layer.headDim == layers[0].headDim, layer.headCount == layers[0].headCount,
        layer.keyValueHeadCount == layers[0].keyValueHeadCount,
        layer.intermediateSize == layers[0].intermediateSize
      else { return "layers of different widths have no backward pass" }
    }
    return nil
  }
}
