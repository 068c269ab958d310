import Gemma
import Numerics

/// `dX = dY W` for a frozen matrix: through int8 kernels over a transposed copy where the matrix is quantised, dense f32
/// otherwise.
///
/// The gradient rows are quantised per block of 32 like activations: the relative error of a block's entries is below
/// 1/254 of its largest, far under the noise of a batch; it buys the rate of the int8 units for half of the work.
final class InputGradient: @unchecked Sendable {
  // @unchecked: `activations` and `scratch` belong to the one pass that calls `multiply`, one call at a time.
  private enum Weights {
    case dense(FloatBuffer)  // [outputs, inputs]
    case transposed(QuantizedMatrix, QuantizedActivations)  // [inputs, outputs], [T, outputs]
  }

  private let outputs: Int
  private let inputs: Int
  private let weights: Weights

  /// Prepares the gradient of `linear`; `activations` holds room for the rows of `dY`.
  init(_ linear: Linear, activations: QuantizedActivations?, pool: WorkerPool = .shared) {
    outputs = linear.outputs
    inputs = linear.inputs
    guard linear.isQuantized, let activations else {
      weights = .dense(linear.denseWeights())
      return
    }
    weights = .transposed(Self.transposed(linear, pool), activations)
  }

  /// Bytes that it holds beyond the model's own weights.
  static func byteCount(_ linear: Linear) -> Int {
    guard linear.isQuantized else { return 0 }
    let isBlocks = linear.outputs % 32 == 0
    return isBlocks
      ? QuantizedMatrix.packedByteCount(rows: linear.inputs, columns: linear.outputs, precision: .eightBit)
      : linear.outputs * linear.inputs * MemoryLayout<Float>.size
  }

  /// The matrix turned and rounded to blocks again, 32 of its rows at a time: all of it in f32 would take more memory than the
  /// whole run.
  private static func transposed(_ linear: Linear, _ pool: WorkerPool) -> QuantizedMatrix {
    let (outputs, inputs, blockBytes) = (linear.outputs, linear.inputs, BlockFormat.q8_0.bytesPerBlock)
    let blocks = Buffer<UInt8>(inputs * outputs / 32 * blockBytes)
    pool.split(outputs / 32) { strips in
      let row = FloatBuffer(inputs)
      let turned = FloatBuffer(inputs * 32)
      for strip in strips {
        for i in 0..<32 {
          linear.row(strip * 32 + i, into: row.pointer)
          for column in 0..<inputs { turned.pointer[column * 32 + i] = row.pointer[column] }
        }
        let encoded = BlockFormat.q8_0.quantize(
          UnsafeBufferPointer(start: turned.pointer, count: turned.count))
        encoded.withUnsafeBufferPointer { source in
          guard let base = source.baseAddress else { return }
          for column in 0..<inputs {
            (blocks.pointer + (column * outputs / 32 + strip) * blockBytes).update(
              from: base + column * blockBytes, count: blockBytes)
          }
        }
      }
    }
    return QuantizedMatrix(
      ggmlBlocks: UnsafeRawBufferPointer(start: blocks.pointer, count: blocks.count), rows: inputs,
      columns: outputs, precision: .eightBit, pool: pool)
  }

  /// `dx = scale · dy W`, or `dx += …` where `accumulate`; `scratch` holds `rows · inputs` floats then.
  func multiply(
    _ dy: UnsafePointer<Float>, rows: Int, into dx: UnsafeMutablePointer<Float>, accumulate: Bool,
    scratch: UnsafeMutablePointer<Float>, pool: WorkerPool
  ) {
    switch weights {
    case .dense(let dense):
      BLAS.shared.multiply(
        m: rows, n: inputs, k: outputs, a: dy, lda: outputs, b: dense.pointer, ldb: inputs,
        beta: accumulate ? 1 : 0, c: dx, ldc: inputs, pool: pool)
    case .transposed(let matrix, let activations):
      activations.load(dy, rows: rows, pool: pool)
      matrix.multiply(activations, into: accumulate ? scratch : dx, outStride: inputs, pool: pool)
      guard accumulate else { return }
      let kernels = Kernels.best
      pool.split(rows * inputs, unit: 16) { range in
        kernels.axpy(
          1, scratch + range.lowerBound, count: range.count, addingTo: dx + range.lowerBound)
      }
    }
  }
}
