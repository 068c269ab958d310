import CKernels

/// A weight matrix `[rows, columns]` in 8- or 4-bit blocks, packed into tiles of 16 interleaved rows (see `ck.h`).
public final class QuantizedMatrix: @unchecked Sendable {
  // @unchecked: immutable after init.
  /// Bits per weight.
  public enum Precision: Sendable, BitwiseCopyable { case eightBit, fourBit }

  /// Output features.
  public let rows: Int
  /// Input features, a multiple of 32.
  public let columns: Int
  /// Bits per weight.
  public let precision: Precision
  private let packed: UnsafePointer<UInt8>  // tile after tile
  private let owner: AnyObject  // of `packed`: a buffer, or a mapped file

  private var blockBytes: Int { Self.blockBytes(precision) }
  private var blocks: Int { columns / 32 }

  /// Tiles of 16 rows; the unit in which work is shared out.
  public var tiles: Int { (rows + 15) / 16 }

  /// Bytes that one pass over the matrix reads.
  public var byteCount: Int { Self.packedByteCount(rows: rows, columns: columns, precision: precision) }

  /// Bytes of the packed form of a matrix.
  public static func packedByteCount(rows: Int, columns: Int, precision: Precision) -> Int {
    (rows + 15) / 16 * tileBytes(columns / 32, precision)
  }

  private static func blockBytes(_ precision: Precision) -> Int {
    precision == .eightBit ? Int(CK_Q8_BLOCK_BYTES) : Int(CK_Q4_BLOCK_BYTES)
  }

  fileprivate static func tileBytes(_ blocks: Int, _ precision: Precision) -> Int {
    Int(ck_tile_bytes(Int64(blocks), Int64(blockBytes(precision))))
  }

  /// Takes over bytes that are packed already, such as a mapped file's; `owner` keeps them alive.
  public init(
    packed: UnsafeRawBufferPointer, keeping owner: AnyObject, rows: Int, columns: Int, precision: Precision
  ) {
    precondition(columns % 32 == 0 && rows > 0, "matrix shape \(rows) x \(columns) is not in whole blocks")
    precondition(
      packed.count == Self.packedByteCount(rows: rows, columns: columns, precision: precision),
      "wrong byte count for \(rows) x \(columns)")
    guard let base = packed.baseAddress else { preconditionFailure("no packed bytes") }
    self.packed = base.assumingMemoryBound(to: UInt8.self)
    self.owner = owner
    self.rows = rows
    self.columns = columns
    self.precision = precision
  }

  /// Packs GGML blocks (`q8_0`: f16 scale + 32 int8; `q4_0`: f16 scale + 16 bytes), row after row.
  public convenience init(
    ggmlBlocks source: UnsafeRawBufferPointer, rows: Int, columns: Int, precision: Precision,
    pool: WorkerPool = .shared
  ) {
    let sourceBlock = precision == .eightBit ? 34 : 18
    precondition(
      source.count == rows * (columns / 32) * sourceBlock, "wrong byte count for \(rows) x \(columns)")
    let buffer = Buffer<UInt8>(Self.packedByteCount(rows: rows, columns: columns, precision: precision))
    pool.split((rows + 15) / 16) { tiles in
      for row in tiles.lowerBound * 16..<min(rows, tiles.upperBound * 16) {
        Self.pack(source, row, columns / 32, precision, into: buffer.pointer)
      }
    }
    self.init(
      packed: UnsafeRawBufferPointer(start: buffer.pointer, count: buffer.count), keeping: buffer, rows: rows,
      columns: columns, precision: precision)
  }

  private static func pack(
    _ source: UnsafeRawBufferPointer, _ row: Int, _ blocks: Int, _ precision: Precision,
    into packed: UnsafeMutablePointer<UInt8>
  ) {
    let (sourceBlock, blockBytes) = (precision == .eightBit ? 34 : 18, blockBytes(precision))
    let tile = UnsafeMutableRawPointer(packed + row / 16 * tileBytes(blocks, precision))
    for block in 0..<blocks {
      let from = (row * blocks + block) * sourceBlock
      tile.storeBytes(
        of: source.loadUnaligned(fromByteOffset: from, as: UInt16.self),
        toByteOffset: Int(ck_scale_offset(Int64(block), Int64(blockBytes))) + row % 16 * 2, as: UInt16.self)
      let target = tile + Int(ck_data_offset(Int64(block), Int64(blockBytes))) + row % 16 * 4
      // Four inputs at a time. GGML's Q4_0 byte i holds inputs i and i + 16, as ours does.
      let flip: UInt32 = precision == .eightBit ? 0x8080_8080 : 0
      for group in 0..<(blockBytes / 64) {
        let four = source.loadUnaligned(fromByteOffset: from + 2 + group * 4, as: UInt32.self)
        target.storeBytes(of: four ^ flip, toByteOffset: group * 64, as: UInt32.self)
      }
    }
  }

  /// The packed bytes, as `init(packed:)` takes them.
  public func withPackedBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: packed, count: byteCount))
  }

  /// `out[t, r] = Σ W[r, i] · x[t, i]` for all rows; `outStride` floats lie between two rows of `out`.
  public func multiply(
    _ x: QuantizedActivations, into out: UnsafeMutablePointer<Float>, outStride: Int, pool: WorkerPool,
    kernels: Kernels = .best
  ) {
    let body = { (range: Range<Int>) in
      self.multiply(x, rows: 0..<x.rows, tiles: range, into: out, outStride: outStride, kernels: kernels)
    }
    if byteCount * max(1, x.rows) > 32_768 { pool.split(tiles, body) } else { body(0..<tiles) }
  }

  /// The same for some rows of `x` and some tiles of 16 outputs, on the caller's thread; `out` begins at the first of
  /// these rows and at output 0.
  public func multiply(
    _ x: QuantizedActivations, rows: Range<Int>, tiles: Range<Int>, into out: UnsafeMutablePointer<Float>,
    outStride: Int, kernels: Kernels = .best
  ) {
    precondition(x.width == columns, "activations have \(x.width) inputs, the matrix \(columns)")
    precondition(
      tiles.lowerBound >= 0 && tiles.upperBound <= self.tiles && rows.upperBound <= x.rows, "out of range")
    view.multiply(x.view, rows: rows, tiles: tiles, into: out, outStride: outStride, kernels: kernels)
  }

  /// The matrix without ownership, for inner loops.
  public var view: View { View(packed: packed, rows: rows, columns: columns, precision: precision) }

  /// A matrix whose owner somebody else keeps alive. Passing it between threads costs no reference counting, which at
  /// hundreds of products per token would cost more than the barriers between them.
  public struct View: BitwiseCopyable, @unchecked Sendable {
    let packed: UnsafePointer<UInt8>
    /// Output features.
    public let rows: Int
    /// Input features.
    public let columns: Int
    let precision: Precision

    /// The packed form of some tiles, for fetching it ahead of its use.
    public func bytes(of tiles: Range<Int>) -> UnsafeRawBufferPointer {
      let size = QuantizedMatrix.tileBytes(columns / 32, precision)
      return UnsafeRawBufferPointer(start: packed + tiles.lowerBound * size, count: tiles.count * size)
    }

    /// As `QuantizedMatrix.multiply`, unchecked: rows, tiles and widths must fit.
    @inline(__always)
    public func multiply(
      _ x: QuantizedActivations.View, rows: Range<Int>, tiles: Range<Int>,
      into out: UnsafeMutablePointer<Float>,
      outStride: Int, kernels: Kernels
    ) {
      let run = precision == .eightBit ? kernels.table.pointee.q8_matmul : kernels.table.pointee.q4_matmul
      var rows = x.rows(rows)
      run?(
        packed, Int64(self.rows), Int64(tiles.lowerBound), Int64(tiles.upperBound), &rows, out,
        Int64(outStride))
    }
  }

  /// Row `row` as f32 (embedding look-up).
  public func dequantizeRow(_ row: Int, into out: UnsafeMutablePointer<Float>) {
    let tile = UnsafeRawPointer(packed + row / 16 * Self.tileBytes(blocks, precision))
    for block in 0..<blocks {
      let scaleOffset = Int(ck_scale_offset(Int64(block), Int64(blockBytes))) + row % 16 * 2
      let scale = Float(Float16(bitPattern: tile.load(fromByteOffset: scaleOffset, as: UInt16.self)))
      let source = (tile + Int(ck_data_offset(Int64(block), Int64(blockBytes))) + row % 16 * 4)
        .assumingMemoryBound(to: UInt8.self)
      let target = out + block * 32
      if precision == .eightBit {
        for i in 0..<32 { target[i] = scale * Float(Int(source[(i / 4) * 64 + i % 4]) - 128) }
      } else {
        for i in 0..<16 {
          let byte = Int(source[(i / 4) * 64 + i % 4])
          target[i] = scale * Float((byte & 15) - 8)
          target[16 + i] = scale * Float((byte >> 4) - 8)
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

  /// A matrix of the given rows of this one, in that order, bit for bit (a shortlist of the output head).
  public func gathering(_ ids: [Int]) -> QuantizedMatrix {
    precondition(ids.allSatisfy { $0 >= 0 && $0 < rows }, "a row beyond the matrix")
    let tileBytes = Self.tileBytes(blocks, precision)
    let buffer = Buffer<UInt8>(
      Self.packedByteCount(rows: ids.count, columns: columns, precision: precision))
    for (to, from) in ids.enumerated() {
      let source = packed + from / 16 * tileBytes
      let target = buffer.pointer + to / 16 * tileBytes
      for block in 0..<blocks {
        let scales = Int(ck_scale_offset(Int64(block), Int64(blockBytes)))
        (target + scales + to % 16 * 2).update(from: source + scales + from % 16 * 2, count: 2)
        let data = Int(ck_data_offset(Int64(block), Int64(blockBytes)))
        for group in stride(from: data, to: data + blockBytes, by: 64) {
          (target + group + to % 16 * 4).update(from: source + group + from % 16 * 4, count: 4)
        }
      }
    }
    return QuantizedMatrix(
      packed: UnsafeRawBufferPointer(start: buffer.pointer, count: buffer.count), keeping: buffer,
      rows: ids.count, columns: columns, precision: precision)
  }
}
