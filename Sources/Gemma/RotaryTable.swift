import Foundation
import Numerics

/// Cosines and sines of RoPE (Su et al. 2021) for positions `0..<positions`, half-split form.
public final class RotaryTable: Sendable {
  /// `headDim / 2`.
  public let half: Int
  private let cosines: FloatBuffer  // [positions, half]
  private let sines: FloatBuffer  // [positions, half]

  /// Angle of pair `i` at position `p`: `p / factor · base^(-2i / headDim)`.
  public init(positions: Int, headDim: Int, base: Double, factor: Double) {
    half = headDim / 2
    cosines = FloatBuffer(positions * half)
    sines = FloatBuffer(positions * half)
    for i in 0..<half {
      // f32 frequencies as transformers computes them, so that long positions agree.
      let frequency = Float(1 / pow(base, Double(2 * i) / Double(headDim))) / Float(factor)
      for p in 0..<positions {
        let angle = Float(p) * frequency
        cosines.pointer[p * half + i] = cos(angle)
        sines.pointer[p * half + i] = sin(angle)
      }
    }
  }

  /// Rotates `heads` consecutive heads of one position in place; `sign` −1 rotates back.
  public func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, position: Int, sign: Float = 1, kernels: Kernels = .best
  ) {
    for head in 0..<heads {
      kernels.rope(
        x + head * half * 2, cosine: cosines.pointer + position * half, sine: sines.pointer + position * half,
        half: half, sign: sign)
    }
  }
}
