import Numerics

/// What every layer receives anew for each token of the chunk, and buffers on its way in.
final class PerLayerInputs {
  let sizes: GemmaConfiguration.PerLayerInput
  let width: Int  // layers · P
  let values: FloatBuffer  // [T, layers · P]
  let row: FloatBuffer  // [layers · P]
  let gate: FloatBuffer  // [T, P]
  let scaled: FloatBuffer  // [T, H]
  let branch: FloatBuffer  // [T, H]

  init(_ sizes: GemmaConfiguration.PerLayerInput, _ c: GemmaConfiguration, chunk: Int) {
    self.sizes = sizes
    width = sizes.size * c.layerCount
    values = FloatBuffer(chunk * width)
    row = FloatBuffer(width)
    gate = FloatBuffer(chunk * sizes.size)
    scaled = FloatBuffer(chunk * c.hiddenSize)
    branch = FloatBuffer(chunk * c.hiddenSize)
  }
}

extension InferenceSession {
  /// `(norm(W x / √H) + √P · table[token]) / √2` for every layer, from the embedding in `x`.
  func preparePerLayerInputs(_ inputs: PerLayerInputs, _ tokens: ArraySlice<Int32>) {
    guard let embedding = model.perLayerEmbedding else { return }
    let (size, width) = (inputs.sizes.size, inputs.width)
    multiply(embedding.projection, x.pointer, tokens.count, into: inputs.values.pointer)
    let projectionScale = 1 / Float(c.hiddenSize).squareRoot()
    for i in 0..<tokens.count * width { inputs.values.pointer[i] *= projectionScale }
    norm(inputs.values.pointer, embedding.norm, tokens.count * c.layerCount, into: inputs.values.pointer)
    let tableScale = Float(size).squareRoot()
    let mean = Float(0.5).squareRoot()
    for (row, token) in tokens.enumerated() {
      embedding.table.row(Int(token) < embedding.table.rows ? Int(token) : 0, into: inputs.row.pointer)
      let values = inputs.values.pointer + row * width
      for i in 0..<width { values[i] = (values[i] + inputs.row.pointer[i] * tableScale) * mean }
    }
  }

  /// `norm(projection(gelu(gate(x)) · input))` behind a layer: added to `x`, or to all residual streams but the first,
  /// in which case the corrected active stream is what gates.
  func addPerLayerInput(_ inputs: PerLayerInputs, _ index: Int, _ count: Int) {
    guard let weights = model.layers[index].perLayerInput else { return }
    let (size, h) = (inputs.sizes.size, c.hiddenSize)
    var gating = x.pointer
    if let streams {
      gating = inputs.scaled.pointer
      scaleActive(streams, model.layers[index], count, into: gating)
    }
    multiply(weights.gate, gating, count, into: inputs.gate.pointer)
    for row in 0..<count {
      gelu(
        inputs.gate.pointer + row * size, inputs.values.pointer + row * inputs.width + index * size, size)
    }
    multiply(weights.projection, inputs.gate.pointer, count, into: inputs.branch.pointer)
    guard let streams else {
      add(inputs.branch.pointer, norm: weights.norm, count)
      return
    }
    norm(inputs.branch.pointer, weights.norm, count, into: inputs.branch.pointer)
    for stream in 1..<max(1, streams.sizes.streams) {
      kernels.axpy(
        1, inputs.branch.pointer, count: count * h, addingTo: streams.values.pointer + stream * count * h)
    }
  }
}
