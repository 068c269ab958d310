/// How the elements of a tensor lie in memory: plain numbers, or blocks of 32 or 256 that share a scale.
///
/// The layouts are those of ggml, so that files of the ecosystem are used as they are. All numbers are little-endian.
/// All formats are read; those that `canEncode` says are written too.
public enum BlockFormat: String, Sendable, CaseIterable {
  /// 32-bit floating point.
  case f32
  /// 16-bit floating point (IEEE 754 half).
  case f16
  /// The upper half of a 32-bit floating point number.
  case bf16
  /// 32 signed bytes after a half-precision scale: `x = scale · q`.
  case q8_0
  /// 32 unsigned nibbles after a half-precision scale: `x = scale · (q − 8)`; the low nibbles are elements 0…15,
  /// the high ones 16…31.
  case q4_0
  /// As `q4_0`, but `x = scale · q + least`, both in half precision.
  case q4_1
  /// 32 levels of five bits: `x = scale · (q − 16)`; the fifth bits of all elements lie together before the nibbles.
  case q5_0
  /// As `q5_0`, but `x = scale · q + least`.
  case q5_1
  /// 256 nibbles in 8 groups, each with a scale and a least value of six bits: `x = d · s · q − e · m`.
  case q4_K
  /// As `q4_K`, with a fifth bit per element.
  case q5_K
  /// 256 levels of six bits in 16 groups with a signed byte as scale: `x = d · s · (q − 32)`.
  case q6_K

  /// How many elements share a block.
  public var blockSize: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1: 32
    case .q4_K, .q5_K, .q6_K: 256
    }
  }

  /// Whether `quantize` can make this format; the others are only read.
  public var canEncode: Bool {
    switch self {
    case .f32, .f16, .bf16, .q8_0, .q4_0: true
    case .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: false
    }
  }

  /// How many bytes one block takes.
  public var bytesPerBlock: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q8_0: 34
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    }
  }

  /// The number of this format in GGUF files.
  public var ggmlType: UInt32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q5_0: 6
    case .q5_1: 7
    case .q8_0: 8
    case .q4_K: 12
    case .q5_K: 13
    case .q6_K: 14
    case .bf16: 30
    }
  }

  /// The format with the given number in GGUF files; `nil` for one that is not read here.
  public init?(ggmlType: UInt32) {
    guard let format = BlockFormat.allCases.first(where: { $0.ggmlType == ggmlType }) else { return nil }
    self = format
  }

  /// The bytes that `elements` take; `nil` when they are negative, no whole number of blocks, or overflow.
  public func byteCount(elements: Int) -> Int? {
    guard elements >= 0, elements % blockSize == 0 else { return nil }
    let (bytes, overflows) = (elements / blockSize).multipliedReportingOverflow(by: bytesPerBlock)
    return overflows ? nil : bytes
  }

  /// Writes the numbers that `bytes` stand for into `floats`.
  ///
  /// - Precondition: `floats` holds whole blocks and `bytes` exactly these.
  public func dequantize(_ bytes: UnsafeRawBufferPointer, into floats: UnsafeMutableBufferPointer<Float>) {
    precondition(
      byteCount(elements: floats.count) == bytes.count, "the buffers hold different numbers of blocks")
    guard let source = bytes.baseAddress, let target = floats.baseAddress else { return }
    let blocks = floats.count / blockSize
    switch self {
    case .f32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: bytes.count)
    case .f16: for index in 0..<blocks { target[index] = HalfFloat.load(source + 2 * index) }
    case .bf16:
      for index in 0..<blocks {
        let bits = UInt16(littleEndian: (source + 2 * index).loadUnaligned(as: UInt16.self))
        target[index] = Float(bitPattern: UInt32(bits) << 16)
      }
    case .q8_0: for block in 0..<blocks { Q8Block.dequantize(source + 34 * block, into: target + 32 * block) }
    case .q4_0: for block in 0..<blocks { Q4Block.dequantize(source + 18 * block, into: target + 32 * block) }
    case .q4_1:
      for block in 0..<blocks { Q41Block.dequantize(source + 20 * block, into: target + 32 * block) }
    case .q5_0:
      for block in 0..<blocks { Q50Block.dequantize(source + 22 * block, into: target + 32 * block) }
    case .q5_1:
      for block in 0..<blocks { Q51Block.dequantize(source + 24 * block, into: target + 32 * block) }
    case .q4_K:
      for block in 0..<blocks { Q4KBlock.dequantize(source + 144 * block, into: target + 256 * block) }
    case .q5_K:
      for block in 0..<blocks { Q5KBlock.dequantize(source + 176 * block, into: target + 256 * block) }
    case .q6_K:
      for block in 0..<blocks { Q6KBlock.dequantize(source + 210 * block, into: target + 256 * block) }
    }
  }
}
