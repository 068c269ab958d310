import Numerics

/// A model in one GGUF file (version 2 or 3, little-endian), mapped into memory.
///
/// Layout: magic, version, counts; metadata (key, type, value); a description of every tensor (name, extents innermost
/// first, format, offset); the data, every tensor on a border of `general.alignment` bytes.
public final class GGUFFile: TensorSource {
  /// Where the file lies.
  public let path: String
  /// The values by key.
  public let metadata: [String: GGUFValue]
  /// The keys in the order of the file.
  public let metadataKeys: [String]
  /// The names of the tensors in the order of the file.
  public let tensorNames: [String]
  private let tensors: [String: Tensor]
  private let unreadable: [String: String]
  private let file: MappedFile

  /// The family that the model belongs to, such as `gemma3`.
  public var architecture: String? { metadata["general.architecture"]?.stringValue }

  /// Maps the file at `path` and checks every count, length and offset against its size.
  public init(path: String) throws(WeightsError) {
    self.path = path
    let file = try MappedFile(path: path)
    self.file = file
    let contents = try file.withBytes { (bytes) throws(WeightsError) in
      var reader = GGUFReader(bytes: bytes, file: file)
      return try reader.readHeader()
    }
    metadata = contents.metadata
    metadataKeys = contents.keys
    var tensors: [String: Tensor] = [:]
    var unreadable: [String: String] = [:]
    var end = 0
    for entry in contents.tensors.sorted(by: { $0.offset < $1.offset }) {
      func malformed(_ problem: String) -> WeightsError {
        .malformed(path: path, place: "tensor '\(entry.name)'", problem: problem)
      }
      guard let format = BlockFormat(ggmlType: entry.type) else {
        unreadable[entry.name] = "ggml type \(entry.type)"
        continue
      }
      guard let count = Tensor.elementCount(of: entry.shape),
        let byteCount = format.byteCount(elements: count),
        (entry.shape.last ?? 1) % format.blockSize == 0
      else { throw malformed("the shape \(entry.shape) is impossible for \(format.rawValue)") }
      let available = file.byteCount - contents.dataStart
      guard entry.offset <= available, byteCount <= available - entry.offset else {
        throw malformed(
          "its \(byteCount) bytes at data byte \(entry.offset) reach beyond the end of the file")
      }
      guard entry.offset >= end else { throw malformed("overlaps the tensor before it") }
      end = entry.offset + byteCount
      let start = contents.dataStart + entry.offset
      tensors[entry.name] = Tensor(
        name: entry.name, format: format, shape: entry.shape,
        region: ByteRegion(file, start..<(start + byteCount)))
    }
    self.tensors = tensors
    self.unreadable = unreadable
    tensorNames = contents.tensors.lazy.map(\.name).filter { tensors[$0] != nil }
  }

  /// The tensor called `name`, if it is there in a format that is read here.
  public func tensor(_ name: String) -> Tensor? { tensors[name] }

  /// The format of a tensor that is there but not read.
  public func unreadableFormat(of name: String) -> String? { unreadable[name] }

  /// What tells the state of the file from any other.
  public var identity: JSONValue? { file.identity }

  /// The value of `key`, where `%` stands for the architecture: `%.block_count` is `gemma3.block_count`.
  public func value(_ key: String) -> GGUFValue? {
    guard key.hasPrefix("%.") else { return metadata[key] }
    return architecture.flatMap { metadata[$0 + key.dropFirst()] }
  }
}
