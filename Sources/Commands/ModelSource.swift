import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// A model in either of its two forms, opened and described but not loaded: a GGUF file or a transformers folder.
struct ModelSource {
  let path: String
  let configuration: GemmaConfiguration
  let tensors: any TensorSource
  let names: any TensorNames
  /// The vocabulary; a folder may lack it.
  let vocabulary: Vocabulary?
  /// The GGUF file, if it is one.
  let gguf: GGUFFile?

  init(path: String) throws {
    self.path = path
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      let directory = try ModelDirectory(path: path)
      configuration = try GemmaConfiguration(json: directory.configuration, path: path + "/config.json")
      tensors = directory
      names = HubNames(configuration, in: directory)
      gguf = nil
      vocabulary = Vocabulary.exists(inDirectory: path) ? try Vocabulary(directory: path) : nil
    } else {
      let file = try GGUFFile(path: path)
      configuration = try GemmaConfiguration(gguf: file)
      tensors = file
      names = GGUFNames()
      gguf = file
      vocabulary = try Vocabulary(gguf: file)
    }
  }

  /// Checks that every tensor is there, readable and of the right shape.
  func check() throws {
    for tensor in configuration.tensors { _ = try tensors.require(tensor, names: names) }
  }

  /// How many weights there are.
  var parameterCount: Int { configuration.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }

  /// Bytes of the weights by the format they are stored in.
  func bytesByFormat() throws -> [(format: BlockFormat, bytes: Int)] {
    var bytes: [BlockFormat: Int] = [:]
    for part in configuration.tensors {
      let tensor = try tensors.require(part, names: names)
      bytes[tensor.format, default: 0] += tensor.byteCount
    }
    return bytes.map { ($0.key, $0.value) }.sorted { $0.bytes > $1.bytes }
  }
}
