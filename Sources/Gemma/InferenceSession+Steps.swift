import Numerics

/// Steps that all parts of a layer share. A step by rows works on the member's own rows (`member.share(count)`), which are
/// the same in every such step: between two of them no barrier is needed.
extension InferenceSession {
  /// `out[t] = W x[t]` for all rows of a matrix that is the only reader of `x`. The member's own rows of `x` must be
  /// there; on return all of `out` is.
  func product(
    _ linear: Linear, _ input: UnsafePointer<Float>, _ count: Int, into out: UnsafeMutablePointer<Float>,
    _ member: TeamMember
  ) {
    let activations = linear.isQuantized ? quantized[linear.inputs] : nil
    quantize(input, into: activations, count, member)
    member.wait()
    linear.multiply(input, quantized: activations, rows: count, tiles: member.share(linear.tiles), into: out)
    member.wait()
  }

  /// Quantises the member's own rows.
  func quantize(
    _ input: UnsafePointer<Float>, into activations: QuantizedActivations?, _ count: Int, _ member: TeamMember
  ) {
    guard let activations else { return }
    if member.rank == 0 { activations.begin(rows: count) }
    for row in member.share(count) {
      activations.set(
        input + row * activations.width, row: row, columns: 0..<activations.width, kernels: kernels)
    }
  }

  /// The member's outputs of several projections that read the same input, and the adapter's products beside them.
  func project(
    _ projections: [(projection: Projection, out: UnsafeMutablePointer<Float>)], _ index: Int,
    _ input: UnsafePointer<Float>, _ quantized: QuantizedActivations?, _ count: Int, _ member: TeamMember
  ) {
    let layer = model.layers[index]
    var total = 0
    for entry in projections { total += layer[entry.projection].tiles }
    let mine = member.share(total)
    var first = 0
    for (projection, out) in projections {
      let tiles = layer[projection].tiles
      let part = mine.clamped(to: first..<(first + tiles))
      if !part.isEmpty {
        project(
          projection, index, input, quantized, count,
          tiles: (part.lowerBound - first)..<(part.upperBound - first),
          into: out)
      }
      first += tiles
    }
  }

  /// Some outputs of one projection, and the adapter's product beside them; see `Linear.multiply` for `outStride`.
  @inline(__always)
  func project(
    _ projection: Projection, _ index: Int, _ input: UnsafePointer<Float>, _ quantized: QuantizedActivations?,
    _ count: Int, tiles: Range<Int>, into out: UnsafeMutablePointer<Float>, outStride: Int? = nil
  ) {
    let linear = model.layers[index][projection]
    linear.multiply(input, quantized: quantized, rows: count, tiles: tiles, into: out, outStride: outStride)
    guard let factors = adapter?.factors(projection, layer: index) else { return }
    factors.up(
      low[projection.index].pointer, rows: count, tiles: tiles, exact: !linear.isQuantized,
      into: outStride == nil ? out : out - tiles.lowerBound * 16, outStride: outStride ?? linear.outputs)
  }

  /// Room for the inner products of the adapter in use.
  func prepareAdapter() {
    guard let adapter else { return }
    let size = chunk * ((adapter.maximumRank + 15) / 16 * 16)
    guard low[0].count < size else { return }
    for index in low.indices { low[index] = FloatBuffer(size) }
  }

  /// The inner products of the adapter for the member's own rows.
  func adapt(
    _ projections: [Projection], _ index: Int, _ input: UnsafePointer<Float>, _ count: Int,
    _ member: TeamMember
  ) {
    guard let adapter else { return }
    let rows = member.share(count)
    guard !rows.isEmpty else { return }
    for projection in projections {
      guard let factors = adapter.factors(projection, layer: index),
        let linear = model.layers[index].projections[projection.index]
      else { continue }
      factors.down(
        input + rows.lowerBound * linear.inputs, rows: rows.count, exact: !linear.isQuantized,
        into: low[projection.index].pointer + rows.lowerBound * factors.lowStride)
    }
  }

  /// `out[t] = norm(x[t])` for consecutive rows of the gain's width; `out` may be `input`.
  func norm(
    _ input: UnsafePointer<Float>, _ gain: FloatBuffer, rows: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let width = gain.count
    for row in rows {
      kernels.rmsNorm(
        input + row * width, gain: gain.pointer, count: width, epsilon: c.epsilon, into: out + row * width)
    }
  }

  /// The residual add of a sublayer's output for the member's own rows, behind its norm where there is one.
  func add(_ output: UnsafeMutablePointer<Float>, norm gain: FloatBuffer?, _ count: Int, _ member: TeamMember)
  {
    let rows = member.share(count)
    guard !rows.isEmpty else { return }
    if let gain { norm(output, gain, rows: rows, into: output) }
    let begin = rows.lowerBound * c.hiddenSize
    kernels.axpy(1, output + begin, count: rows.count * c.hiddenSize, addingTo: x.pointer + begin)
  }
}
