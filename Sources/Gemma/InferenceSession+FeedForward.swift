import Numerics

extension InferenceSession {
  /// The second half of a layer: `x += norm(down(gelu(gate(n)) · up(n)))` of the normed `x`, with the experts beside it
  /// where there are any.
  func feedForward(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = layers[index]
    norm(x, plan.preFeedForwardNorm, width: hiddenSize, rows: member.share(count), into: normed)
    quantize(normed, into: plan.feedForwardInput, count, member)
    adapt(.gate, .up, at: index, normed, count, member)
    wait(before: plan.product(.gate), tiles: member.share(plan.product(.gate).tiles), count, member)
    observeInput(of: [.gate, .up], index, normed, count, member)
    if plan.fusesGate {
      gateInBlocks(index, count, member)
    } else {
      gateByRows(index, count, member)
    }
    let outputs = member.share(plan.product(.down).tiles)
    wait(before: plan.product(.down), tiles: outputs, count, member)
    if factors(.down, index) != nil {
      adapt(.down, at: index, gate, count, member)
      member.wait()
    }
    observeInput(of: [.down], index, gate, count, member)
    project(
      .down, index, gate, plan.inner, count, tiles: outputs, into: branch)
    member.wait()
    if let expertScratch { addExperts(index, expertScratch, count, member) }
    add(branch, norm: plan.postFeedForwardNorm, count, member)
  }

  /// Gate, up and GELU for some columns at a time, which never leave the cache unquantised.
  private func gateInBlocks(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = layers[index]
    guard let inner = plan.inner else { return }
    let width = plan.description.intermediateSize
    let step = Self.gateBlockWidth / 16
    let keepsFloats = factors(.down, index) != nil || inputObserver != nil
    let gates = gateBlocks + member.rank * 2 * chunk * Self.gateBlockWidth
    // In multiples of a quantised block.
    let mine = member.share(width / 16, unit: 2)
    for first in stride(from: mine.lowerBound, to: mine.upperBound, by: step) {
      let tiles = first..<min(mine.upperBound, first + step)
      let columns = tiles.lowerBound * 16..<tiles.upperBound * 16
      let ups = gates + count * columns.count
      let input = plan.feedForwardInput
      project(.gate, index, normed, input, count, tiles: tiles, into: gates, outStride: columns.count)
      project(.up, index, normed, input, count, tiles: tiles, into: ups, outStride: columns.count)
      kernels.geluMul(gate: gates, up: ups, count: count * columns.count, into: gates)
      for row in 0..<count {
        let values = gates + row * columns.count
        inner.set(values, row: row, columns: columns, kernels: kernels)
        if keepsFloats {
          (gate + row * width + columns.lowerBound).update(from: values, count: columns.count)
        }
      }
    }
  }

  /// The same through whole rows, where a layer needs these: exact weights, or a threshold per row.
  private func gateByRows(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = layers[index]
    let width = plan.description.intermediateSize
    let mine = member.share(plan.product(.gate).tiles + plan.product(.up).tiles)
    var first = 0
    let input = plan.feedForwardInput
    project(.gate, index, normed, input, count, tiles: part(mine, plan.product(.gate), &first), into: gate)
    project(.up, index, normed, input, count, tiles: part(mine, plan.product(.up), &first), into: up)
    member.wait()
    for row in member.share(count) {
      let values = gate + row * width
      if let cutoff = plan.description.sparsityCutoff { sparsify(values, width: width, cutoff) }
      kernels.geluMul(gate: values, up: up + row * width, count: width, into: values)
    }
    quantize(gate, into: plan.inner, count, member)
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
