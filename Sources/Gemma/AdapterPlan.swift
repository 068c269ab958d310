import Numerics

/// An adapter as a session's steps read it, by `layer * 7 + Projection.index`, and room for its inner products.
final class AdapterPlan {
  /// The factors of one projection, without ownership.
  struct Factors: BitwiseCopyable {
    /// Inner products of the chunk's tokens, `[T, lowStride]`; see `LowRankFactors.lowStride`.
    let low: UnsafeMutablePointer<Float>
    let lowStride: Int
    let packed: LowRankFactors.View
    /// The f32 form, beside a dense matrix.
    let exact: (a: UnsafePointer<Float>, b: UnsafePointer<Float>)?
    let rank: Int
    let inputs: Int
    let outputs: Int
    let scale: Float
    /// What each output is multiplied by, the base's product included (DoRA).
    let outputGain: UnsafePointer<Float>?

    /// `low[t] = scale · A x[t]` for the rows of `rows`; `x` is the first row of all.
    func down(_ x: UnsafePointer<Float>, rows: Range<Int>, kernels: Kernels) {
      let (x, low) = (x + rows.lowerBound * inputs, low + rows.lowerBound * lowStride)
      guard let exact else {
        for half in 0..<2 { packed.down(x, rows: rows.count, half: half, into: low, kernels: kernels) }
        return
      }
      for row in 0..<rows.count {
        for r in 0..<rank {
          low[row * lowStride + r] =
            scale * kernels.dot(exact.a + r * inputs, x + row * inputs, count: inputs)
        }
      }
    }

    /// The member's half of a single token's inner products; its whole where the matrix is dense.
    func down(_ x: UnsafePointer<Float>, _ member: TeamMember, kernels: Kernels) {
      if member.count == 1 || exact != nil {
        if member.rank == 0 { down(x, rows: 0..<1, kernels: kernels) }
      } else if member.rank < 2 {
        packed.down(x, rows: 1, half: member.rank, into: low, kernels: kernels)
      }
    }

    /// `out[t, o] += (B low[t])[o]` for `rows` rows and the outputs of `tiles` (16 each), which hold the base's product; then
    /// the gain.
    func up(
      rows: Int, tiles: Range<Int>, into out: UnsafeMutablePointer<Float>, outStride: Int, kernels: Kernels
    ) {
      let columns = tiles.lowerBound * 16..<min(outputs, tiles.upperBound * 16)
      if let exact {
        for row in 0..<rows {
          for o in columns {
            out[row * outStride + o] += kernels.dot(exact.b + o * rank, low + row * lowStride, count: rank)
          }
        }
      } else {
        packed.up(low, rows: rows, tiles: tiles, into: out, outStride: outStride, kernels: kernels)
      }
      guard let outputGain else { return }
      for row in 0..<rows {
        for o in columns { out[row * outStride + o] *= outputGain[o] }
      }
    }
  }

  let adapter: LoRAAdapter
  let factors: Buffer<Factors?>
  private let low: [FloatBuffer]

  /// Prepares `adapter` beside `model`'s matrices for chunks of `chunk` tokens.
  init(_ adapter: LoRAAdapter, _ model: GemmaModel, chunk: Int) {
    self.adapter = adapter
    precondition(
      adapter.factors.count == model.layers.count * Projection.allCases.count, "an adapter of another model")
    let stride = (adapter.maximumRank + 15) / 16 * 32
    let low = Projection.allCases.map { _ in FloatBuffer(chunk * stride) }
    self.low = low
    factors = Buffer(
      adapter.factors.enumerated().map { index, factors in
        let (layer, projection) = (index / low.count, index % low.count)
        guard let factors, let linear = model.layers[layer].projections[projection] else { return nil }
        precondition(
          factors.packed.inputs == linear.inputs && factors.packed.outputs == linear.outputs,
          "an adapter of another model")
        return Factors(
          low: low[projection].pointer, lowStride: factors.packed.lowStride, packed: factors.packed.view,
          exact: linear.isQuantized
            ? nil : (UnsafePointer(factors.a.pointer), UnsafePointer(factors.b.pointer)),
          rank: factors.rank, inputs: linear.inputs, outputs: linear.outputs, scale: factors.scale,
          outputGain: factors.outputGain.map { UnsafePointer($0.pointer) })
      })
  }
}
