extension BlockFormat {
  /// How much care the scales of blocks are chosen with.
  public enum Rounding: Sendable {
    /// From the element of greatest magnitude alone, as quantisers usually do.
    case toNearest
    /// With the least squared error; every column of the matrix counts by its weight, or all alike.
    ///
    /// A useful weight is the mean square of what the column is multiplied with.
    case leastError(columnWeights: [Float]?)
  }

  /// The bytes that stand for `floats` as nearly as the format can.
  ///
  /// A block that holds a number that is not finite becomes a block of NaN, so that damage stays visible.
  ///
  /// - Precondition: `floats` holds whole blocks, and the format `canEncode`.
  public func quantize(_ floats: UnsafeBufferPointer<Float>) -> [UInt8] {
    encode(floats) { _ in .quick }
  }

  /// The bytes that stand for the rows of a matrix, `[rows, columns]`, with the scales chosen as `rounding` says; on all
  /// threads of `pool`.
  ///
  /// - Precondition: rows are whole blocks, the format `canEncode`, and there are as many weights as columns, none
  ///   of them negative.
  public func quantize(
    _ floats: UnsafeBufferPointer<Float>, columns: Int, rounding: Rounding, pool: WorkerPool = .shared
  ) -> [UInt8] {
    precondition(
      columns > 0 && columns % blockSize == 0 && floats.count % columns == 0, "rows are no whole blocks")
    let rows = floats.count / columns
    let rowBytes = columns / blockSize * bytesPerBlock
    let weights: [Float]? = if case .leastError(let weights?) = rounding { weights } else { nil }
    precondition(weights.map { $0.count == columns } ?? true, "as many weights as columns are needed")
    let shared = Buffer(weights ?? [])
    return [UInt8](unsafeUninitializedCapacity: rows * rowBytes) { buffer, initialized in
      let target = SharedBytes(UnsafeMutableRawBufferPointer(buffer))
      // Pieces of some rows, so that threads finish together.
      let unit = max(1, 65_536 / columns)
      pool.run((rows + unit - 1) / unit) { piece in
        let range = piece * unit..<min(rows, (piece + 1) * unit)
        let source = UnsafeBufferPointer(
          rebasing: floats[range.lowerBound * columns..<range.upperBound * columns])
        let part = UnsafeMutableRawBufferPointer(
          rebasing: target.bytes[range.lowerBound * rowBytes..<range.upperBound * rowBytes])
        self.encode(source, into: part) { element in
          switch rounding {
          case .toNearest: .nearest
          case .leastError(columnWeights: nil): .best(nil)
          case .leastError: .best(UnsafePointer(shared.pointer + element % columns))
          }
        }
      }
      initialized = rows * rowBytes
    }
  }

  private func encode(_ floats: UnsafeBufferPointer<Float>, _ choice: (Int) -> ScaleChoice) -> [UInt8] {
    guard let count = byteCount(elements: floats.count) else {
      preconditionFailure("\(floats.count) elements are no whole number of blocks of \(blockSize)")
    }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      encode(
        floats,
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]), choice
      )
      initialized = count
    }
  }

  /// `choice` is asked with the index of each block's first element.
  private func encode(
    _ floats: UnsafeBufferPointer<Float>, into target: UnsafeMutableRawBufferPointer,
    _ choice: (Int) -> ScaleChoice
  ) {
    guard let source = floats.baseAddress else { return }
    for block in 0..<floats.count / blockSize {
      let place = UnsafeMutableRawBufferPointer(
        rebasing: target[(block * bytesPerBlock)..<((block + 1) * bytesPerBlock)])
      switch self {
      case .f32: place.storeBytes(of: source[block].bitPattern.littleEndian, as: UInt32.self)
      case .f16: HalfFloat.store(source[block], place)
      case .bf16: place.storeBytes(of: Self.bfloat16Bits(source[block]).littleEndian, as: UInt16.self)
      case .q8_0: Q8Block.quantize(source + 32 * block, into: place, choice(32 * block))
      case .q4_0: Q4Block.quantize(source + 32 * block, into: place, choice(32 * block))
      case .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: preconditionFailure("\(rawValue) is only read")
      }
    }
  }

  /// Rounds to nearest, ties to even; NaN stays NaN.
  private static func bfloat16Bits(_ value: Float) -> UInt16 {
    if value.isNaN { return UInt16(truncatingIfNeeded: value.bitPattern >> 16) | 0x0040 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}

/// Memory into which several threads write, each into a part of its own.
private struct SharedBytes: @unchecked Sendable {
  // @unchecked: the parts do not overlap.
  let bytes: UnsafeMutableRawBufferPointer

  init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }
}
