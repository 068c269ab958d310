/// What a configuration file says, before a generation makes layers of it. Nil is what the file does not say.
///
/// Both file forms fill in the same facts, so that each generation is described once.
struct ConfigurationFacts {
  /// A key that may be absent, or present and null, which are different things for logit caps.
  enum Stated: Equatable {
    case absent, none
    case value(Double)

    func or(_ fallback: Double?) -> Float? {
      switch self {
      case .absent: fallback.map { Float($0) }
      case .none: nil
      case .value(let value): Float(value)
      }
    }
  }

  /// RoPE of one kind of layer.
  struct Rope {
    var base: Double?
    var factor: Double?
    var fraction: Double?
  }

  /// What one layer has otherwise than the rest.
  struct Override {
    var headDim: Int?
    var keyValueHeadCount: Int?
    var intermediateSize: Int?
  }

  let path: String
  var generation: GemmaConfiguration.Generation
  /// How the file calls a key of `config.json`, for messages.
  var keyName: @Sendable (String) -> String = { $0 }

  var hiddenSize: Int?
  var layerCount: Int?
  var headCount: Int?
  var keyValueHeadCount: Int?
  var globalKeyValueHeadCount: Int?
  var headDim: Int?
  var globalHeadDim: Int?
  var vocabularySize: Int?
  var maxPositions: Int?
  var window: Int?
  var intermediateSize: Int?
  var overrides: [Int: Override] = [:]
  var epsilon: Double?
  var queryScalar: Double?
  var attentionCap = Stated.absent
  var finalCap = Stated.absent
  var isGlobal: [Bool]?
  /// Every so many layers one is global.
  var period: Int?
  var globalRope = Rope()
  var localRope = Rope()
  var perLayerInputSize: Int?
  var perLayerVocabularySize: Int?
  var sharedLayerCount: Int?
  var doublesSharedMLP = false
  var keysAreValues: Bool?
  /// Layers without a value projection, where the file shows it.
  var layersWithoutValues: Set<Int>?
  /// Layers with a stored scalar, where the file shows it.
  var layersWithScalar: Set<Int>?
  var expertCount: Int?
  var activeExpertCount: Int?
  var expertSize: Int?
  var streams: Int?
  var activeStream: Int?
  var coefficientClip = Stated.absent
  var scalesCorrection: Bool?
  var laurelRank: Int?
  /// In standard deviations above the mean; 0 or less where the layer is dense.
  var sparsityCutoffs: [Double]?

  func error(_ key: String, _ problem: String) -> GemmaError {
    .configuration(path: path, key: keyName(key), problem: problem)
  }

  func require(_ value: Int?, _ key: String, _ fallback: Int? = nil) throws(GemmaError) -> Int {
    guard let found = value ?? fallback else { throw error(key, "is missing") }
    return found
  }

  /// How many layers there are, within reason.
  func checkedLayerCount(_ fallback: Int? = nil) throws(GemmaError) -> Int {
    let count = try require(layerCount, "num_hidden_layers", fallback)
    guard count <= GemmaConfiguration.maximumLayerCount else {
      throw error("num_hidden_layers", "is beyond \(GemmaConfiguration.maximumLayerCount)")
    }
    return count
  }

  /// Per layer: true where attention is global; `period` is the generation's usual one.
  func globalLayers(_ count: Int, period usual: Int) throws(GemmaError) -> [Bool] {
    guard let isGlobal else {
      let period = period ?? usual
      return (0..<count).map { ($0 + 1) % period == 0 }
    }
    guard isGlobal.count == count else {
      throw error("layer_types", "has \(isGlobal.count) entries for \(count) layers")
    }
    return isGlobal
  }

  /// For each layer the earlier layer whose keys it reads: the last unshared one of its kind.
  func sharing(_ isGlobal: [Bool]) throws(GemmaError) -> [Int?] {
    let shared = sharedLayerCount ?? 0
    guard shared < isGlobal.count else {
      throw error("num_kv_shared_layers", "is \(shared), but one of \(isGlobal.count) layers must own keys")
    }
    let first = isGlobal.count - shared
    var sources = [Int?](repeating: nil, count: isGlobal.count)
    for layer in first..<isGlobal.count {
      guard let source = (0..<first).last(where: { isGlobal[$0] == isGlobal[layer] }) else {
        throw error(
          "num_kv_shared_layers",
          "is \(shared), but before layer \(first) none of layer \(layer)'s kind owns keys to share")
      }
      sources[layer] = source
    }
    return sources
  }

  /// A configuration with the model-wide facts that all generations have.
  func configuration(
    hiddenSize: Int, vocabularySize usualVocabulary: Int?, maxPositions usualPositions: Int,
    layers: [LayerDescription]
  ) throws(GemmaError) -> GemmaConfiguration {
    GemmaConfiguration(
      generation: generation, hiddenSize: hiddenSize,
      vocabularySize: try require(vocabularySize, "vocab_size", usualVocabulary),
      maxPositions: maxPositions ?? usualPositions, epsilon: Float(epsilon ?? 1e-6), layers: layers)
  }
}
