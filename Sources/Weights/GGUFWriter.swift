/// Collects metadata and tensors and writes them as a GGUF file of version 3.
public struct GGUFWriter: Sendable {
  /// The border, in bytes, on which every tensor begins.
  static let alignment = 32

  private var pairs: [(key: String, value: GGUFValue)] = []
  private var tensors: [OutputTensor] = []

  /// A file for a model of the given family, which goes to `general.architecture`.
  public init(architecture: String) {
    self["general.architecture"] = .string(architecture)
  }

  /// A metadata value; keys keep the order in which they are first set, setting `nil` removes one.
  public subscript(key: String) -> GGUFValue? {
    get { pairs.first { $0.key == key }?.value }
    set {
      let index = pairs.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): pairs[index].value = value
      case (let index?, nil): pairs.remove(at: index)
      case (nil, let value?): pairs.append((key, value))
      case (nil, nil): break
      }
    }
  }

  /// Adds a tensor after those already there.
  ///
  /// - Precondition: it has at most four dimensions, and no other has its name.
  public mutating func append(_ tensor: OutputTensor) {
    precondition(tensor.shape.count <= 4, "GGUF tensors have at most four dimensions")
    precondition(!tensors.contains { $0.name == tensor.name }, "two tensors are called '\(tensor.name)'")
    tensors.append(tensor)
  }

  /// Writes the file, which appears whole or not at all.
  public func write(to path: String) throws(WeightsError) {
    var file = try AtomicFile(path: path)
    try file.append(header())
    for tensor in tensors {
      try file.append(tensor.bytes)
      try file.append([UInt8](repeating: 0, count: Self.padded(tensor.bytes.count) - tensor.bytes.count))
    }
    try file.commit()
  }

  private func header() -> [UInt8] {
    var encoder = GGUFEncoder()
    encoder.append(UInt32(0x4655_4747))
    encoder.append(UInt32(3))
    encoder.append(UInt64(tensors.count))
    encoder.append(UInt64(pairs.count))
    for (key, value) in pairs {
      encoder.appendText(Array(key.utf8))
      encoder.append(value.type.rawValue)
      encoder.append(value)
    }
    var offset = 0
    for tensor in tensors {
      encoder.appendText(Array(tensor.name.utf8))
      encoder.append(UInt32(tensor.shape.count))
      for extent in tensor.shape.reversed() { encoder.append(UInt64(extent)) }
      encoder.append(tensor.format.ggmlType)
      encoder.append(UInt64(offset))
      offset += Self.padded(tensor.bytes.count)
    }
    encoder.pad(to: Self.padded(encoder.bytes.count))
    return encoder.bytes
  }

  private static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

/// Appends numbers and texts in the byte order of GGUF.
struct GGUFEncoder {
  private(set) var bytes: [UInt8] = []

  mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func appendText(_ text: [UInt8]) {
    append(UInt64(text.count))
    bytes.append(contentsOf: text)
  }

  mutating func append(_ value: GGUFValue) {
    switch value {
    case .uint8(let value): append(value)
    case .int8(let value): append(value)
    case .uint16(let value): append(value)
    case .int16(let value): append(value)
    case .uint32(let value): append(value)
    case .int32(let value): append(value)
    case .uint64(let value): append(value)
    case .int64(let value): append(value)
    case .float32(let value): append(value.bitPattern)
    case .float64(let value): append(value.bitPattern)
    case .bool(let value): append(UInt8(value ? 1 : 0))
    case .string(let value): appendText(Array(value.utf8))
    case .array(let array):
      append(array.elementType.rawValue)
      append(UInt64(array.count))
      array.encoded.withBytes { bytes.append(contentsOf: $0) }
    }
  }

  mutating func pad(to count: Int) {
    bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
  }
}
