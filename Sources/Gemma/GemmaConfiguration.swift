/// A Gemma text model of any generation, described so that one forward pass can read it: what holds for the whole model,
/// and a description of each layer.
///
/// Read from a transformers `config.json` (`init(json:path:)`) or from GGUF metadata (`init(gguf:)`); each
/// generation's own file says what it makes of them.
public struct GemmaConfiguration: Sendable, Equatable {
  /// The published generations; the raw value is llama.cpp's name of the architecture.
  public enum Generation: String, Sendable, CaseIterable {
    /// Gemma 1 and CodeGemma.
    case gemma
    /// Gemma 2.
    case gemma2
    /// Gemma 3, text or the language tower of a multimodal model.
    case gemma3
    /// Gemma 3n.
    case gemma3n
    /// Gemma 4: dense, E-sizes and mixture of experts.
    case gemma4
  }

  /// Whether a checkpoint of transformers stores a norm's gain as it is.
  public enum NormForm: Sendable {
    /// The gain is `1 + w`.
    case onePlusWeight
    /// The gain is `w`.
    case weight
  }

  /// Embeddings that every layer receives anew for each token.
  public struct PerLayerInput: Sendable, Equatable {
    /// Width for one layer.
    public var size: Int
    /// Rows of the table; tokens beyond it take row 0.
    public var vocabularySize: Int
  }

  /// Alternating updates (Baykal et al. 2023): several residual streams, of which one goes through the layer.
  public struct AlternatingUpdates: Sendable, Equatable {
    /// Number of streams.
    public var streams: Int
    /// The stream that goes through the layers.
    public var active: Int
    /// Correction coefficients are clamped to this amplitude.
    public var coefficientClip: Float?
    /// The corrected active stream is scaled before it gates the per-layer input.
    public var scalesCorrection: Bool
  }

  /// The generation, for names and metadata; the forward pass does not ask for it.
  public var generation: Generation
  /// Residual stream width.
  public var hiddenSize: Int
  /// Rows of the embedding, which is also the output head.
  public var vocabularySize: Int
  /// Longest sequence of positions.
  public var maxPositions: Int
  /// RMSNorm epsilon.
  public var epsilon: Float
  /// How transformers checkpoints store norm gains.
  public var normForm: NormForm
  /// Logits become `cap · tanh(logit / cap)`.
  public var finalLogitCap: Float?
  /// Per-layer embeddings (Gemma 3n, Gemma 4 E).
  public var perLayerInput: PerLayerInput?
  /// Several residual streams (Gemma 3n).
  public var alternatingUpdates: AlternatingUpdates?
  /// Inner width of the learned augmented residual layers (Gemma 3n).
  public var laurelRank: Int?
  /// Decoder layers in order.
  public var layers: [LayerDescription]

  /// Embedding rows are multiplied by this: the root of the width, in f32 whatever the weights' format.
  public var embeddingScale: Float { Float(hiddenSize).squareRoot() }
  /// Decoder layers.
  public var layerCount: Int { layers.count }

  /// Creates a description of layers without the additions of Gemma 3n and 4.
  public init(
    generation: Generation, hiddenSize: Int, vocabularySize: Int, maxPositions: Int, epsilon: Float = 1e-6,
    layers: [LayerDescription]
  ) {
    self.generation = generation
    self.hiddenSize = hiddenSize
    self.vocabularySize = vocabularySize
    self.maxPositions = maxPositions
    self.epsilon = epsilon
    self.layers = layers
    switch generation {
    case .gemma, .gemma2, .gemma3: normForm = .onePlusWeight
    case .gemma3n, .gemma4: normForm = .weight
    }
  }

  /// `(outputs, inputs)` of a projection, nil where the layer has none.
  public func shape(_ projection: Projection, layer: Int) -> (outputs: Int, inputs: Int)? {
    layers[layer].shape(projection, hiddenSize: hiddenSize)
  }
}
