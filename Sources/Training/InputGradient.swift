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
  init(_ linear: Linear, activations: QuantizedActivations?) {
    let (outputs, inputs) = (linear.outputs, linear.inputs)
    self.outputs = outputs
    self.inputs = inputs
    let dense = linear.denseWeights()
    guard linear.isQuantized, let activations else {
      weights = .dense(dense)
      return
    }
    let turned = FloatBuffer(outputs * inputs)
    for row in 0..<outputs {
      for column in 0..<inputs {
        turned.pointer[column * outputs + row] = dense.pointer[row * inputs + column]
      }
    }
    let blocks = BlockFormat.q8_0.quantize(
      UnsafeBufferPointer(start: turned.pointer, count: outputs * inputs))
    let matrix = blocks.withUnsafeBytes {
      QuantizedMatrix(ggmlBlocks: $0, rows: inputs, columns: outputs, precision: .eightBit)
    }
    weights = .transposed(matrix, activations)
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
