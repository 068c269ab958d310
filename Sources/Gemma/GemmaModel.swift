import Foundation
import Numerics
import Weights

/// The frozen weights of a Gemma 3 text model. Shared by any number of sessions and adapters.
public final class GemmaModel: Sendable {
  /// One decoder layer. Norm gains hold `1 + w`.
  public struct Layer: Sendable {
    /// Before attention. `[hidden]`
    public let inputNorm: FloatBuffer
    /// On the attention's output. `[hidden]`
    public let postAttentionNorm: FloatBuffer
    /// Before the MLP. `[hidden]`
    public let preFeedForwardNorm: FloatBuffer
    /// On the MLP's output. `[hidden]`
    public let postFeedForwardNorm: FloatBuffer
    /// Per query head, before RoPE. `[headDim]`
    public let queryNorm: FloatBuffer
    /// Per key head, before RoPE. `[headDim]`
    public let keyNorm: FloatBuffer
    /// The seven matrices, by `Projection.index`.
    public let projections: [Linear]
    /// Attention sees every earlier position, not only the window.
    public let isGlobal: Bool
  }

  /// Hyper-parameters.
  public let configuration: GemmaConfiguration
  /// File or directory that the weights came from.
  public let path: String
  /// Embedding and, tied, the output head. `[vocabulary, hidden]`
  public let embedding: Linear
  /// Decoder layers in order.
  public let layers: [Layer]
  /// Before the head. `[hidden]`
  public let finalNorm: FloatBuffer

  /// Bytes of weights that one decoded token reads, the head included.
  public var bytesPerToken: Int {
    layers.reduce(embedding.byteCount) { $0 + $1.projections.reduce(0) { $0 + $1.byteCount } }
  }

  /// Number of weights in matrices.
  public var parameterCount: Int {
    layers.reduce(embedding.outputs * embedding.inputs) {
      $0 + $1.projections.reduce(0) { $0 + $1.outputs * $1.inputs }
    }
  }

  /// Loads a GGUF file or a transformers directory (`config.json` beside safetensors).
  ///
  /// - Throws: `WeightsError`, `GemmaError`.
  public static func load(path: String, precision: WeightPrecision = .native) throws -> GemmaModel {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      let directory = try ModelDirectory(path: path)
      let configuration = try GemmaConfiguration(json: directory.configuration, path: path + "/config.json")
      return try GemmaModel(configuration, directory, names: HubNames(directory), precision: precision)
    }
    let gguf = try GGUFFile(path: path)
    return try GemmaModel(GemmaConfiguration(gguf: gguf), gguf, names: GGUFNames(), precision: precision)
  }

  /// Takes the weights over from `source`, whose tensors are named by `names`.
  ///
  /// - Throws: `GemmaError`.
  public init(
    _ configuration: GemmaConfiguration, _ source: any TensorSource, names: any TensorNames,
    precision: WeightPrecision
  ) throws(GemmaError) {
    let c = configuration
    func tensor(_ name: String) throws(GemmaError) -> Tensor {
      guard let tensor = source.tensor(name) else {
        throw .missingTensor(path: source.path, name: name)
      }
      return tensor
    }
    func gain(_ name: String, _ count: Int) throws(GemmaError) -> FloatBuffer {
      let found = try tensor(name)
      guard found.shape == [count] else {
        throw .shape(path: source.path, name: name, expected: [count], found: found.shape)
      }
      let offset: Float = names.normsHoldOnePlus ? 0 : 1
      return FloatBuffer(found.floats().map { $0 + offset })
    }
    self.configuration = c
    path = source.path
    embedding = try Linear(
      tensor(names.embedding), outputs: c.vocabularySize, inputs: c.hiddenSize, precision: precision,
      path: source.path)
    finalNorm = try gain(names.finalNorm, c.hiddenSize)
    var layers: [Layer] = []
    for index in 0..<c.layerCount {
      var projections: [Linear] = []
      for projection in Projection.allCases {
        let shape = projection.shape(c)
        projections.append(
          try Linear(
            tensor(names.projection(projection, layer: index)), outputs: shape.outputs, inputs: shape.inputs,
            precision: precision, path: source.path))
      }
      layers.append(
        Layer(
          inputNorm: try gain(names.norm(.input, layer: index), c.hiddenSize),
          postAttentionNorm: try gain(names.norm(.postAttention, layer: index), c.hiddenSize),
          preFeedForwardNorm: try gain(names.norm(.preFeedForward, layer: index), c.hiddenSize),
          postFeedForwardNorm: try gain(names.norm(.postFeedForward, layer: index), c.hiddenSize),
          queryNorm: try gain(names.norm(.query, layer: index), c.headDim),
          keyNorm: try gain(names.norm(.key, layer: index), c.headDim), projections: projections,
          isGlobal: c.isGlobal[index]))
    }
    self.layers = layers
  }
}
