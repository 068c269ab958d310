import Testing

@testable import Weights

@Suite("Model directory")
struct ModelDirectoryTests {
  private func tensor(_ name: String) -> OutputTensor {
    OutputTensor(name: name, shape: [2], floats: [1, 2])
  }

  @Test func readsASingleFile() throws {
    let folder = try TemporaryFolder()
    _ = try folder.file("config.json", #"{"model_type":"gemma3_text","hidden_size":64}"#)
    try SafetensorsFile.write([tensor("x")], to: folder.path + "/model.safetensors")
    let model = try ModelDirectory(path: folder.path)
    #expect(model.configuration["hidden_size"]?.intValue == 64)
    #expect(model.tensorNames == ["x"])
    #expect(try model.require("x", shape: [2]).floats() == [1, 2])
  }

  @Test func readsShards() throws {
    let folder = try TemporaryFolder()
    _ = try folder.file("config.json", "{}")
    try SafetensorsFile.write([tensor("x"), tensor("y")], to: folder.path + "/model-1.safetensors")
    try SafetensorsFile.write([tensor("z")], to: folder.path + "/model-2.safetensors")
    _ = try folder.file(
      "model.safetensors.index.json",
      #"{"weight_map":{"x":"model-1.safetensors","z":"model-2.safetensors","y":"model-1.safetensors"}}"#)
    let model = try ModelDirectory(path: folder.path)
    #expect(model.tensorNames == ["x", "z", "y"])
    #expect(model.tensor("z")?.floats() == [1, 2])
  }

  @Test(arguments: [
    #"{"weight_map":{"x":"../model-1.safetensors"}}"#, #"{"weight_map":{"x":"/etc/passwd"}}"#,
    #"{"weight_map":{"missing":"model-1.safetensors"}}"#, #"{"weight_map":{"x":"other.safetensors"}}"#,
    #"{"weight_map":{"x":3}}"#, #"{"weight_map":[]}"#, "{}", "[", "",
  ])
  func refusesIndex(text: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.file("config.json", "{}")
    try SafetensorsFile.write([tensor("x")], to: folder.path + "/model-1.safetensors")
    _ = try folder.file("model.safetensors.index.json", text)
    #expect(throws: WeightsError.self) { try ModelDirectory(path: folder.path) }
  }

  @Test func needsItsConfiguration() throws {
    let folder = try TemporaryFolder()
    try SafetensorsFile.write([tensor("x")], to: folder.path + "/model.safetensors")
    #expect { try ModelDirectory(path: folder.path) } throws: { "\($0)".contains("config.json") }
    _ = try folder.file("config.json", "[]")
    #expect(throws: WeightsError.self) { try ModelDirectory(path: folder.path) }
  }
}
