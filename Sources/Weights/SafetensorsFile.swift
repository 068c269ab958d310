import Numerics

/// A file of tensors in the safetensors format, mapped into memory.
///
/// Layout: eight bytes with the length of the header, the header (JSON), the bytes of all tensors without gaps.
public final class SafetensorsFile: TensorSource {
  /// Where the file lies.
  public let path: String
  /// The free-text notes of the header.
  public let metadata: [String: String]
  /// The names of the tensors in the order of their bytes.
  public let tensorNames: [String]
  private let tensors: [String: Tensor]
  private let unreadable: [String: String]
  private let raw: [String: RawTensor]
  private let file: MappedFile

  /// The largest header read, as in the reference implementation.
  static let maximumHeaderBytes = 100_000_000

  /// Maps the file at `path` and checks its whole header: that lengths agree with shapes, and that the tensors cover
  /// the rest of the file without gap or overlap.
  public init(path: String) throws(WeightsError) {
    self.path = path
    let file = try MappedFile(path: path)
    self.file = file
    let headerBytes = try Self.headerBytes(file)
    let header: JSONValue
    do {
      header = try JSONValue(parsing: headerBytes)
    } catch {
      throw .malformed(path: path, place: "the header", problem: "\(error)")
    }
    guard let members = header.objectValue else {
      throw .malformed(path: path, place: "the header", problem: "not a JSON object")
    }
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    for (name, value) in members {
      if name == "__metadata__" {
        metadata = try Self.metadata(value, path)
      } else {
        entries.append(try Entry(name: name, value: value, path: path))
      }
    }
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    let dataStart = 8 + headerBytes.count
    try Self.checkCoverage(entries, byteCount: file.byteCount - dataStart, path)
    var tensors: [String: Tensor] = [:]
    var unreadable: [String: String] = [:]
    var raw: [String: RawTensor] = [:]
    for entry in entries {
      let range = (dataStart + entry.range.lowerBound)..<(dataStart + entry.range.upperBound)
      raw[entry.name] = RawTensor(
        name: entry.name, type: entry.type.name, shape: entry.shape, region: ByteRegion(file, range))
      guard let format = entry.type.format else {
        unreadable[entry.name] = entry.type.name
        continue
      }
      tensors[entry.name] = Tensor(
        name: entry.name, format: format, shape: entry.shape, region: ByteRegion(file, range))
    }
    self.metadata = metadata
    self.tensors = tensors
    self.unreadable = unreadable
    self.raw = raw
    tensorNames = entries.lazy.map(\.name).filter { tensors[$0] != nil }
  }

  /// The tensor called `name`, if it is there in a format that is read here.
  public func tensor(_ name: String) -> Tensor? { tensors[name] }

  /// The data type of a tensor that is there but not read, such as one of integers.
  public func unreadableFormat(of name: String) -> String? { unreadable[name] }

  /// The tensor called `name` as it is stored, whatever its type.
  public func rawTensor(_ name: String) -> RawTensor? { raw[name] }

  /// What tells the state of the file from any other.
  public var identity: JSONValue? { file.identity }

  private static func headerBytes(_ file: MappedFile) throws(WeightsError) -> [UInt8] {
    try file.withBytes { (bytes) throws(WeightsError) -> [UInt8] in
      guard bytes.count >= 8 else {
        throw .malformed(path: file.path, place: "byte 0", problem: "too short for a safetensors file")
      }
      let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      guard length <= UInt64(maximumHeaderBytes), length <= UInt64(bytes.count - 8) else {
        throw .malformed(
          path: file.path, place: "byte 0",
          problem: "the header is said to take \(length) bytes, the file has \(bytes.count)")
      }
      guard length > 0, bytes[8] == UInt8(ascii: "{") else {
        throw .malformed(path: file.path, place: "byte 8", problem: "no JSON header; not a safetensors file")
      }
      return [UInt8](bytes[8..<(8 + Int(length))])
    }
  }

  private static func metadata(_ value: JSONValue, _ path: String) throws(WeightsError) -> [String: String] {
    guard let members = value.objectValue else {
      throw .malformed(path: path, place: "__metadata__", problem: "not an object")
    }
    var metadata: [String: String] = [:]
    for (key, value) in members {
      guard let text = value.stringValue else {
        throw .malformed(path: path, place: "__metadata__", problem: "'\(key)' is not text")
      }
      metadata[key] = text
    }
    return metadata
  }

  private static func checkCoverage(_ entries: [Entry], byteCount: Int, _ path: String) throws(WeightsError) {
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let problem =
          entry.range.lowerBound < end ? "overlaps the tensor before it" : "does not follow the one before"
        throw .malformed(
          path: path, place: "tensor '\(entry.name)'",
          problem: "begins at data byte \(entry.range.lowerBound), expected \(end): \(problem)")
      }
      end = entry.range.upperBound
    }
    guard end == byteCount else {
      throw .malformed(
        path: path, place: "the data", problem: "the tensors take \(end) bytes, the file holds \(byteCount)")
    }
  }
}

/// What the header says about one tensor.
private struct Entry {
  let name: String
  let type: ElementType
  let shape: [Int]
  let range: Range<Int>

  init(name: String, value: JSONValue, path: String) throws(WeightsError) {
    func malformed(_ problem: String) -> WeightsError {
      .malformed(path: path, place: "tensor '\(name)'", problem: problem)
    }
    guard let typeName = value["dtype"]?.stringValue else { throw malformed("no dtype") }
    guard let type = ElementType(name: typeName) else { throw malformed("unknown dtype '\(typeName)'") }
    guard let extents = value["shape"]?.arrayValue else { throw malformed("no shape") }
    let shape = extents.compactMap(\.intValue)
    guard shape.count == extents.count, let count = Tensor.elementCount(of: shape) else {
      throw malformed("the shape is not a list of sizes, or too large")
    }
    let (bits, overflows) = count.multipliedReportingOverflow(by: type.bits)
    guard !overflows, bits % 8 == 0 else { throw malformed("the shape \(shape) is too large") }
    guard let offsets = value["data_offsets"]?.arrayValue, offsets.count == 2,
      let begin = offsets[0].intValue, let end = offsets[1].intValue, begin >= 0, end >= begin
    else { throw malformed("data_offsets is not a beginning and an end") }
    guard end - begin == bits / 8 else {
      throw malformed("\(end - begin) bytes for shape \(shape) of \(typeName), which takes \(bits / 8)")
    }
    self.name = name
    self.type = type
    self.shape = shape
    range = begin..<end
  }
}

/// The data types of safetensors.
private struct ElementType {
  let name: String
  let bits: Int
  let format: BlockFormat?

  init?(name: String) {
    self.name = name
    switch name {
    case "F32": (bits, format) = (32, .f32)
    case "F16": (bits, format) = (16, .f16)
    case "BF16": (bits, format) = (16, .bf16)
    case "F64", "I64", "U64", "C64": (bits, format) = (64, nil)
    case "I32", "U32": (bits, format) = (32, nil)
    case "I16", "U16": (bits, format) = (16, nil)
    case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0": (bits, format) = (8, nil)
    case "F4": (bits, format) = (4, nil)
    default: return nil
    }
  }
}
