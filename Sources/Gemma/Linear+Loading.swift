import Numerics
import Weights

/// How one loader turns tensors of a file into matrices.
struct MatrixMaker {
  let path: String
  let precision: WeightPrecision
  /// Whether plain numbers become 8-bit blocks: see `WeightPrecision.native`.
  let quantizesPlain: Bool
  let cache: PackedCache

  /// The matrix of a tensor, from the cache where that has it. Rows that are no whole blocks are refused, or stay f32 if
  /// the matrix is a `side` one; `key` is its name in the cache.
  ///
  /// - Throws: `GemmaError.shape`, `.format`, the latter for values that are not finite too.
  func linear(_ tensor: Tensor, key: String, isSide: Bool) throws(GemmaError) -> Linear {
    guard tensor.shape.count == 2, tensor.elementCount > 0 else {
      throw .format(path: path, name: tensor.name, problem: "is no matrix but has shape \(tensor.shape)")
    }
    let (outputs, inputs) = (tensor.shape[0], tensor.shape[1])
    if let matrix = cache.matrix(key, rows: outputs, columns: inputs) {
      return Linear(outputs: outputs, inputs: inputs, storage: .quantized(matrix))
    }
    guard tensor.isFinite else {
      throw .format(
        path: path, name: tensor.name, problem: "holds values that are not finite; the file is damaged")
    }
    let target = target(tensor, isSide)
    guard target == .q8_0 || target == .q4_0, inputs % 32 == 0 || !isSide else {
      return Linear(outputs: outputs, inputs: inputs, storage: .dense(FloatBuffer(tensor.floats())))
    }
    guard inputs % 32 == 0 else {
      throw .format(path: path, name: tensor.name, problem: "has \(inputs) columns, not a multiple of 32")
    }
    let (matrix, origin) = packed(tensor, target)
    cache.add(key, matrix, origin: origin)
    return Linear(outputs: outputs, inputs: inputs, storage: .quantized(matrix))
  }

  private func target(_ tensor: Tensor, _ isSide: Bool) -> BlockFormat {
    switch precision {
    case .float32: .f32
    case .q8_0: .q8_0
    case .q4_0: .q4_0
    case .native:
      switch tensor.format {
      case .q8_0, .q4_0: tensor.format
      case .f32, .f16, .bf16: quantizesPlain && !isSide && tensor.shape[1] % 32 == 0 ? .q8_0 : .f32
      case .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: .q8_0
      }
    }
  }

  private func packed(_ tensor: Tensor, _ target: BlockFormat) -> (QuantizedMatrix, PackedCache.Origin?) {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    func pack(_ blocks: UnsafeRawBufferPointer) -> QuantizedMatrix {
      QuantizedMatrix(
        ggmlBlocks: blocks, rows: rows, columns: columns, precision: target == .q8_0 ? .eightBit : .fourBit)
    }
    if tensor.format == target { return (tensor.withBytes(pack), nil) }
    return tensor.floats().withUnsafeBufferPointer { floats in
      let blocks = target.quantize(
        floats, columns: columns,
        rounding: target == .q8_0 ? .toNearest : .leastError(columnWeights: nil))
      return blocks.withUnsafeBytes { bytes in
        let error = QuantizationError(floats, columns: columns, rounded: bytes, format: target)
        return (pack(bytes), PackedCache.Origin(format: tensor.format, relativeError: error.relative))
      }
    }
  }
}
