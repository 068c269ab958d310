import Numerics

/// What every layer receives anew for each token of the chunk, and buffers on its way in.
final class PerLayerInputs {
  let sizes: GemmaConfiguration.PerLayerInput
  let width: Int  // layers · P
  let values: FloatBuffer  // [T, layers · P]
  let rows: FloatBuffer  // [T, layers · P]
  let gate: FloatBuffer  // [T, P]
  let scaled: FloatBuffer  // [T, H]
  let branch: FloatBuffer  // [T, H]

  init(_ sizes: GemmaConfiguration.PerLayerInput, _ c: GemmaConfiguration, chunk: Int) {
    self.sizes = sizes
    width = sizes.size * c.layerCount
    values = FloatBuffer(chunk * width)
    rows = FloatBuffer(chunk * width)
    gate = FloatBuffer(chunk * sizes.size)
    scaled = FloatBuffer(chunk * c.hiddenSize)
    branch = FloatBuffer(chunk * c.hiddenSize)
  }
}

extension InferenceSession {
  /// `(norm(W x / √H) + √P · table[token]) / √2` for every layer, from the embedding in `x`.
  func preparePerLayerInputs(_ inputs: PerLayerInputs, _ tokens: ArraySlice<Int32>, _ member: TeamMember) {
    guard let embedding = model.perLayerEmbedding else { return }
    let (size, width) = (inputs.sizes.size, inputs.width)
    product(embedding.projection, x, tokens.count, into: inputs.values.pointer, member)
    let projectionScale = 1 / Float(c.hiddenSize).squareRoot()
    let tableScale = Float(size).squareRoot()
    let mean = Float(0.5).squareRoot()
    for row in member.share(tokens.count) {
      let values = inputs.values.pointer + row * width
      for i in 0..<width { values[i] *= projectionScale }
      norm(values, embedding.norm, rows: 0..<c.layerCount, into: values)
      let token = Int(tokens[tokens.startIndex + row])
      let entry = inputs.rows.pointer + row * width
      embedding.table.row(token < embedding.table.rows ? token : 0, into: entry)
      for i in 0..<width { values[i] = (values[i] + entry[i] * tableScale) * mean }
    }
  }

  /// `norm(projection(gelu(gate(x)) · input))` behind a layer: added to `x`, or to all residual streams but the first,
  /// in which case the corrected active stream is what gates.
  func addPerLayerInput(_ inputs: PerLayerInputs, _ index: Int, _ count: Int, _ member: TeamMember) {
    guard let weights = model.layers[index].perLayerInput else { return }
    let (size, h) = (inputs.sizes.size, c.hiddenSize)
    var gating = x
    if let streams {
      gating = inputs.scaled.pointer
      scaleActive(streams, model.layers[index], count, into: gating, member)
    }
    product(weights.gate, gating, count, into: inputs.gate.pointer, member)
    for row in member.share(count) {
      let gate = inputs.gate.pointer + row * size
      kernels.geluMul(
        gate: gate, up: inputs.values.pointer + row * inputs.width + index * size, count: size, into: gate)
    }
    product(weights.projection, inputs.gate.pointer, count, into: inputs.branch.pointer, member)
    guard let streams else { return add(inputs.branch.pointer, norm: weights.norm.pointer, count, member) }
    norm(inputs.branch.pointer, weights.norm, rows: member.share(count), into: inputs.branch.pointer)
    for row in member.share(count) {
      for stream in 1..<max(1, streams.sizes.streams) {
        kernels.axpy(
          1, inputs.branch.pointer + row * h, count: h,
          addingTo: streams.values.pointer + (stream * count + row) * h)
      }
    }
  }
}
