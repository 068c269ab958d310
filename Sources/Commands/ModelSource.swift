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
  /// The folder, if it is one.
  let directory: ModelDirectory?

  init(path: String) throws {
    self.path = path
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      let directory = try ModelDirectory(path: path)
      configuration = try GemmaConfiguration(json: directory.configuration, path: path + "/config.json")
      tensors = directory
      names = HubNames(configuration, in: directory)
      gguf = nil
      self.directory = directory
      vocabulary = Vocabulary.exists(inDirectory: path) ? try Vocabulary(directory: path) : nil
    } else {
      let file = try GGUFFile(path: path)
      configuration = try GemmaConfiguration(gguf: file)
      tensors = file
      names = GGUFNames()
      gguf = file
      directory = nil
      vocabulary = try Vocabulary(gguf: file)
    }
  }

  /// The tensors that the model consists of; an output head of its own is among them where the file has one.
  var modelTensors: [ModelTensor] {
    let all = configuration.tensors
    guard tensors.tensor(names.name(.head)) != nil,
      let embedding = all.first(where: { $0.role == .embedding })
    else { return all }
    return all + [ModelTensor(role: .head, shape: embedding.shape, kind: .matrix)]
  }

  /// The pieces in which the file stores a tensor, checked for presence and shape.
  func pieces(_ tensor: ModelTensor) throws(WeightsError) -> [Tensor] {
    let shape = names.isStackOfPieces(tensor.role) ? Array(tensor.shape.dropFirst()) : tensor.shape
    var pieces: [Tensor] = []
    for name in names.names(tensor) { pieces.append(try tensors.require(name, shape: shape)) }
    return pieces
  }

  /// Checks that every tensor is there, readable and of the right shape.
  func check() throws {
    for tensor in modelTensors { _ = try pieces(tensor) }
  }

  /// The tokenizer of the model.
  func tokenizer() throws -> Tokenizer {
    try gguf.map { try Tokenizer(gguf: $0) } ?? Tokenizer(directory: path)
  }

  /// How many weights there are.
  var parameterCount: Int { modelTensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }

  /// Bytes of the weights by the format they are stored in.
  func bytesByFormat() throws -> [(format: BlockFormat, bytes: Int)] {
    var bytes: [BlockFormat: Int] = [:]
    for piece in try modelTensors.flatMap({ try pieces($0) }) {
      bytes[piece.format, default: 0] += piece.byteCount
    }
    return bytes.map { ($0.key, $0.value) }.sorted { $0.bytes > $1.bytes }
  }
}
