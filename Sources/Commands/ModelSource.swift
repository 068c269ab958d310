import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// A model in either of its two forms, opened and described but not loaded: a GGUF file or a transformers folder.
struct ModelSource {
  /// One tensor of the model under the names of one form.
  struct Part {
    let name: String
    let shape: [Int]
    let isNorm: Bool
    let isEmbedding: Bool
  }

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
      names = HubNames(directory)
      gguf = nil
      let vocabularyPath = path + "/tokenizer.model"
      vocabulary =
        FileManager.default.fileExists(atPath: vocabularyPath)
        ? try Vocabulary(sentencePieceModel: vocabularyPath) : nil
    } else {
      let file = try GGUFFile(path: path)
      configuration = try GemmaConfiguration(gguf: file)
      tensors = file
      names = GGUFNames()
      gguf = file
      vocabulary = try Vocabulary(gguf: file)
    }
  }

  /// All tensors that the model consists of, under the given names; always in the same order.
  func parts(_ names: any TensorNames) -> [Part] {
    let c = configuration
    func norm(_ name: String, _ count: Int) -> Part {
      Part(name: name, shape: [count], isNorm: true, isEmbedding: false)
    }
    var parts = [
      Part(name: names.embedding, shape: [c.vocabularySize, c.hiddenSize], isNorm: false, isEmbedding: true),
      norm(names.finalNorm, c.hiddenSize),
    ]
    for layer in 0..<c.layerCount {
      for kind in [LayerNorm.input, .postAttention, .preFeedForward, .postFeedForward] {
        parts.append(norm(names.norm(kind, layer: layer), c.hiddenSize))
      }
      for kind in [LayerNorm.query, .key] { parts.append(norm(names.norm(kind, layer: layer), c.headDim)) }
      for projection in Projection.allCases {
        let shape = projection.shape(c)
        parts.append(
          Part(
            name: names.projection(projection, layer: layer), shape: [shape.outputs, shape.inputs],
            isNorm: false,
            isEmbedding: false))
      }
    }
    return parts
  }

  /// Checks that every tensor is there, readable and of the right shape.
  func check() throws {
    for part in parts(names) { _ = try tensors.require(part.name, shape: part.shape) }
  }

  /// How many weights there are.
  var parameterCount: Int { parts(names).reduce(0) { $0 + $1.shape.reduce(1, *) } }

  /// Bytes of the weights by the format they are stored in.
  func bytesByFormat() throws -> [(format: BlockFormat, bytes: Int)] {
    var bytes: [BlockFormat: Int] = [:]
    for part in parts(names) {
      let tensor = try tensors.require(part.name, shape: part.shape)
      bytes[tensor.format, default: 0] += tensor.byteCount
    }
    return bytes.map { ($0.key, $0.value) }.sorted { $0.bytes > $1.bytes }
  }
}
