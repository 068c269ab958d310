import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// The metadata of a GGUF file for a model: copied from a GGUF file, or made from a configuration.
struct GGUFMetadata {
  let source: ModelSource
  /// Whether the weights become others, so that the file is a model of its own.
  let isChanged: Bool

  func writer(name: String, fileType: BlockFormat?) throws -> GGUFWriter {
    var file = GGUFWriter(architecture: source.configuration.generation.rawValue)
    if let gguf = source.gguf {
      for key in gguf.metadataKeys { file[key] = gguf.metadata[key] }
      // Written files always use the usual border.
      file["general.alignment"] = nil
      if isChanged { file["general.name"] = .string(name) }
      addMissingHoleTokens(to: &file)
    } else {
      file["general.type"] = .string("model")
      file["general.name"] = .string(name)
      for (key, value) in try configurationPairs() { file[key] = value }
      try addVocabulary(to: &file)
    }
    if let fileType {
      file["general.file_type"] = .uint32(Self.number(of: fileType))
      file["general.quantization_version"] = .uint32(2)
    }
    return file
  }

  private func configurationPairs() throws -> [(key: String, value: GGUFValue)] {
    do {
      return try source.configuration.ggufMetadata()
    } catch .configuration(_, let key, let problem) {
      throw GemmaError.configuration(path: source.path, key: key, problem: problem)
    }
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

  /// llama.cpp's converter names the tokens of fill-in-the-middle prompts for Gemma 1 only; `/infill` needs them.
  private func addMissingHoleTokens(to file: inout GGUFWriter) {
    guard let vocabulary = source.vocabulary else { return }
    var own = GGUFWriter(architecture: "")
    vocabulary.write(to: &own)
    for part in ["pre", "suf", "mid", "sep"] {
      let key = "tokenizer.ggml.fim_\(part)_token_id"
      if file[key] == nil { file[key] = own[key] }
    }
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
