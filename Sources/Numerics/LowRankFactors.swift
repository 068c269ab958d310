import CKernels
import Foundation

/// Low-rank factors `B A` beside a matrix (Hu et al. 2021), packed in half precision for serving: the two products read
/// half of what f32 would, and a row's result does not depend on the other rows of a call.
public final class LowRankFactors: Sendable {
  /// Inner width.
  public let rank: Int
  /// Columns of A.
  public let inputs: Int
  /// Rows of B.
  public let outputs: Int
  private let a: Buffer<UInt16>  // [rank / 16, inputs, 16]
  private let b: Buffer<UInt16>  // [outputs / 16, rank, 16]
  private let scale: Float

  /// Floats of the inner products of one row: two sums over half of the inputs each, so that two threads can share one
  /// row, of the rank in whole tiles of 16.
  public var lowStride: Int { (rank + 15) / 16 * 32 }

  /// Bytes that one token reads.
  public var byteCount: Int { (a.count + b.count) * 2 }

  /// Packs `a` (`[rank, inputs]`) and `b` (`[outputs, rank]`); the product is multiplied by `scale`.
  ///
  /// Each factor is brought to a largest entry near 256 by a power of two first, which keeps small entries out of the
  /// range where halves lose bits.
  public init(a: FloatBuffer, b: FloatBuffer, rank: Int, inputs: Int, outputs: Int, scale: Float) {
    precondition(a.count == rank * inputs && b.count == rank * outputs && rank > 0, "factors of other shapes")
    self.rank = rank
    self.inputs = inputs
    self.outputs = outputs
    let (liftA, liftB) = (Self.lift(a), Self.lift(b))
    self.a = Buffer((rank + 15) / 16 * inputs * 16)
    self.b = Buffer((outputs + 15) / 16 * rank * 16)
    for r in 0..<rank {
      for i in 0..<inputs {
        self.a.pointer[(r / 16 * inputs + i) * 16 + r % 16] =
          Float16(a.pointer[r * inputs + i] * liftA).bitPattern
      }
      for o in 0..<outputs {
        self.b.pointer[(o / 16 * rank + r) * 16 + o % 16] =
          Float16(b.pointer[o * rank + r] * liftB).bitPattern
      }
    }
    self.scale = scale / liftA / liftB
  }

  private static func lift(_ values: FloatBuffer) -> Float {
    var top: Float = 0
    for i in 0..<values.count { top = max(top, abs(values.pointer[i])) }
    return top > 0 && top.isFinite
      ? Float(sign: .plus, exponent: min(60, max(-60, 8 - top.exponent)), significand: 1) : 1
  }

  /// The inner products `scale · A x[t]` for `rows` rows of `x` (`inputs` floats each); `low` has `lowStride` floats per row.
  public func down(
    _ x: UnsafePointer<Float>, rows: Int, into low: UnsafeMutablePointer<Float>, kernels: Kernels = .best
  ) {
    for half in 0..<2 { view.down(x, rows: rows, half: half, into: low, kernels: kernels) }
  }

  /// `out[t, o] += (B low[t])[o]` for the outputs of `tiles` (16 each).
  public func up(
    _ low: UnsafePointer<Float>, rows: Int, tiles: Range<Int>, into out: UnsafeMutablePointer<Float>,
    outStride: Int, kernels: Kernels = .best
  ) {
    precondition(tiles.lowerBound >= 0 && tiles.upperBound <= (outputs + 15) / 16, "out of range")
    view.up(low, rows: rows, tiles: tiles, into: out, outStride: outStride, kernels: kernels)
  }

  /// The factors without ownership, for inner loops.
  public var view: View {
    View(
      a: UnsafePointer(a.pointer), b: UnsafePointer(b.pointer), rank: rank, inputs: inputs, outputs: outputs,
      lowStride: lowStride, scale: scale)
  }

  /// Factors whose owner somebody else keeps alive; see `QuantizedMatrix.View`.
  public struct View: BitwiseCopyable, @unchecked Sendable {
    let a: UnsafePointer<UInt16>
    let b: UnsafePointer<UInt16>
    let rank: Int
    let inputs: Int
    let outputs: Int
    let lowStride: Int
    let scale: Float

    /// The part of `LowRankFactors.down` that sums over the first (0) or second (1) half of the inputs.
    public func down(
      _ x: UnsafePointer<Float>, rows: Int, half: Int, into low: UnsafeMutablePointer<Float>, kernels: Kernels
    ) {
      let middle = inputs / 32 * 16
      kernels.table.pointee.low_rank_down(
        a, Int64(inputs), Int64(half == 0 ? 0 : middle), Int64(half == 0 ? middle : inputs),
        Int64(lowStride / 32), x,
        Int64(inputs), Int64(rows), scale, low + half * lowStride / 2, Int64(lowStride))
    }

    /// Asks for what `down` is going to read of one half.
    public func fetch(half: Int) {
      let middle = inputs / 32 * 16
      for tile in 0..<lowStride / 32 {
        let begin = a + (tile * inputs + half * middle) * 16
        ck_prefetch(begin, Int64((half == 0 ? middle : inputs - middle) * 32))
      }
    }

    /// As `LowRankFactors.up`, unchecked.
    public func up(
      _ low: UnsafePointer<Float>, rows: Int, tiles: Range<Int>, into out: UnsafeMutablePointer<Float>,
      outStride: Int, kernels: Kernels
    ) {
      let width = lowStride / 2
      // Both halves of as many rows as the kernel takes at once.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 8 * width) { sums in
        guard let sum = sums.baseAddress else { return }
        for first in stride(from: 0, to: rows, by: 8) {
          let count = min(8, rows - first)
          for row in 0..<count {
            let halves = low + (first + row) * lowStride
            for r in 0..<width { sum[row * width + r] = halves[r] + halves[width + r] }
          }
          kernels.table.pointee.low_rank_up(
            b, Int64(rank), Int64(outputs), Int64(tiles.lowerBound), Int64(tiles.upperBound), sum,
            Int64(width),
            Int64(count), out + first * outStride, Int64(outStride))
        }
      }
    }
  }
}
