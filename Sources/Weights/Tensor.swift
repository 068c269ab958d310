import Numerics

/// A named array of numbers whose bytes lie in a file that stays mapped as long as this value lives.
public struct Tensor: Sendable {
  /// The name in its file.
  public let name: String
  /// How the elements are stored.
  public let format: BlockFormat
  /// The extents, outermost first; the last one is contiguous in memory.
  public let shape: [Int]
  /// The product of the extents.
  public let elementCount: Int
  private let region: ByteRegion

  /// - Precondition: `region` holds exactly the elements that `shape` asks for.
  init(name: String, format: BlockFormat, shape: [Int], region: ByteRegion) {
    let count = Tensor.elementCount(of: shape)
    precondition(
      count.flatMap(format.byteCount) == region.count, "the bytes of '\(name)' do not fit its shape")
    self.name = name
    self.format = format
    self.shape = shape
    elementCount = count ?? 0
    self.region = region
  }

  /// A tensor in memory.
  ///
  /// - Precondition: the number of elements is the product of `shape`.
  public init(name: String, shape: [Int], floats: [Float]) {
    let output = OutputTensor(name: name, shape: shape, floats: floats)
    self.init(name: name, format: .f32, shape: shape, region: ByteRegion(output.bytes))
  }

  /// A tensor in memory whose elements are stored already.
  public init(_ output: OutputTensor) {
    self.init(name: output.name, format: output.format, shape: output.shape, region: ByteRegion(output.bytes))
  }

  /// The rows `range` of the tensor taken as a matrix of rows of its last extent, which stay mapped where they are.
  ///
  /// - Precondition: the rows are there, and a row is whole blocks of the format (as in every file that is read here).
  public func rows(_ range: Range<Int>) -> Tensor {
    let width = shape.last ?? 1
    guard let bytesPerRow = format.byteCount(elements: width) else {
      preconditionFailure("rows of '\(name)' are no whole blocks")
    }
    return Tensor(
      name: name, format: format, shape: [range.count, width],
      region: region.part((range.lowerBound * bytesPerRow)..<(range.upperBound * bytesPerRow)))
  }

  /// How many bytes the tensor takes.
  public var byteCount: Int { region.count }

  /// Lends the stored bytes; the pointer must not leave `body`.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try region.withBytes(body)
  }

  /// All elements as numbers, row-major.
  public func floats() -> [Float] {
    [Float](unsafeUninitializedCapacity: elementCount) { buffer, initialized in
      let target = UnsafeMutableBufferPointer(rebasing: buffer[..<elementCount])
      withBytes { format.dequantize($0, into: target) }
      initialized = elementCount
    }
  }

  /// False where a number is infinite or NaN; of 8- and 4-bit blocks only the scales can be.
  public var isFinite: Bool {
    withBytes { bytes in
      switch format {
      case .f32: Self.largestExponent(bytes, UInt32.self, mask: 0x7F80_0000) < 0x7F80_0000
      case .f16: Self.largestExponent(bytes, UInt16.self, mask: 0x7C00) < 0x7C00
      case .bf16: Self.largestExponent(bytes, UInt16.self, mask: 0x7F80) < 0x7F80
      case .q8_0, .q4_0:
        stride(from: 0, to: bytes.count, by: format.bytesPerBlock).allSatisfy {
          bytes.loadUnaligned(fromByteOffset: $0, as: UInt16.self) & 0x7C00 != 0x7C00
        }
      default: floats().allSatisfy(\.isFinite)
      }
    }
  }

  /// The largest exponent of any number, as its bits; the loop has no exit, so that it becomes vector code.
  private static func largestExponent<Bits: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _: Bits.Type, mask: Bits
  ) -> Bits {
    var largest: Bits = 0
    for index in 0..<(bytes.count / MemoryLayout<Bits>.size) {
      let bits = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self) & mask
      largest = max(largest, bits)
    }
    return largest
  }

  /// The product of the extents; `nil` when one is negative or the product overflows.
  static func elementCount(of shape: [Int]) -> Int? {
    var count = 1
    for extent in shape {
      guard extent >= 0 else { return nil }
      let (product, overflows) = count.multipliedReportingOverflow(by: extent)
      guard !overflows else { return nil }
      count = product
    }
    return count
  }
}

/// Anything that tensors can be read from by name.
public protocol TensorSource: Sendable {
  /// The file or folder, for messages.
  var path: String { get }
  /// The names of all tensors that can be read, in the order of the file.
  var tensorNames: [String] { get }
  /// The tensor called `name`, if it is there and can be read.
  func tensor(_ name: String) -> Tensor?
  /// For tensors in formats that are not read here: the name of the format.
  func unreadableFormat(of name: String) -> String?
  /// What tells the state of the files from any other, if they can be told: see `MappedFile.identity`.
  var identity: JSONValue? { get }
}

extension TensorSource {
  /// Nothing is known of sources that are no files.
  public var identity: JSONValue? { nil }

  /// The tensor called `name`, which must be there and, if `shape` is given, have that shape.
  public func require(_ name: String, shape: [Int]? = nil) throws(WeightsError) -> Tensor {
    guard let found = tensor(name) else {
      guard let format = unreadableFormat(of: name) else { throw .missingTensor(path: path, name: name) }
      throw .unsupported(
        path: path, place: "tensor '\(name)'", problem: "stored as \(format)",
        remedy: "convert the model to one of F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q5_1, Q5_0, Q4_K, Q4_1, Q4_0")
    }
    if let shape, found.shape != shape {
      throw .wrongShape(path: path, tensor: name, expected: "\(shape)", found: found.shape)
    }
    return found
  }
}
