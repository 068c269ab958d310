import CKernels

/// Activations quantised to int8 per block of 32 inputs, shared by all products that read the same input.
public final class QuantizedActivations: @unchecked Sendable {
  // @unchecked: written by `load`, read by products; the owner orders the two.
  /// Most rows it can hold.
  public let capacity: Int
  /// Inputs per row, a multiple of 32.
  public let width: Int
  private let values: Buffer<Int8>  // [capacity, width]
  private let scales: FloatBuffer  // [capacity, width / 32]
  private let offsets: Buffer<Int32>  // [capacity, width / 32]
  /// Rows that it holds now.
  public private(set) var rows = 0

  /// Allocates room for `capacity` rows of `width` inputs.
  public init(capacity: Int, width: Int) {
    precondition(width % 32 == 0, "activation width must be a multiple of 32")
    self.capacity = capacity
    self.width = width
    values = Buffer(capacity * width)
    scales = FloatBuffer(capacity * width / 32)
    offsets = Buffer(capacity * width / 32)
  }

  /// Quantises `rows` rows of `x` (`[rows, width]`).
  public func load(_ x: UnsafePointer<Float>, rows: Int, pool: WorkerPool, kernels: Kernels = .best) {
    begin(rows: rows)
    let body = { (range: Range<Int>) in
      for row in range { self.set(x + row * self.width, row: row, columns: 0..<self.width, kernels: kernels) }
    }
    if rows >= 32 { pool.split(rows, body) } else { body(0..<rows) }
  }

  /// Says how many rows are going to be set.
  public func begin(rows: Int) {
    precondition(rows <= capacity, "too many activation rows")
    self.rows = rows
  }

  /// Quantises `columns` (in whole blocks of 32) of one row from `x`, which holds just these.
  @inline(__always)
  public func set(_ x: UnsafePointer<Float>, row: Int, columns: Range<Int>, kernels: Kernels = .best) {
    let block = (row * width + columns.lowerBound) / 32
    kernels.table.pointee.quantize(
      x, Int64(columns.count), values.pointer + row * width + columns.lowerBound, scales.pointer + block,
      offsets.pointer + block)
  }

  /// The rows of `range` for a kernel call.
  func view(_ range: Range<Int>) -> ck_activations {
    let blocks = width / 32
    return ck_activations(
      values: values.pointer + range.lowerBound * width, scales: scales.pointer + range.lowerBound * blocks,
      offsets: offsets.pointer + range.lowerBound * blocks, tokens: Int64(range.count), blocks: Int64(blocks))
  }
}
