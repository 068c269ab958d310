import Numerics

extension InferenceSession {
  /// The second half of a layer: `x += norm(down(gelu(gate(n)) · up(n)))` of the normed `x`, with the experts beside it
  /// where there are any.
  func feedForward(_ index: Int, _ count: Int, _ member: TeamMember) {
    let layer = model.layers[index]
    let plan = plans[index]
    norm(x.pointer, layer.preFeedForwardNorm, rows: member.share(count), into: normed.pointer)
    quantize(normed.pointer, into: plan.feedForwardInput, count, member)
    adapt([.gate, .up], index, normed.pointer, count, member)
    member.wait()
    if plan.fusesGate {
      gateInBlocks(index, count, member)
    } else {
      gateByRows(index, count, member)
    }
    member.wait()
    if adapter?.factors(.down, layer: index) != nil {
      adapt([.down], index, gate.pointer, count, member)
      member.wait()
    }
    project([(.down, branch.pointer)], index, gate.pointer, plan.inner, count, member)
    member.wait()
    if let experts = layer.experts, let expertScratch {
      addExperts(experts, layer.description, expertScratch, count, member)
    }
    add(branch.pointer, norm: layer.postFeedForwardNorm, count, member)
  }

  /// Gate, up and GELU for some columns at a time, which never leave the cache unquantised.
  private func gateInBlocks(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = plans[index]
    guard let inner = plan.inner else { return }
    let width = model.layers[index].description.intermediateSize
    let step = Self.gateBlockWidth / 16
    let keepsFloats = adapter?.factors(.down, layer: index) != nil
    let gates = gateBlocks[member.rank].pointer
    if member.rank == 0 { inner.begin(rows: count) }
    // In multiples of a quantised block.
    let mine = member.share(width / 16, unit: 2)
    for first in stride(from: mine.lowerBound, to: mine.upperBound, by: step) {
      let tiles = first..<min(mine.upperBound, first + step)
      let columns = tiles.lowerBound * 16..<tiles.upperBound * 16
      let ups = gates + count * columns.count
      project(
        .gate, index, normed.pointer, plan.feedForwardInput, count, tiles: tiles, into: gates,
        outStride: columns.count)
      project(
        .up, index, normed.pointer, plan.feedForwardInput, count, tiles: tiles, into: ups,
        outStride: columns.count)
      kernels.geluMul(gate: gates, up: ups, count: count * columns.count, into: gates)
      for row in 0..<count {
        let values = gates + row * columns.count
        inner.set(values, row: row, columns: columns, kernels: kernels)
        if keepsFloats {
          (gate.pointer + row * width + columns.lowerBound).update(from: values, count: columns.count)
        }
      }
    }
  }

  /// The same through whole rows, where a layer needs these: exact weights, or a threshold per row.
  private func gateByRows(_ index: Int, _ count: Int, _ member: TeamMember) {
    let layer = model.layers[index]
    let plan = plans[index]
    let width = layer.description.intermediateSize
    project(
      [(.gate, gate.pointer), (.up, up.pointer)], index, normed.pointer, plan.feedForwardInput, count, member)
    member.wait()
    for row in member.share(count) {
      let values = gate.pointer + row * width
      if let cutoff = layer.description.sparsityCutoff { sparsify(values, width: width, cutoff) }
      kernels.geluMul(gate: values, up: up.pointer + row * width, count: width, into: values)
    }
    quantize(gate.pointer, into: plan.inner, count, member)
  }

  /// Keeps of a row what lies above `mean + cutoff · standard deviation`, less that threshold.
  private func sparsify(_ values: UnsafeMutablePointer<Float>, width: Int, _ cutoff: Float) {
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
