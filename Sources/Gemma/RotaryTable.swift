import Foundation
import Numerics

/// Cosines and sines of RoPE (Su et al. 2021) for positions `0..<positions`, half-split form.
public final class RotaryTable: Sendable {
  /// `headDim / 2`.
  public let half: Int
  private let cosines: FloatBuffer  // [positions, half]
  private let sines: FloatBuffer  // [positions, half]

  /// Angle of pair `i` at position `p`: `p / factor · base^(-2i / headDim)`; pairs behind the share that rotates keep
  /// angle 0.
  public init(positions: Int, headDim: Int, rotary: LayerDescription.Rotary) {
    half = headDim / 2
    cosines = FloatBuffer(positions * half)
    sines = FloatBuffer(positions * half)
    let rotated = rotary.rotatedPairs(headDim: headDim)
    for i in 0..<half {
      // f32 frequencies as transformers computes them, so that long positions agree.
      let frequency =
        i < rotated ? Float(1 / pow(rotary.base, Double(2 * i) / Double(headDim))) / Float(rotary.factor) : 0
      for p in 0..<positions {
        let angle = Float(p) * frequency
        cosines.pointer[p * half + i] = cos(angle)
        sines.pointer[p * half + i] = sin(angle)
      }
    }
  }

  /// One table for each kind of layer, by layer.
  public static func tables(for configuration: GemmaConfiguration, positions: Int) -> [RotaryTable] {
    struct Kind: Hashable {
      let headDim: Int
      let rotary: LayerDescription.Rotary
    }
    var tables: [Kind: RotaryTable] = [:]
    return configuration.layers.map { layer in
      let kind = Kind(headDim: layer.headDim, rotary: layer.rotary)
      if let table = tables[kind] { return table }
      let table = RotaryTable(positions: positions, headDim: layer.headDim, rotary: layer.rotary)
      tables[kind] = table
      return table
    }
  }

  /// Rotates `heads` consecutive heads of one position in place; `sign` −1 rotates back.
  public func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, position: Int, sign: Float = 1, kernels: Kernels = .best
  ) {
    view.rotate(x, heads: heads, position: position, sign: sign, kernels: kernels)
  }

  /// The table without ownership, for inner loops.
  var view: View {
    View(cosines: UnsafePointer(cosines.pointer), sines: UnsafePointer(sines.pointer), half: half)
  }

  /// A table that somebody else keeps alive.
  struct View: BitwiseCopyable {
    let cosines: UnsafePointer<Float>
    let sines: UnsafePointer<Float>
    let half: Int

    func rotate(
      _ x: UnsafeMutablePointer<Float>, heads: Int, position: Int, sign: Float = 1, kernels: Kernels
    ) {
      for head in 0..<heads {
        kernels.rope(
          x + head * half * 2, cosine: cosines + position * half, sine: sines + position * half, half: half,
          sign: sign)
      }
    }
  }
}
