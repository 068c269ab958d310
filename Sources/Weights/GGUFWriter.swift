/// Collects metadata and tensors and writes them as a GGUF file of version 3.
public struct GGUFWriter: Sendable {
  /// The border, in bytes, on which every tensor begins.
  static let alignment = 32

  private var pairs: [(key: String, value: GGUFValue)] = []
  private var tensors: [(plan: TensorPlan, ready: OutputTensor?)] = []
  private var names: Set<String> = []

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
    append(tensor.plan)
    tensors[tensors.count - 1].ready = tensor
  }

  /// Adds a tensor that is made when the file is written, so that not all need memory at once.
  ///
  /// - Precondition: it has at most four dimensions, and no other has its name.
  public mutating func append(_ plan: TensorPlan) {
    precondition(plan.shape.count <= 4, "GGUF tensors have at most four dimensions")
    precondition(names.insert(plan.name).inserted, "two tensors are called '\(plan.name)'")
    tensors.append((plan, nil))
  }

  /// Writes the file, which appears whole or not at all.
  ///
  /// - Precondition: all tensors were added with their bytes.
  public func write(to path: String) throws(WeightsError) {
    do {
      try write(to: path) { plan in preconditionFailure("'\(plan.name)' has no bytes") }
    } catch let error as WeightsError {
      throw error
    } catch {
      throw .unwritable(path: path, reason: "\(error)")
    }
  }

  /// Writes the file, which appears whole or not at all; `make` is asked for each tensor that was only planned, in order.
  ///
  /// - Throws: `WeightsError`, and what `make` throws.
  public func write(to path: String, making make: (TensorPlan) throws -> OutputTensor) throws {
    var file = try AtomicFile(path: path)
    try file.append(header())
    for (plan, ready) in tensors {
      let tensor = try ready ?? make(plan)
      precondition(tensor.plan == plan, "'\(tensor.name)' is not what was planned for '\(plan.name)'")
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
    for (plan, _) in tensors {
      encoder.appendText(Array(plan.name.utf8))
      encoder.append(UInt32(plan.shape.count))
      for extent in plan.shape.reversed() { encoder.append(UInt64(extent)) }
      encoder.append(plan.format.ggmlType)
      encoder.append(UInt64(offset))
      offset += Self.padded(plan.byteCount)
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
