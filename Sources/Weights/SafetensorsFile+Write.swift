import Numerics

extension SafetensorsFile {
  /// Writes `tensors`, in the given order, and `metadata` to `path`; the file appears whole or not at all.
  ///
  /// - Throws: `WeightsError.unsupported` for block formats, which safetensors has no names for.
  public static func write(
    _ tensors: [OutputTensor], metadata: [String: String] = ["format": "pt"], to path: String
  ) throws(WeightsError) {
    var rest = tensors[...]
    do {
      try write(tensors.map(\.plan), metadata: metadata, to: path) { _ in rest.removeFirst() }
    } catch let error as WeightsError {
      throw error
    } catch {
      throw .unwritable(path: path, reason: "\(error)")
    }
  }

  /// Writes the planned tensors, for which `make` is asked in order, so that not all need memory at once.
  ///
  /// - Throws: `WeightsError`, and what `make` throws.
  public static func write(
    _ plans: [TensorPlan], metadata: [String: String] = ["format": "pt"], to path: String,
    making make: (TensorPlan) throws -> OutputTensor
  ) throws {
    let text = try header(plans, metadata, path)
    var file = try AtomicFile(path: path)
    try file.append(withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) })
    try file.append(text)
    for plan in plans {
      let tensor = try make(plan)
      precondition(tensor.plan == plan, "'\(tensor.name)' is not what was planned for '\(plan.name)'")
      try file.append(tensor.bytes)
    }
    try file.commit()
  }

  private static func header(
    _ plans: [TensorPlan], _ metadata: [String: String], _ path: String
  ) throws(WeightsError) -> [UInt8] {
    var header = JSONObject()
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
      header["__metadata__"] = .object(JSONObject(sorted))
    }
    var end = 0
    for plan in plans {
      guard let type = typeName(plan.format) else {
        throw .unsupported(
          path: path, place: "tensor '\(plan.name)'",
          problem: "safetensors cannot hold \(plan.format.rawValue)",
          remedy: "write it as f32, f16 or bf16, or write GGUF")
      }
      let begin = end
      precondition(header[plan.name] == nil, "two tensors are called '\(plan.name)'")
      end += plan.byteCount
      header[plan.name] = [
        "dtype": .string(type), "shape": .array(plan.shape.map { .int($0) }),
        "data_offsets": [.int(begin), .int(end)],
      ]
    }
    var text = JSONValue.object(header).serialized()
    // Readers map the data: spaces after the header keep it on a border of eight bytes.
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    return text
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
