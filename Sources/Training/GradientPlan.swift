import Gemma

/// Which values a pass trains, and what of the backward pass has to be computed for them.
struct GradientPlan {
  private let ranks: [Int]  // by layer * 7 + Projection.index; 0 where there are no factors
  let layerCount: Int
  let hasMagnitudes: Bool
  /// Rows of the embedding are trained, so that the gradient has to come down to it.
  let trainsEmbedding: Bool
  /// The layer beneath which nothing is trained.
  private let lowest: Int

  /// What `adapter` trains.
  init(_ adapter: TrainableAdapter) {
    self.init(
      ranks: adapter.modules.map { $0?.rank ?? 0 },
      hasMagnitudes: adapter.modules.contains { $0?.magnitude != nil },
      trainsEmbedding: adapter.tokenRows != nil)
  }

  /// What a fresh adapter of these settings would train.
  init(_ settings: AdapterSettings, _ c: GemmaConfiguration) {
    self.init(
      ranks: (0..<c.layerCount).flatMap { layer in
        Projection.allCases.map {
          settings.targets.contains($0) && c.shape($0, layer: layer) != nil ? settings.rank : 0
        }
      }, hasMagnitudes: settings.hasMagnitudes, trainsEmbedding: !settings.tokens.isEmpty)
  }

  private init(ranks: [Int], hasMagnitudes: Bool, trainsEmbedding: Bool) {
    self.ranks = ranks
    layerCount = ranks.count / Projection.allCases.count
    self.hasMagnitudes = hasMagnitudes
    self.trainsEmbedding = trainsEmbedding
    lowest =
      trainsEmbedding
      ? 0 : (ranks.firstIndex { $0 > 0 }.map { $0 / Projection.allCases.count } ?? layerCount)
  }

  /// Inner width of a projection's factors; 0 without.
  func rank(_ projection: Projection, _ layer: Int) -> Int {
    ranks[layer * Projection.allCases.count + projection.index]
  }

  /// Largest rank of a projection in any layer.
  func largestRank(_ projection: Projection) -> Int {
    (0..<layerCount).map { rank(projection, $0) }.max() ?? 0
  }

  /// Largest rank of all.
  var largestRank: Int { ranks.max() ?? 0 }

  /// Whether one of the projections has factors.
  func trains(_ projections: [Projection], _ layer: Int) -> Bool {
    projections.contains { rank($0, layer) > 0 }
  }

  /// The layers that the backward pass goes through, in the order of the forward pass.
  var layers: Range<Int> { lowest..<layerCount }

  /// Whether the gradient of the layer's input is needed.
  func reachesInput(_ layer: Int) -> Bool { trainsEmbedding || layer > lowest }

  /// Whether gradients of queries, keys and values are needed.
  func reachesHeads(_ layer: Int) -> Bool { reachesInput(layer) || trains([.query, .key, .value], layer) }

  /// Whether the gradient has to come through the attention's output.
  func reachesAttention(_ layer: Int) -> Bool { reachesHeads(layer) || trains([.output], layer) }

  /// Whether gradients of gate and up are needed.
  func reachesGate(_ layer: Int) -> Bool { reachesAttention(layer) || trains([.gate, .up], layer) }

  /// Whether the gradient of a projection's input is needed.
  func needsInputGradient(_ projection: Projection, _ layer: Int) -> Bool {
    guard layers.contains(layer) else { return false }
    return switch projection {
    case .query, .key, .value: reachesInput(layer)
    case .output: reachesHeads(layer)
    case .gate, .up: reachesAttention(layer)
    case .down: reachesGate(layer)
    }
  }
}
