import Numerics

/// A tensor that is to be written to a file.
public struct OutputTensor: Sendable {
  /// The name in the file.
  public let name: String
  /// How the elements are stored.
  public let format: BlockFormat
  /// The extents, outermost first.
  public let shape: [Int]
  /// The stored elements.
  public let bytes: [UInt8]

  /// A tensor whose bytes are ready.
  ///
  /// - Precondition: there are as many bytes as `shape` asks for.
  public init(name: String, format: BlockFormat, shape: [Int], bytes: [UInt8]) {
    precondition(
      Tensor.elementCount(of: shape).flatMap(format.byteCount) == bytes.count,
      "the bytes of '\(name)' do not fit its shape")
    self.name = name
    self.format = format
    self.shape = shape
    self.bytes = bytes
  }

  /// A tensor of numbers, stored in `format`.
  ///
  /// - Precondition: the number of elements is the product of `shape`, and rows are whole blocks of the format.
  public init(name: String, shape: [Int], floats: [Float], format: BlockFormat = .f32) {
    precondition((shape.last ?? 1) % format.blockSize == 0, "rows of '\(name)' are no whole blocks")
    let bytes = floats.withUnsafeBufferPointer { format.quantize($0) }
    self.init(name: name, format: format, shape: shape, bytes: bytes)
  }

  /// Name, format and shape without the bytes.
  public var plan: TensorPlan { TensorPlan(name: name, format: format, shape: shape) }

  /// All elements as numbers, row-major: what a reader of the file will see.
  public func floats() -> [Float] {
    Tensor(name: name, format: format, shape: shape, region: ByteRegion(bytes)).floats()
  }

  /// A copy of `tensor`, perhaps under another name.
  public init(copying tensor: Tensor, name: String? = nil) {
    self.init(
      name: name ?? tensor.name, format: tensor.format, shape: tensor.shape,
      bytes: tensor.withBytes { [UInt8]($0) })
  }
}

/// What a tensor that is to be written is going to be.
public struct TensorPlan: Sendable, Equatable {
  /// The name in the file.
  public let name: String
  /// How the elements are stored.
  public let format: BlockFormat
  /// The extents, outermost first.
  public let shape: [Int]
  /// How many bytes it takes.
  public let byteCount: Int

  /// - Precondition: the shape is possible, and rows are whole blocks of the format.
  public init(name: String, format: BlockFormat, shape: [Int]) {
    guard let count = Tensor.elementCount(of: shape), let bytes = format.byteCount(elements: count),
      (shape.last ?? 1) % format.blockSize == 0
    else { preconditionFailure("the shape \(shape) of '\(name)' is impossible for \(format.rawValue)") }
    self.name = name
    self.format = format
    self.shape = shape
    byteCount = bytes
  }
}
