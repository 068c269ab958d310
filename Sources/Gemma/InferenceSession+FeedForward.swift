import Numerics

extension InferenceSession {
  /// The second half of a layer: `x += norm(down(gelu(gate(n)) · up(n)))` of the normed `x`, with the experts beside it
  /// where there are any.
  func feedForward(_ index: Int, _ count: Int) {
    let layer = model.layers[index]
    norm(x.pointer, layer.preFeedForwardNorm, count, into: normed.pointer)
    let input = quantize(normed.pointer, for: [layer[.gate], layer[.up]], count)
    project(.gate, index, normed.pointer, input, count, into: gate.pointer)
    project(.up, index, normed.pointer, input, count, into: up.pointer)
    if let cutoff = layer.description.sparsityCutoff {
      sparsify(width: layer.description.intermediateSize, cutoff, count)
    }
    gelu(gate.pointer, up.pointer, count * layer.description.intermediateSize)
    let inner = quantize(gate.pointer, for: [layer[.down]], count)
    project(.down, index, gate.pointer, inner, count, into: normed.pointer)
    if let experts = layer.experts, let expertScratch {
      addExperts(experts, layer.description, expertScratch, count)
    }
    add(normed.pointer, norm: layer.postFeedForwardNorm, count)
  }

  /// Keeps of each row of `gate` what lies above `mean + cutoff · standard deviation`, less that threshold.
  private func sparsify(width: Int, _ cutoff: Float, _ count: Int) {
    for row in 0..<count {
      let values = gate.pointer + row * width
      var sum = 0.0
      for i in 0..<width { sum += Double(values[i]) }
      let mean = sum / Double(width)
      var squares = 0.0
      for i in 0..<width {
        let difference = Double(values[i]) - mean
        squares += difference * difference
      }
      let threshold = Float(mean + (squares / Double(width)).squareRoot() * Double(cutoff))
      for i in 0..<width { values[i] = max(0, values[i] - threshold) }
    }
  }
}
