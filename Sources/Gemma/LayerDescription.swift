/// Everything in which one decoder layer of a Gemma model may differ from another.
///
/// The plain values are Gemma 1's; each later generation sets what it adds. Shapes are in `ModelTensor`.
public struct LayerDescription: Sendable, Equatable, BitwiseCopyable {
  /// Rotary position embedding (Su et al. 2021) of a layer.
  public struct Rotary: Sendable, Hashable, BitwiseCopyable {
    /// Base of the geometric series of frequencies.
    public var base: Double
    /// Positions are divided by this (linear scaling).
    public var factor: Double
    /// Share of the pairs of a head that rotate, the fastest ones; the others keep their values ("proportional").
    public var fraction: Double

    /// Creates the parameters of a layer whose heads rotate as a whole.
    public init(base: Double, factor: Double = 1, fraction: Double = 1) {
      self.base = base
      self.factor = factor
      self.fraction = fraction
    }
  }

  /// A mixture of experts beside the dense MLP.
  public struct Experts: Sendable, Equatable, BitwiseCopyable {
    /// How many there are.
    public var count: Int
    /// How many each token uses.
    public var active: Int
    /// Width of one expert's gated MLP.
    public var intermediateSize: Int

    /// Creates the sizes of a mixture.
    public init(count: Int, active: Int, intermediateSize: Int) {
      self.count = count
      self.active = active
      self.intermediateSize = intermediateSize
    }
  }

  /// Sliding window: a token sees itself and the `window - 1` before it; nil where attention is global.
  public var window: Int?
  /// Query heads.
  public var headCount: Int
  /// Key/value heads; divides `headCount`.
  public var keyValueHeadCount: Int
  /// Width of one head; even.
  public var headDim: Int
  /// Scores are multiplied by this before the softmax.
  public var attentionScale: Float
  /// Scores become `cap · tanh(score / cap)` before the mask.
  public var attentionCap: Float?
  /// Position embedding of queries and keys.
  public var rotary: Rotary
  /// Query and key heads are normed, with gains, before they are rotated.
  public var normsQueriesAndKeys = false
  /// Value heads are normed, without gains.
  public var normsValues = false
  /// There is no value projection: the values are what the key projection puts out, before norm and rotation.
  public var valuesAreKeys = false
  /// The earlier layer whose keys and values this one reads; it has none of its own then.
  public var sharesKeysOf: Int?
  /// Width of the gated MLP.
  public var intermediateSize: Int
  /// Gate values below `mean + cutoff · standard deviation` of their row become 0 (and the others lose it).
  public var sparsityCutoff: Float?
  /// The mixture of experts beside the dense MLP.
  public var experts: Experts?
  /// Attention and MLP outputs are normed before they are added to the residual stream.
  public var hasOutputNorms = false
  /// The layer's output is multiplied by a stored scalar.
  public var hasScalar = false

  /// Creates a layer as Gemma 1 has it.
  public init(
    headCount: Int, keyValueHeadCount: Int, headDim: Int, intermediateSize: Int, attentionScale: Float,
    rotary: Rotary
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDim = headDim
    self.intermediateSize = intermediateSize
    self.attentionScale = attentionScale
    self.rotary = rotary
  }

  /// Attention sees every earlier position.
  public var isGlobal: Bool { window == nil }
  /// Width of all query heads together.
  public var queryWidth: Int { headCount * headDim }
  /// Width of all key (or value) heads together.
  public var keyWidth: Int { keyValueHeadCount * headDim }
  /// The layer computes and stores keys and values.
  public var ownsKeys: Bool { sharesKeysOf == nil }

  /// First position that the token at `position` sees.
  public func firstVisible(from position: Int) -> Int {
    window.map { max(0, position + 1 - $0) } ?? 0
  }

  /// `(outputs, inputs)` of a projection, nil where the layer has none.
  public func shape(_ projection: Projection, hiddenSize: Int) -> (outputs: Int, inputs: Int)? {
    switch projection {
    case .query: (queryWidth, hiddenSize)
    case .key: ownsKeys ? (keyWidth, hiddenSize) : nil
    case .value: ownsKeys && !valuesAreKeys ? (keyWidth, hiddenSize) : nil
    case .output: (hiddenSize, queryWidth)
    case .gate, .up: (intermediateSize, hiddenSize)
    case .down: (hiddenSize, intermediateSize)
    }
  }
}
