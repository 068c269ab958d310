/// By how much numbers that were rounded differ from what they stand for; sums over any number of pieces.
public struct QuantizationError: Sendable, Equatable {
  /// The sum of the squared differences.
  public private(set) var squaredError = 0.0
  /// The sum of the squares of the exact numbers.
  public private(set) var squaredSum = 0.0

  /// Nothing compared yet.
  public init() {}

  /// Root of the summed squared differences over that of the summed squares.
  public var relative: Double { squaredSum > 0 ? (squaredError / squaredSum).squareRoot() : 0 }

  /// Compares the rows of a matrix, `[rows, columns]`, with what `bytes` in `format` stand for; every column counts by
  /// its weight, or all alike.
  ///
  /// - Precondition: `bytes` holds just these rows, and there are as many weights as columns.
  public init(
    _ exact: UnsafeBufferPointer<Float>, columns: Int, rounded bytes: UnsafeRawBufferPointer,
    format: BlockFormat, columnWeights: [Float]? = nil, pool: WorkerPool = .shared
  ) {
    let rows = columns > 0 ? exact.count / columns : 0
    let rowBytes = rows > 0 ? bytes.count / rows : 0
    precondition(format.byteCount(elements: columns) == rowBytes, "the bytes are not those of the matrix")
    precondition(columnWeights.map { $0.count == columns } ?? true, "as many weights as columns are needed")
    let weights = columnWeights.map { Buffer($0) }
    // Sums per piece of some rows, added in their order: the result is the same on any number of threads.
    let unit = max(1, 65_536 / max(1, columns))
    let pieces = (rows + unit - 1) / unit
    let sums = Buffer<Double>(2 * pieces)
    pool.run(pieces) { piece in
      let row = FloatBuffer(columns)
      for index in piece * unit..<min(rows, (piece + 1) * unit) {
        let source = UnsafeRawBufferPointer(rebasing: bytes[index * rowBytes..<(index + 1) * rowBytes])
        format.dequantize(source, into: UnsafeMutableBufferPointer(start: row.pointer, count: columns))
        let start = index * columns
        var (error, sum) = (Float(0), Float(0))
        for column in 0..<columns {
          let weight = weights?.pointer[column] ?? 1
          let difference = exact[start + column] - row.pointer[column]
          error += weight * difference * difference
          sum += weight * exact[start + column] * exact[start + column]
        }
        sums.pointer[2 * piece] += Double(error)
        sums.pointer[2 * piece + 1] += Double(sum)
      }
    }
    for piece in 0..<pieces {
      squaredError += sums.pointer[2 * piece]
      squaredSum += sums.pointer[2 * piece + 1]
    }
  }

  /// Both together.
  public static func + (left: QuantizationError, right: QuantizationError) -> QuantizationError {
    var result = left
    result.squaredError += right.squaredError
    result.squaredSum += right.squaredSum
    return result
  }
}
