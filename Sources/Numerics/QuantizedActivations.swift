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
  public func set(_ x: UnsafePointer<Float>, row: Int, columns: Range<Int>, kernels: Kernels = .best) {
    view.set(x, row: row, columns: columns, kernels: kernels)
  }

  /// The activations without ownership, for inner loops.
  public var view: View {
    View(values: values.pointer, scales: scales.pointer, offsets: offsets.pointer, width: width)
  }

  /// Activations whose owner somebody else keeps alive; see `QuantizedMatrix.View`.
  public struct View: BitwiseCopyable, @unchecked Sendable {
    let values: UnsafeMutablePointer<Int8>
    let scales: UnsafeMutablePointer<Float>
    let offsets: UnsafeMutablePointer<Int32>
    /// Inputs per row.
    public let width: Int

    /// As `QuantizedActivations.set`, unchecked.
    @inline(__always)
    public func set(_ x: UnsafePointer<Float>, row: Int, columns: Range<Int>, kernels: Kernels) {
      let block = (row * width + columns.lowerBound) / 32
      kernels.table.pointee.quantize(
        x, Int64(columns.count), values + row * width + columns.lowerBound, scales + block, offsets + block)
    }

    /// The rows of `range` for a kernel call.
    func rows(_ range: Range<Int>) -> ck_activations {
      let blocks = width / 32
      return ck_activations(
        values: values + range.lowerBound * width, scales: scales + range.lowerBound * blocks,
        offsets: offsets + range.lowerBound * blocks, tokens: Int64(range.count), blocks: Int64(blocks))
    }
  }
}
