import Numerics
import Weights

/// A frozen weight matrix `[outputs, inputs]` in the form in which it is served.
public final class Linear: Sendable {
  enum Storage: Sendable {
    case dense(FloatBuffer)  // [outputs, inputs]
    case quantized(QuantizedMatrix)
  }

  /// Rows.
  public let outputs: Int
  /// Columns.
  public let inputs: Int
  let storage: Storage

  init(outputs: Int, inputs: Int, storage: Storage) {
    self.outputs = outputs
    self.inputs = inputs
    self.storage = storage
  }

  /// True where products need int8 activations.
  public var isQuantized: Bool {
    if case .quantized = storage { true } else { false }
  }

  /// Bytes that one pass over the matrix reads.
  public var byteCount: Int {
    switch storage {
    case .dense(let buffer): buffer.count * 4
    case .quantized(let matrix): matrix.byteCount
    }
  }

  /// `out[t] = W x[t]` for `rows` rows. `quantized` must hold the same rows of `x` where the matrix is quantised.
  public func multiply(
    _ x: UnsafePointer<Float>, quantized: QuantizedActivations?, rows: Int,
    into out: UnsafeMutablePointer<Float>,
    pool: WorkerPool
  ) {
    switch storage {
    case .dense(let weights):
      BLAS.shared.multiply(
        m: rows, n: outputs, k: inputs, a: x, lda: inputs, b: weights.pointer, ldb: inputs, transposeB: true,
        c: out,
        ldc: outputs, pool: pool)
    case .quantized(let matrix):
      guard let quantized, quantized.rows == rows else {
        preconditionFailure("a quantised matrix needs the quantised form of just these rows")
      }
      matrix.multiply(quantized, into: out, outStride: outputs, pool: pool)
    }
  }

  /// Row `row` as f32.
  public func row(_ row: Int, into out: UnsafeMutablePointer<Float>) {
    switch storage {
    case .dense(let weights): out.update(from: weights.pointer + row * inputs, count: inputs)
    case .quantized(let matrix): matrix.dequantizeRow(row, into: out)
    }
  }

  /// `‖W + scale · BA‖` of each row into `norms[outputs]`; `a` is `[rank, inputs]`, `b` `[outputs, rank]`.
  public func rowNorms(
    adding scale: Float, _ a: FloatBuffer, _ b: FloatBuffer, rank: Int,
    into norms: UnsafeMutablePointer<Float>, pool: WorkerPool = .shared
  ) {
    precondition(a.count == rank * inputs && b.count == rank * outputs, "factors of other shapes")
    let kernels = Kernels.best
    pool.split(outputs, unit: 16) { range in
      let row = FloatBuffer(inputs)
      for output in range {
        self.row(output, into: row.pointer)
        for r in 0..<rank {
          kernels.axpy(
            scale * b.pointer[output * rank + r], a.pointer + r * inputs, count: inputs, addingTo: row.pointer
          )
        }
        norms[output] = kernels.dot(row.pointer, row.pointer, count: inputs).squareRoot()
      }
    }
  }

  /// The whole matrix as f32 `[outputs, inputs]` (shared, not copied, where it is dense already).
  public func denseWeights() -> FloatBuffer {
    switch storage {
    case .dense(let weights): weights
    case .quantized(let matrix): matrix.dequantized()
    }
  }
}

/// In which form a model's matrices are held.
public enum WeightPrecision: String, Sendable {
  /// As the file has them: 8- and 4-bit blocks stay as they are, blocks that no kernel computes with become 8-bit
  /// ones. Plain numbers become f32; but where the projections are blocks, the other matrices that are read whole for
  /// every token become 8-bit blocks too (Google's 4-bit files hold the embedding as F16 or Q6_K).
  case native
  /// Dense f32, the reference path.
  case float32 = "f32"
  /// 8-bit blocks.
  case q8_0 = "q8_0"
  /// 4-bit blocks.
  case q4_0 = "q4_0"
}
