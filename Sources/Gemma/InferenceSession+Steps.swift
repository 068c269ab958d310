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
    let matrix = Product(linear, isRowwise: isRowwise)
    let activations = matrix.isQuantized ? quantized[linear.inputs]?.view : nil
    quantize(input, into: activations, count, member)
    member.wait()
    matrix.multiply(
      input, quantized: activations, rows: count, tiles: member.share(matrix.tiles), into: out,
      kernels: kernels)
    member.wait()
  }

  /// Quantises the member's own rows.
  func quantize(
    _ input: UnsafePointer<Float>, into activations: QuantizedActivations.View?, _ count: Int,
    _ member: TeamMember
  ) {
    guard let activations else { return }
    let width = activations.width
    for row in member.share(count) {
      activations.set(input + row * width, row: row, columns: 0..<width, kernels: kernels)
    }
  }

  /// The part of `mine` that falls on a product whose tiles begin at `first` of all shared tiles; moves `first` on.
  @inline(__always)
  func part(_ mine: Range<Int>, _ matrix: Product, _ first: inout Int) -> Range<Int> {
    let part = mine.clamped(to: first..<(first + matrix.tiles))
    defer { first += matrix.tiles }
    return (part.lowerBound - first)..<(part.upperBound - first)
  }

  /// A barrier in front of a product of which the member is going to compute `tiles`. When few tokens are evaluated,
  /// reading the weights is what takes time: the first of them are asked for while the member waits.
  @inline(__always)
  func wait(before matrix: Product, tiles: Range<Int>, _ count: Int, _ member: TeamMember) {
    guard count <= 4, let bytes = matrix.bytes(of: tiles) else { return member.wait() }
    member.wait(fetching: bytes.baseAddress, byteCount: min(bytes.count, Self.fetchAhead))
  }

  /// Bytes asked for ahead; of 8 to 256 kB the best in measurements on the shape of 270 M weights.
  private static let fetchAhead = 131_072

  /// Some outputs of one projection, and the adapter's product beside them; see `Product.multiply` for `outStride`.
  @inline(__always)
  func project(
    _ projection: Projection, _ index: Int, _ input: UnsafePointer<Float>,
    _ quantized: QuantizedActivations.View?,
    _ count: Int, tiles: Range<Int>, into out: UnsafeMutablePointer<Float>, outStride: Int? = nil
  ) {
    guard !tiles.isEmpty else { return }
    let matrix = layers[index].product(projection)
    matrix.multiply(
      input, quantized: quantized, rows: count, tiles: tiles, into: out, outStride: outStride,
      kernels: kernels)
    guard let factors = factors(projection, index) else { return }
    factors.up(
      rows: count, tiles: tiles, into: outStride == nil ? out : out - tiles.lowerBound * 16,
      outStride: outStride ?? matrix.outputs, kernels: kernels)
  }

  /// The adapter's factors of a projection.
  @inline(__always)
  func factors(_ projection: Projection, _ index: Int) -> AdapterPlan.Factors? {
    adapterFactors.flatMap { $0[index * Projection.allCases.count + projection.index] }
  }

  /// The inner products of the adapter for projections that read `input`, of which the member's own rows must be there.
  /// They are complete behind the next barrier.
  func adapt(
    _ projections: Projection..., at index: Int, _ input: UnsafePointer<Float>, _ count: Int,
    _ member: TeamMember
  ) {
    guard adapterFactors != nil else { return }
    // A single token's sums are shared between two threads, which both need the whole row.
    if count == 1 {
      if member.rank < 2 {
        for projection in projections { factors(projection, index)?.packed.fetch(half: member.rank) }
      }
      member.wait()
    }
    let rows = member.share(count)
    for projection in projections {
      guard let factors = factors(projection, index) else { continue }
      if count == 1 {
        factors.down(input, member, kernels: kernels)
      } else if !rows.isEmpty {
        factors.down(input, rows: rows, kernels: kernels)
      }
    }
  }

  /// `out[t] = norm(x[t])` for rows of `width`; `out` may be `input`.
  func norm(
    _ input: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, width: Int, rows: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    for row in rows {
      kernels.rmsNorm(
        input + row * width, gain: gain, count: width, epsilon: c.epsilon, into: out + row * width)
    }
  }

  /// The same with a gain of the width of a row.
  func norm(
    _ input: UnsafePointer<Float>, _ gain: FloatBuffer, rows: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    norm(input, gain.pointer, width: gain.count, rows: rows, into: out)
  }

  /// The residual add of a sublayer's output for the member's own rows, behind its norm where there is one.
  func add(
    _ output: UnsafeMutablePointer<Float>, norm gain: UnsafePointer<Float>?, _ count: Int,
    _ member: TeamMember
  ) {
    let rows = member.share(count)
    guard !rows.isEmpty else { return }
    let width = hiddenSize
    if let gain { norm(output, gain, width: width, rows: rows, into: output) }
    kernels.axpy(
      1, output + rows.lowerBound * width, count: rows.count * width, addingTo: x + rows.lowerBound * width)
  }
}
