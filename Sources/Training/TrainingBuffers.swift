import Gemma
import Numerics

/// The memory of a training pass.
///
/// T tokens, H hidden, Q query width, K key/value width, F intermediate, V vocabulary, r rank.
final class TrainingBuffers {
  /// Positions whose logits exist at a time.
  static let headRows = 128
  /// Queries that share one product with the keys they see.
  static let blockRows = 64

  let tapes: [LayerTape]
  let final: FloatBuffer  // [T, H] residual stream behind the last layer
  let narrow: QuantizedActivations?  // [T, H]
  let wideAttention: QuantizedActivations?  // [T, Q]
  let wideMLP: QuantizedActivations?  // [T, F]
  let narrowKeys: QuantizedActivations?  // [T, K]
  let headBlocks: QuantizedActivations?  // [headRows, V]
  let logits: FloatBuffer  // [headRows, V]
  let headNormed: FloatBuffer  // [headRows, H]
  let headGradient: FloatBuffer  // [headRows, H]
  // Gradients on their way down.
  let dx: FloatBuffer  // [T, H]
  let dBranch: FloatBuffer  // [T, H]
  let dNormed: FloatBuffer  // [T, H]
  let dQuery: FloatBuffer  // [T, Q]
  let dKey: FloatBuffer  // [T, K]
  let dValue: FloatBuffer  // [T, K]
  let dAttended: FloatBuffer  // [T, Q]
  let dGate: FloatBuffer  // [T, F]
  let dUp: FloatBuffer  // [T, F]
  let dActivated: FloatBuffer  // [T, F]
  let dLow: FloatBuffer  // [T, r]
  let dScratch: FloatBuffer  // [T, H]
  let thinned: FloatBuffer  // [T, widest input of a module] behind dropout; empty without
  let scores: [FloatBuffer]  // per thread: [3, blockRows, longest]

  /// - Parameters:
  ///   - tokens: most of a packed batch; `longest` is the longest single sequence.
  ///   - recomputes: layers share all of their tape but the input.
  init(
    _ c: GemmaConfiguration, _ plan: GradientPlan, tokens: Int, longest: Int, recomputes: Bool,
    dropout: Bool, threads: Int, _ memory: BufferSource
  ) {
    let d = c.layers[0]
    let sizes = TapeSizes(c, plan, tokens: tokens)
    let shared = SharedTape()
    tapes = c.layers.indices.map { layer in
      LayerTape(
        sizes, TapeNeeds(c.layers[layer], plan, layer: layer, recomputes: recomputes), shared: shared, memory)
    }
    func floats(_ width: Int, if needed: Bool = true) -> FloatBuffer {
      memory.floats(needed ? tokens * width : 0)
    }
    let blockRows = max(tokens, Self.headRows)
    final = floats(c.hiddenSize)
    narrow = memory.blocks(blockRows, c.hiddenSize)
    wideAttention = d.queryWidth == c.hiddenSize ? narrow : memory.blocks(blockRows, d.queryWidth)
    wideMLP = memory.blocks(blockRows, d.intermediateSize)
    narrowKeys = memory.blocks(blockRows, d.keyWidth)
    headBlocks = memory.blocks(Self.headRows, c.vocabularySize)
    logits = memory.floats(Self.headRows * c.vocabularySize)
    headNormed = memory.floats(Self.headRows * c.hiddenSize)
    headGradient = memory.floats(Self.headRows * c.hiddenSize)
    let heads = plan.layers.contains { plan.reachesHeads($0) }
    let attention = plan.layers.contains { plan.reachesAttention($0) }
    let gate = plan.layers.contains { plan.reachesGate($0) }
    dx = floats(c.hiddenSize)
    dBranch = floats(c.hiddenSize)
    dNormed = floats(c.hiddenSize, if: attention)
    dQuery = floats(d.queryWidth, if: heads)
    dKey = floats(d.keyWidth, if: heads)
    dValue = floats(d.keyWidth, if: heads)
    dAttended = floats(d.queryWidth, if: heads)
    dGate = floats(d.intermediateSize, if: gate)
    dUp = floats(d.intermediateSize, if: gate)
    dActivated = floats(d.intermediateSize, if: gate)
    dLow = floats(plan.largestRank)
    dScratch = floats(c.hiddenSize, if: attention)
    let widest = Projection.allCases.map { projection in
      plan.largestRank(projection) > 0 ? c.shape(projection, layer: 0)?.inputs ?? 0 : 0
    }.max()
    thinned = floats(widest ?? 0, if: dropout)
    scores = (0..<threads).map { _ in memory.floats(3 * Self.blockRows * longest) }
  }

  /// Room for the rows of a projection's output gradient as int8 blocks.
  func blocks(width: Int, _ c: GemmaConfiguration) -> QuantizedActivations? {
    let d = c.layers[0]
    return switch width {
    case c.hiddenSize: narrow
    case d.queryWidth: wideAttention
    case d.intermediateSize: wideMLP
    case d.keyWidth: narrowKeys
    default: nil
    }
  }
}
