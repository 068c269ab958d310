/// Walks through the head of a GGUF file; nothing in it is believed before it is checked against the size of the file.
struct GGUFReader {
  struct Contents {
    var metadata: [String: GGUFValue] = [:]
    var keys: [String] = []
    var tensors: [TensorEntry] = []
    var dataStart = 0
  }

  struct TensorEntry {
    let name: String
    let shape: [Int]  // outermost first
    let type: UInt32
    let offset: Int
  }

  private let bytes: UnsafeRawBufferPointer
  private let file: MappedFile
  private var position = 0

  private static let maximumNameBytes = 65_535
  private static let maximumArrayDepth = 4
  private static let leastPairBytes = 8 + 4 + 1
  private static let leastTensorBytes = 8 + 4 + 4 + 8

  init(bytes: UnsafeRawBufferPointer, file: MappedFile) {
    self.bytes = bytes
    self.file = file
  }

  mutating func readHeader() throws(WeightsError) -> Contents {
    let magic = try integer(UInt32.self, "the magic number")
    guard magic == 0x4655_4747 else {
      throw .unsupported(
        path: file.path, place: "byte 0", problem: "not a GGUF file",
        remedy: "name a .gguf file, or a folder with config.json and safetensors")
    }
    let version = try integer(UInt32.self, "the version")
    guard version == 2 || version == 3 else {
      let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
      throw .unsupported(
        path: file.path, place: "byte 4",
        problem: isSwapped ? "GGUF in big-endian order" : "GGUF version \(version)",
        remedy: "convert it to little-endian GGUF of version 3")
    }
    let tensorCount = try count("tensors", leastBytes: Self.leastTensorBytes)
    let pairCount = try count("metadata values", leastBytes: Self.leastPairBytes)
    var contents = Contents()
    for _ in 0..<pairCount { try readPair(into: &contents) }
    let alignment = try alignment(contents.metadata)
    var names: Set<String> = []
    for _ in 0..<tensorCount {
      let start = position
      let entry = try readTensor(alignment: alignment)
      guard names.insert(entry.name).inserted else {
        throw malformed("a second tensor called '\(entry.name)'", at: start)
      }
      contents.tensors.append(entry)
    }
    contents.dataStart = (position + alignment - 1) / alignment * alignment
    guard contents.dataStart <= bytes.count || contents.tensors.isEmpty else {
      throw malformed("the file ends where the data of the tensors should begin")
    }
    return contents
  }

  private func alignment(_ metadata: [String: GGUFValue]) throws(WeightsError) -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard let alignment = value.intValue, (1...(1 << 20)).contains(alignment),
      alignment & (alignment - 1) == 0
    else {
      throw .malformed(
        path: file.path, place: "general.alignment", problem: "not a power of two up to 1048576")
    }
    return alignment
  }
}

// MARK: - Metadata and tensors

extension GGUFReader {
  private mutating func readPair(into contents: inout Contents) throws(WeightsError) {
    let start = position
    let key = try text("a metadata key", limit: Self.maximumNameBytes)
    let type = try type("the value of '\(key)'")
    let value = try value(type, key)
    guard contents.metadata.updateValue(value, forKey: key) == nil else {
      throw malformed("a second value for '\(key)'", at: start)
    }
    contents.keys.append(key)
  }

  private mutating func readTensor(alignment: Int) throws(WeightsError) -> TensorEntry {
    let name = try text("the name of a tensor", limit: Self.maximumNameBytes)
    let place = "tensor '\(name)'"
    let dimensions = try integer(UInt32.self, place)
    guard dimensions <= 4 else {
      throw malformed("\(place) has \(dimensions) dimensions, at most 4 are possible")
    }
    var shape: [Int] = []
    for _ in 0..<dimensions {
      let extent = try integer(UInt64.self, place)
      guard let size = Int(exactly: extent) else { throw malformed("\(place) has an extent of \(extent)") }
      shape.append(size)
    }
    let type = try integer(UInt32.self, place)
    let offset = try integer(UInt64.self, place)
    guard let start = Int(exactly: offset), start % alignment == 0 else {
      throw malformed("\(place) begins at data byte \(offset), which is not on a border of \(alignment)")
    }
    return TensorEntry(name: name, shape: shape.reversed(), type: type, offset: start)
  }

  private mutating func type(_ place: String) throws(WeightsError) -> GGUFType {
    let number = try integer(UInt32.self, place)
    guard let type = GGUFType(rawValue: number) else {
      throw malformed("\(place) has the unknown type \(number)")
    }
    return type
  }

  private mutating func value(_ type: GGUFType, _ key: String) throws(WeightsError) -> GGUFValue {
    switch type {
    case .string: return .string(try text("the value of '\(key)'", limit: bytes.count))
    case .array: return .array(try array(key, depth: 1))
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .float32, .float64, .bool:
      let start = try advance(type.leastByteCount, "the value of '\(key)'")
      guard let value = GGUFValue(fixed: type, bytes, at: start) else {
        throw malformed("'\(key)' is neither true nor false", at: start)
      }
      return value
    }
  }

  private mutating func array(_ key: String, depth: Int) throws(WeightsError) -> GGUFArray {
    let type = try type("the array '\(key)'")
    let count = try count("elements of '\(key)'", leastBytes: type.leastByteCount)
    let start = position
    switch type {
    case .string:
      for _ in 0..<count {
        let length = try integer(UInt64.self, "the array '\(key)'")
        guard let length = Int(exactly: length) else {
          throw malformed("a text of \(length) bytes in '\(key)'")
        }
        _ = try advance(length, "a text in '\(key)'")
      }
    case .array:
      guard depth < Self.maximumArrayDepth else { throw malformed("'\(key)' is nested too deeply") }
      for _ in 0..<count { _ = try array(key, depth: depth + 1) }
    case .bool:
      _ = try advance(count, "the array '\(key)'")
      guard bytes[start..<position].allSatisfy({ $0 <= 1 }) else {
        throw malformed("'\(key)' holds values that are neither true nor false", at: start)
      }
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .float32, .float64:
      // `count` has checked that this many elements fit into the file, so the product cannot overflow.
      _ = try advance(count * type.leastByteCount, "the array '\(key)'")
    }
    return GGUFArray(elementType: type, count: count, encoded: ByteRegion(file, start..<position))
  }
}

// MARK: - Primitives

extension GGUFReader {
  private func malformed(_ problem: String, at offset: Int? = nil) -> WeightsError {
    .malformed(path: file.path, place: "byte \(offset ?? position)", problem: problem)
  }

  /// Steps over `count` bytes and returns where they begin.
  private mutating func advance(_ count: Int, _ what: @autoclosure () -> String) throws(WeightsError) -> Int {
    guard count >= 0, count <= bytes.count - position else {
      throw malformed(
        "the file ends within \(what()) (\(count) bytes expected, \(bytes.count - position) left)")
    }
    defer { position += count }
    return position
  }

  private mutating func integer<Integer: FixedWidthInteger>(
    _: Integer.Type, _ what: @autoclosure () -> String
  ) throws(WeightsError) -> Integer {
    let start = try advance(MemoryLayout<Integer>.size, what())
    return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: Integer.self))
  }

  /// A count of things of which each takes at least `leastBytes`, so that it cannot be larger than the file allows.
  private mutating func count(_ what: String, leastBytes: Int) throws(WeightsError) -> Int {
    let start = position
    let number = try integer(UInt64.self, "the number of \(what)")
    guard let count = Int(exactly: number), count <= (bytes.count - position) / leastBytes else {
      throw malformed("\(number) \(what) are more than the file can hold", at: start)
    }
    return count
  }

  private mutating func text(_ what: String, limit: Int) throws(WeightsError) -> String {
    let start = position
    let number = try integer(UInt64.self, what)
    guard let length = Int(exactly: number), length <= limit else {
      throw malformed("\(what) is \(number) bytes long", at: start)
    }
    let begin = try advance(length, what)
    guard let text = String(validating: bytes[begin..<(begin + length)], as: UTF8.self) else {
      throw malformed("\(what) is not valid UTF-8", at: begin)
    }
    return text
  }
}
