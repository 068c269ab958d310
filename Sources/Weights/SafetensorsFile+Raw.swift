/// A tensor as a safetensors file stores it: for types that are no weights, such as integers.
public struct RawTensor: Sendable {
  /// The name in the file.
  public let name: String
  /// The name of the element type, such as "I32".
  public let type: String
  /// The extents, outermost first.
  public let shape: [Int]
  /// The elements, little-endian.
  public let region: ByteRegion

  /// Creates a tensor.
  public init(name: String, type: String, shape: [Int], region: ByteRegion) {
    self.name = name
    self.type = type
    self.shape = shape
    self.region = region
  }

  /// A row of numbers in memory.
  public init(name: String, type: String, _ numbers: [some BitwiseCopyable]) {
    // Every machine that this runs on is little-endian, as the format is.
    self.init(
      name: name, type: type, shape: [numbers.count],
      region: ByteRegion(numbers.withUnsafeBytes { [UInt8]($0) }))
  }
}

extension SafetensorsFile {
  /// Writes tensors as they are; the file appears whole or not at all.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public static func write(
    _ tensors: [RawTensor], metadata: [String: String], to path: String
  ) throws(WeightsError) {
    var header = JSONObject()
    header["__metadata__"] = .object(
      JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }))
    var end = 0
    for tensor in tensors {
      precondition(header[tensor.name] == nil, "two tensors are called '\(tensor.name)'")
      header[tensor.name] = [
        "dtype": .string(tensor.type), "shape": .array(tensor.shape.map { .int($0) }),
        "data_offsets": [.int(end), .int(end + tensor.region.count)],
      ]
      end += tensor.region.count
    }
    var text = JSONValue.object(header).serialized()
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    var file = try AtomicFile(path: path)
    try file.append(withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) })
    try file.append(text)
    for tensor in tensors {
      try tensor.region.withBytes { (bytes) throws(WeightsError) in try file.append(bytes) }
    }
    try file.commit()
  }
}
