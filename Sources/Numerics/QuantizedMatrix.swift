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
  private let sums: Buffer<Int32>  // [capacity, width / 32]
  /// Rows that it holds now.
  public private(set) var rows = 0

  /// Allocates room for `capacity` rows of `width` inputs.
  public init(capacity: Int, width: Int) {
    precondition(width % 32 == 0, "activation width must be a multiple of 32")
    self.capacity = capacity
    self.width = width
    values = Buffer(capacity * width)
    scales = FloatBuffer(capacity * width / 32)
    sums = Buffer(capacity * width / 32)
  }

  /// Quantises `rows` rows of `x` (`[rows, width]`).
  public func load(_ x: UnsafePointer<Float>, rows: Int, pool: WorkerPool, kernels: Kernels = .best) {
    precondition(rows <= capacity, "too many activation rows")
    self.rows = rows
    let blocks = width / 32
    let body = { (range: Range<Int>) in
      for row in range {
        kernels.table.pointee.quantize(
          x + row * self.width, Int64(self.width), self.values.pointer + row * self.width,
          self.scales.pointer + row * blocks, self.sums.pointer + row * blocks)
      }
    }
    if rows >= 32 { pool.split(rows, body) } else { body(0..<rows) }
  }

  var view: ck_activations {
    ck_activations(
      values: values.pointer, scales: scales.pointer, sums: sums.pointer, tokens: Int64(rows),
      blocks: Int64(width / 32))
  }
}

/// A weight matrix `[rows, columns]` in 8- or 4-bit blocks, packed into tiles of 16 interleaved rows (see `ck.h`).
public final class QuantizedMatrix: @unchecked Sendable {
  // @unchecked: immutable after init.
  /// Bits per weight.
  public enum Precision: Sendable { case eightBit, fourBit }

  /// Output features.
  public let rows: Int
  /// Input features, a multiple of 32.
  public let columns: Int
  /// Bits per weight.
  public let precision: Precision
  private let data: Buffer<UInt8>
  private let scales: Buffer<UInt16>

  private var blockBytes: Int { precision == .eightBit ? Int(CK_Q8_BLOCK_BYTES) : Int(CK_Q4_BLOCK_BYTES) }
  private var blocks: Int { columns / 32 }
  private var tiles: Int { (rows + 15) / 16 }

  /// Bytes that one pass over the matrix reads.
  public var byteCount: Int { tiles * blocks * (blockBytes + 32) }

  /// Packs GGML blocks (`q8_0`: f16 scale + 32 int8; `q4_0`: f16 scale + 16 bytes), row after row.
  public init(ggmlBlocks source: UnsafeRawBufferPointer, rows: Int, columns: Int, precision: Precision) {
    precondition(columns % 32 == 0 && rows > 0, "matrix shape \(rows) x \(columns) is not in whole blocks")
    let sourceBlock = precision == .eightBit ? 34 : 18
    precondition(
      source.count == rows * (columns / 32) * sourceBlock, "wrong byte count for \(rows) x \(columns)")
    self.rows = rows
    self.columns = columns
    self.precision = precision
    let blockBytes = precision == .eightBit ? Int(CK_Q8_BLOCK_BYTES) : Int(CK_Q4_BLOCK_BYTES)
    let blocks = columns / 32
    data = Buffer((rows + 15) / 16 * blocks * blockBytes)
    scales = Buffer((rows + 15) / 16 * blocks * 16)
    for row in 0..<rows {
      let tile = row / 16
      let lane = row % 16
      for block in 0..<blocks {
        let from = (row * blocks + block) * sourceBlock
        let at = tile * blocks + block
        scales[at * 16 + lane] = source.loadUnaligned(fromByteOffset: from, as: UInt16.self)
        let target = data.pointer + at * blockBytes + lane * 4
        if precision == .eightBit {
          for i in 0..<32 { target[(i / 4) * 64 + i % 4] = source[from + 2 + i] ^ 0x80 }
        } else {
          // GGML's Q4_0 byte i holds inputs i and i + 16, as ours does.
          for i in 0..<16 { target[(i / 4) * 64 + i % 4] = source[from + 2 + i] }
        }
      }
    }
  }

  /// `out[t, rowOffset + r] = Σ W[r, i] · x[t, i]` for all rows; `outStride` floats lie between two rows of `out`.
  public func multiply(
    _ x: QuantizedActivations, into out: UnsafeMutablePointer<Float>, outStride: Int, pool: WorkerPool,
    kernels: Kernels = .best
  ) {
    precondition(x.width == columns, "activations have \(x.width) inputs, the matrix \(columns)")
    let run = precision == .eightBit ? kernels.table.pointee.q8_matmul : kernels.table.pointee.q4_matmul
    let body = { (range: Range<Int>) in
      var view = x.view
      run?(
        self.data.pointer, self.scales.pointer, Int64(self.rows), Int64(range.lowerBound),
        Int64(range.upperBound), &view, out, Int64(outStride))
    }
    if byteCount * max(1, x.rows) > 32_768 { pool.split(tiles, body) } else { body(0..<tiles) }
  }

  /// Row `row` as f32 (embedding look-up).
  public func dequantizeRow(_ row: Int, into out: UnsafeMutablePointer<Float>) {
    let lane = row % 16
    for block in 0..<blocks {
      let at = row / 16 * blocks + block
      let scale = Float(Float16(bitPattern: scales[at * 16 + lane]))
      let source = data.pointer + at * blockBytes + lane * 4
      if precision == .eightBit {
        for i in 0..<32 {
          out[block * 32 + i] = scale * Float(Int(source[(i / 4) * 64 + i % 4]) - 128)
        }
      } else {
        for i in 0..<16 {
          let byte = Int(source[(i / 4) * 64 + i % 4])
          out[block * 32 + i] = scale * Float((byte & 15) - 8)
          out[block * 32 + 16 + i] = scale * Float((byte >> 4) - 8)
        }
      }
    }
  }

  /// The whole matrix as f32, `[rows, columns]`, for the backward pass.
  public func dequantized() -> FloatBuffer {
    let result = FloatBuffer(rows * columns)
    for row in 0..<rows { dequantizeRow(row, into: result.pointer + row * columns) }
    return result
  }
}
