import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// The metadata of a GGUF file for a model: copied from a GGUF file, or made from a configuration.
struct GGUFMetadata {
  let source: ModelSource

  func writer(name: String, fileType: BlockFormat?) throws -> GGUFWriter {
    var file = GGUFWriter(architecture: source.configuration.generation.rawValue)
    if let gguf = source.gguf {
      for key in gguf.metadataKeys { file[key] = gguf.metadata[key] }
      // Written files always use the usual border.
      file["general.alignment"] = nil
    } else {
      file["general.type"] = .string("model")
      file["general.name"] = .string(name)
      do {
        for (key, value) in try source.configuration.ggufMetadata() { file[key] = value }
      } catch {
        throw Failure("\(source.path): \(error); use it as a folder")
      }
      try addVocabulary(to: &file)
    }
    if let fileType {
      file["general.file_type"] = .uint32(Self.number(of: fileType))
      file["general.quantization_version"] = .uint32(2)
    }
    return file
  }

  private func addVocabulary(to file: inout GGUFWriter) throws {
    guard var vocabulary = source.vocabulary else {
      throw Failure(
        "\(source.path) has neither tokenizer.model nor tokenizer.json, without which a GGUF file is of no use; "
          + "put one of them there")
    }
    guard vocabulary.count <= source.configuration.vocabularySize else {
      throw Failure(
        "\(source.path): the vocabulary has \(vocabulary.count) pieces, the model only "
          + "\(source.configuration.vocabularySize) embeddings; the two do not belong together")
    }
    vocabulary.pad(to: source.configuration.vocabularySize)
    vocabulary.write(to: &file)
  }

  /// The `general.file_type` of files whose matrices mostly have the format.
  private static func number(of format: BlockFormat) -> UInt32 {
    switch format {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q8_0: 7
    case .q5_0: 8
    case .q5_1: 9
    case .q4_K: 15
    case .q5_K: 17
    case .q6_K: 18
    case .bf16: 32
    }
  }
}

extension GemmaConfiguration {
  /// The `config.json` of a transformers folder, with the keys of published checkpoints.
  func hubConfiguration(type: BlockFormat, vocabulary: Vocabulary?) -> JSONValue {
    let dataType =
      switch type {
      case .f16: "float16"
      case .bf16: "bfloat16"
      case .f32, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: "float32"
      }
    func token(_ token: Int32?) -> JSONValue { token.map { .int(Int($0)) } ?? .null }
    var json = hubConfiguration()
    json["bos_token_id"] = token(vocabulary?.beginToken ?? 2)
    json["eos_token_id"] = token(vocabulary?.endToken ?? 1)
    json["pad_token_id"] = token(vocabulary.map(\.padToken) ?? 0)
    json["torch_dtype"] = .string(dataType)
    return .object(json)
  }
}
