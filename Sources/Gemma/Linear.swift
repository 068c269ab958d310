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
  /// As the file has them: quantised blocks stay quantised, everything else becomes f32.
  case native
  /// Dense f32, the reference path.
  case float32 = "f32"
  /// 8-bit blocks.
  case q8_0 = "q8_0"
  /// 4-bit blocks.
  case q4_0 = "q4_0"
}

extension Linear {
  /// Takes a matrix over from a file. Rows that are no whole blocks are refused, or stay f32 if `fallsBackToFloat`.
  ///
  /// - Throws: `GemmaError.shape`, `.format`, the latter for values that are not finite too.
  convenience init(
    _ tensor: Tensor, outputs: Int, inputs: Int, precision: WeightPrecision, path: String,
    fallsBackToFloat: Bool = false
  ) throws(GemmaError) {
    guard tensor.shape == [outputs, inputs] else {
      throw .shape(path: path, name: tensor.name, expected: [outputs, inputs], found: tensor.shape)
    }
    let target: BlockFormat =
      switch precision {
      case .native: tensor.format
      case .float32: .f32
      case .q8_0: .q8_0
      case .q4_0: .q4_0
      }
    guard tensor.isFinite else {
      throw .format(
        path: path, name: tensor.name, problem: "holds values that are not finite; the file is damaged")
    }
    guard target == .q8_0 || target == .q4_0, inputs % 32 == 0 || !fallsBackToFloat else {
      self.init(outputs: outputs, inputs: inputs, storage: .dense(FloatBuffer(tensor.floats())))
      return
    }
    guard inputs % 32 == 0 else {
      throw .format(path: path, name: tensor.name, problem: "has \(inputs) columns, not a multiple of 32")
    }
    let bits: QuantizedMatrix.Precision = target == .q8_0 ? .eightBit : .fourBit
    let matrix: QuantizedMatrix
    if tensor.format == target {
      matrix = tensor.withBytes {
        QuantizedMatrix(ggmlBlocks: $0, rows: outputs, columns: inputs, precision: bits)
      }
    } else {
      let blocks = tensor.floats().withUnsafeBufferPointer { target.quantize($0) }
      matrix = blocks.withUnsafeBytes {
        QuantizedMatrix(ggmlBlocks: $0, rows: outputs, columns: inputs, precision: bits)
      }
    }
    self.init(outputs: outputs, inputs: inputs, storage: .quantized(matrix))
  }
}
