import Numerics

extension SafetensorsFile {
  /// Writes `tensors`, in the given order, and `metadata` to `path`; the file appears whole or not at all.
  ///
  /// - Throws: `WeightsError.unsupported` for block formats, which safetensors has no names for.
  public static func write(
    _ tensors: [OutputTensor], metadata: [String: String] = ["format": "pt"], to path: String
  ) throws(WeightsError) {
    var header = JSONObject()
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
      header["__metadata__"] = .object(JSONObject(sorted))
    }
    var end = 0
    for tensor in tensors {
      guard let type = typeName(tensor.format) else {
        throw .unsupported(
          path: path, place: "tensor '\(tensor.name)'",
          problem: "safetensors cannot hold \(tensor.format.rawValue)",
          remedy: "write it as f32, f16 or bf16, or write GGUF")
      }
      let (name, begin) = (tensor.name, end)
      precondition(header[name] == nil, "two tensors are called '\(name)'")
      end += tensor.bytes.count
      header[name] = [
        "dtype": .string(type), "shape": .array(tensor.shape.map { .int($0) }),
        "data_offsets": [.int(begin), .int(end)],
      ]
    }
    var text = JSONValue.object(header).serialized()
    // Readers map the data: spaces after the header keep it on a border of eight bytes.
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    var file = try AtomicFile(path: path)
    try file.append(withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) })
    try file.append(text)
    for tensor in tensors { try file.append(tensor.bytes) }
    try file.commit()
  }

  private static func typeName(_ format: BlockFormat) -> String? {
    switch format {
    case .f32: "F32"
    case .f16: "F16"
    case .bf16: "BF16"
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: nil
    }
  }
}
