import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// The metadata of a GGUF file for a model: copied from a GGUF file, or made from a configuration.
struct GGUFMetadata {
  let source: ModelSource

  func writer(name: String, fileType: BlockFormat?) throws -> GGUFWriter {
    var file = GGUFWriter(architecture: "gemma3")
    if let gguf = source.gguf {
      for key in gguf.metadataKeys { file[key] = gguf.metadata[key] }
      // Written files always use the usual border.
      file["general.alignment"] = nil
    } else {
      file["general.type"] = .string("model")
      file["general.name"] = .string(name)
      try addConfiguration(to: &file)
      try addVocabulary(to: &file)
    }
    if let fileType {
      file["general.file_type"] = .uint32(Self.number(of: fileType))
      file["general.quantization_version"] = .uint32(2)
    }
    return file
  }

  private func addConfiguration(to file: inout GGUFWriter) throws {
    let c = source.configuration
    guard let period = Self.period(of: c.isGlobal) else {
      throw Failure(
        "\(source.path): its global layers do not come at regular distances, which GGUF cannot say for gemma3; "
          + "use it as a folder")
    }
    let integers = [
      "context_length": c.maxPositions, "embedding_length": c.hiddenSize, "block_count": c.layerCount,
      "feed_forward_length": c.intermediateSize, "attention.head_count": c.headCount,
      "attention.head_count_kv": c.keyValueHeadCount, "attention.key_length": c.headDim,
      "attention.value_length": c.headDim, "attention.sliding_window": c.window,
      "attention.sliding_window_pattern": period, "vocab_size": c.vocabularySize,
    ]
    for (key, value) in integers.sorted(by: { $0.key < $1.key }) {
      file["gemma3." + key] = .uint32(UInt32(value))
    }
    file["gemma3.attention.layer_norm_rms_epsilon"] = .float32(c.epsilon)
    file["gemma3.rope.freq_base"] = .float32(Float(c.globalRopeBase))
    file["gemma3.rope.freq_base_swa"] = .float32(Float(c.localRopeBase))
    if c.globalRopeFactor != 1 {
      file["gemma3.rope.scaling.type"] = .string("linear")
      file["gemma3.rope.scaling.factor"] = .float32(Float(c.globalRopeFactor))
    }
    let scalar = c.queryScalar
    if scalar != Double(c.headDim) {
      // llama.cpp knows only the usual value, 1/√headDim; this key is Gemfill's.
      file["gemma3.attention.query_pre_attn_scalar"] = .uint32(UInt32(scalar.rounded()))
    }
  }

  private func addVocabulary(to file: inout GGUFWriter) throws {
    guard var vocabulary = source.vocabulary else {
      throw Failure(
        "\(source.path) has no tokenizer.model, without which a GGUF file is of no use; put it there")
    }
    guard vocabulary.count <= source.configuration.vocabularySize else {
      throw Failure(
        "\(source.path): tokenizer.model has \(vocabulary.count) pieces, the model only "
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

  /// The distance of global layers, counted so that the last layer of each period is global.
  static func period(of isGlobal: [Bool]) -> Int? {
    (1...(isGlobal.count + 1)).first { period in
      isGlobal.indices.allSatisfy { isGlobal[$0] == (($0 + 1) % period == 0) }
    }
  }
}

extension GemmaConfiguration {
  /// `query_pre_attn_scalar`: the attention scale is its inverse square root.
  fileprivate var queryScalar: Double {
    let scalar = 1 / (Double(attentionScale) * Double(attentionScale))
    return abs(scalar - scalar.rounded()) < 1e-3 * scalar ? scalar.rounded() : scalar
  }

  /// The `config.json` of a transformers folder, with the keys of published checkpoints.
  func hubConfiguration(type: BlockFormat, vocabulary: Vocabulary?) -> JSONValue {
    let dataType =
      switch type {
      case .f16: "float16"
      case .bf16: "bfloat16"
      case .f32, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: "float32"
      }
    func token(_ token: Int32?) -> JSONValue { token.map { .int(Int($0)) } ?? .null }
    return [
      "architectures": ["Gemma3ForCausalLM"],
      "attention_bias": false,
      "attention_dropout": 0.0,
      "bos_token_id": token(vocabulary?.beginToken ?? 2),
      "eos_token_id": token(vocabulary?.endToken ?? 1),
      "head_dim": .int(headDim),
      "hidden_activation": "gelu_pytorch_tanh",
      "hidden_size": .int(hiddenSize),
      "initializer_range": 0.02,
      "intermediate_size": .int(intermediateSize),
      "layer_types": .array(isGlobal.map { $0 ? "full_attention" : "sliding_attention" }),
      "max_position_embeddings": .int(maxPositions),
      "model_type": "gemma3_text",
      "num_attention_heads": .int(headCount),
      "num_hidden_layers": .int(layerCount),
      "num_key_value_heads": .int(keyValueHeadCount),
      "pad_token_id": token(vocabulary.map(\.padToken) ?? 0),
      "query_pre_attn_scalar": Int(exactly: queryScalar).map { .int($0) } ?? .double(queryScalar),
      "rms_norm_eps": .double(Double("\(epsilon)") ?? Double(epsilon)),
      "rope_local_base_freq": .double(localRopeBase),
      "rope_scaling": globalRopeFactor == 1
        ? .null : ["rope_type": "linear", "factor": .double(globalRopeFactor)],
      "rope_theta": .double(globalRopeBase),
      "sliding_window": .int(window),
      "sliding_window_pattern": GGUFMetadata.period(of: isGlobal).map { .int($0) } ?? .null,
      "tie_word_embeddings": true,
      "torch_dtype": .string(dataType),
      "use_cache": true,
      "vocab_size": .int(vocabularySize),
    ]
  }
}
