import Numerics
import Weights

extension GemmaConfiguration {
  /// Shapes with which engines are compared; random weights are as fast as real ones.
  public static let comparisonShapes: [String: GemmaConfiguration] = [
    "small26m": .shape(layers: 8, hidden: 512, intermediate: 1_024, headDim: 128, vocabulary: 16_384),
    "small39m": .shape(layers: 8, hidden: 512, intermediate: 2_048, headDim: 128, vocabulary: 16_384),
    "gemma3-270m": .shape(layers: 18, hidden: 640, intermediate: 2_048, headDim: 256, vocabulary: 262_144),
    "gemma3-1b": .shape(layers: 26, hidden: 1_152, intermediate: 6_912, headDim: 256, vocabulary: 262_144),
  ]

  /// Gemma 3's pattern (five sliding layers, one global) with 4 query heads on 1 key/value head.
  public static func shape(
    layers: Int, hidden: Int, intermediate: Int, headDim: Int, vocabulary: Int, window: Int = 512
  ) -> GemmaConfiguration {
    GemmaConfiguration(
      hiddenSize: hidden, layerCount: layers, intermediateSize: intermediate, headCount: 4,
      keyValueHeadCount: 1,
      headDim: headDim, vocabularySize: vocabulary, maxPositions: 32_768, epsilon: 1e-6,
      attentionScale: 1 / Float(headDim).squareRoot(), window: window,
      isGlobal: (0..<layers).map { ($0 + 1) % 6 == 0 }, globalRopeBase: 1e6, globalRopeFactor: 1,
      localRopeBase: 1e4)
  }
}

extension GemmaModel {
  /// A model with seeded random weights, for tests and benchmarks.
  public static func random(
    _ configuration: GemmaConfiguration, precision: WeightPrecision, seed: UInt64 = 1
  ) throws(GemmaError) -> GemmaModel {
    try GemmaModel(
      configuration, RandomTensors(configuration: configuration, seed: seed), names: GGUFNames(),
      precision: precision)
  }
}

/// Makes each tensor when it is asked for: matrices of variance 1/inputs, norm gains near 1.
private struct RandomTensors: TensorSource {
  let configuration: GemmaConfiguration
  let seed: UInt64
  var path: String { "random weights" }
  var tensorNames: [String] { [] }

  func unreadableFormat(of name: String) -> String? { nil }

  func tensor(_ name: String) -> Tensor? {
    let shape = shape(of: name)
    var random = SeededRandom(seed: name.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) })
    let count = shape.reduce(1, *)
    if shape.count == 1 {
      return Tensor(
        name: name, shape: shape, floats: (0..<count).map { _ in 1 + random.uniform(within: 0.2) })
    }
    let bound = (3 / Float(shape[1])).squareRoot()
    return Tensor(name: name, shape: shape, floats: (0..<count).map { _ in random.uniform(within: bound) })
  }

  private func shape(of name: String) -> [Int] {
    let c = configuration
    if name == "token_embd.weight" { return [c.vocabularySize, c.hiddenSize] }
    for projection in Projection.allCases where name.hasSuffix("." + projection.ggufName + ".weight") {
      let shape = projection.shape(c)
      return [shape.outputs, shape.inputs]
    }
    return [name.contains("_q_norm") || name.contains("_k_norm") ? c.headDim : c.hiddenSize]
  }
}
