import Gemma
import Numerics

/// What the backward pass needs of one decoder layer. Buffers that it does not need, or that are computed again, are shared by
/// all layers.
///
/// T tokens, H hidden, Q query width, K key/value width, F intermediate, r rank.
final class LayerTape {
  let input: FloatBuffer  // [T, H] residual stream before the layer
  let inputInverse: FloatBuffer  // [T]
  let normed: FloatBuffer  // [T, H] input of q, k, v
  let queryRaw: FloatBuffer  // [T, Q]
  let keyRaw: FloatBuffer  // [T, K]
  let queryInverse: FloatBuffer  // [T, query heads]
  let keyInverse: FloatBuffer  // [T, key heads]
  let query: FloatBuffer  // [T, Q] normed and rotated
  let key: FloatBuffer  // [T, K] normed and rotated
  let value: FloatBuffer  // [T, K]
  let attended: FloatBuffer  // [T, Q]
  let attentionOutput: FloatBuffer  // [T, H] before its norm
  let attentionInverse: FloatBuffer  // [T]
  let middle: FloatBuffer  // [T, H] residual stream between the sublayers
  let middleInverse: FloatBuffer  // [T]
  let middleNormed: FloatBuffer  // [T, H] input of gate and up
  let gate: FloatBuffer  // [T, F]
  let up: FloatBuffer  // [T, F]
  let activated: FloatBuffer  // [T, F] input of down
  let mlpOutput: FloatBuffer  // [T, H] before its norm
  let mlpInverse: FloatBuffer  // [T]
  let low: [FloatBuffer]  // per projection [T, r]: A x; empty without factors

  /// - Parameters:
  ///   - keeps: what has to be there still when the backward pass comes to the layer.
  ///   - shared: where the rest lies.
  init(_ sizes: TapeSizes, _ keeps: TapeNeeds, shared: SharedTape, _ memory: BufferSource) {
    func buffer(_ isKept: Bool, _ role: SharedTape.Role, _ width: Int) -> FloatBuffer {
      isKept ? memory.floats(sizes.tokens * width) : shared.buffer(role, sizes.tokens * width, memory)
    }
    input = buffer(keeps.input, .input, sizes.hidden)
    inputInverse = memory.floats(sizes.tokens)
    normed = buffer(keeps.normed, .normed, sizes.hidden)
    queryRaw = buffer(keeps.queryRaw, .queryRaw, sizes.queries)
    keyRaw = buffer(keeps.keyRaw, .keyRaw, sizes.keys)
    queryInverse = memory.floats(sizes.tokens * sizes.queryHeads)
    keyInverse = memory.floats(sizes.tokens * sizes.keyHeads)
    query = buffer(keeps.heads, .query, sizes.queries)
    key = buffer(keeps.heads, .key, sizes.keys)
    value = buffer(keeps.heads, .value, sizes.keys)
    attended = buffer(keeps.attended, .attended, sizes.queries)
    attentionOutput = buffer(keeps.attentionOutput, .attentionOutput, sizes.hidden)
    attentionInverse = memory.floats(sizes.tokens)
    middle = buffer(keeps.middle, .middle, sizes.hidden)
    middleInverse = memory.floats(sizes.tokens)
    middleNormed = buffer(keeps.middleNormed, .middleNormed, sizes.hidden)
    gate = buffer(keeps.gate, .gate, sizes.inner)
    up = buffer(keeps.gate, .up, sizes.inner)
    activated = buffer(keeps.activated, .activated, sizes.inner)
    mlpOutput = buffer(keeps.mlpOutput, .mlpOutput, sizes.hidden)
    mlpInverse = memory.floats(sizes.tokens)
    low = Projection.allCases.map { projection in
      let rank = sizes.ranks[projection.index]
      guard rank > 0 else { return memory.floats(0) }
      return buffer(keeps.low, .low(projection), rank)
    }
  }
}

/// Widths of a layer's buffers.
struct TapeSizes {
  let tokens: Int
  let hidden: Int
  let queries: Int
  let keys: Int
  let inner: Int
  let queryHeads: Int
  let keyHeads: Int
  /// By `Projection.index`: the largest rank of any layer, so that layers can share.
  let ranks: [Int]

  init(_ c: GemmaConfiguration, _ plan: GradientPlan, tokens: Int) {
    let d = c.layers[0]
    self.tokens = tokens
    hidden = c.hiddenSize
    queries = d.queryWidth
    keys = d.keyWidth
    inner = d.intermediateSize
    queryHeads = d.headCount
    keyHeads = d.keyValueHeadCount
    ranks = Projection.allCases.map { plan.largestRank($0) }
  }
}

/// Which of a layer's values must outlive the forward pass.
struct TapeNeeds {
  var input = false
  var normed = false
  var queryRaw = false
  var keyRaw = false
  var heads = false
  var attended = false
  var attentionOutput = false
  var middle = false
  var middleNormed = false
  var gate = false
  var activated = false
  var mlpOutput = false
  var low = false

  /// What the backward pass reads of a layer; of layers that are computed again only their inputs.
  init(_ d: LayerDescription, _ plan: GradientPlan, layer: Int, recomputes: Bool) {
    guard plan.layers.contains(layer) else { return }
    input = plan.reachesInput(layer) || recomputes
    guard !recomputes else { return }
    // DoRA's gradient reads what a projection puts out.
    func hasMagnitude(_ projection: Projection) -> Bool {
      plan.hasMagnitudes && plan.rank(projection, layer) > 0
    }
    let heads = plan.reachesHeads(layer)
    normed = plan.trains([.query, .key, .value], layer)
    queryRaw = heads && d.normsQueriesAndKeys || hasMagnitude(.query)
    keyRaw = heads && d.normsQueriesAndKeys || hasMagnitude(.key)
    self.heads = heads
    attended = plan.trains([.output], layer)
    attentionOutput = plan.reachesAttention(layer) && d.hasOutputNorms || hasMagnitude(.output)
    middle = plan.reachesAttention(layer)
    middleNormed = plan.trains([.gate, .up], layer)
    gate = plan.reachesGate(layer)
    activated = plan.trains([.down], layer)
    mlpOutput = d.hasOutputNorms || hasMagnitude(.down)
    low = true
  }
}

/// Buffers that layers share; each is made when the first layer asks for it.
final class SharedTape {
  enum Role: Hashable {
    case input, normed, queryRaw, keyRaw, query, key, value, attended, attentionOutput, middle, middleNormed
    case gate, up, activated, mlpOutput
    case low(Projection)
  }

  private var buffers: [Role: FloatBuffer] = [:]

  func buffer(_ role: Role, _ count: Int, _ memory: BufferSource) -> FloatBuffer {
    if let buffer = buffers[role] { return buffer }
    let buffer = memory.floats(count)
    buffers[role] = buffer
    return buffer
  }
}

/// Hands out buffers, or only counts what they would take.
final class BufferSource {
  /// Bytes handed out.
  private(set) var bytes = 0
  private let allocates: Bool
  private let nothing = FloatBuffer(0)

  init(allocates: Bool) {
    self.allocates = allocates
  }

  func floats(_ count: Int) -> FloatBuffer {
    bytes += count * MemoryLayout<Float>.size
    return allocates && count > 0 ? FloatBuffer(count) : nothing
  }

  /// Rows of int8 blocks; nil where the width is not in whole blocks.
  func blocks(_ rows: Int, _ width: Int) -> QuantizedActivations? {
    guard width % 32 == 0 else { return nil }
    bytes += rows * width + 2 * rows * width / 32 * 4
    return allocates ? QuantizedActivations(capacity: rows, width: width) : nil
  }

  /// Says that somebody else allocates so much.
  func count(_ bytes: Int) {
    self.bytes += bytes
  }
}
