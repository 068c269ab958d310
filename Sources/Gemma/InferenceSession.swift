import Numerics

/// Runs a model forward over one growing token sequence. Not thread-safe: one owner at a time.
///
/// Letters in shapes: T tokens of the chunk, H hidden, Q query heads × head dim, K key/value heads × head dim,
/// F intermediate, V vocabulary.
public final class InferenceSession {
  /// Which positions of the appended tokens get logits.
  public enum LogitRows: Sendable { case none, last, all }

  /// Called with a name (`embed`, `layer.N`, `final_norm`), the values and the number of rows `[T, H]`.
  public typealias Observer = (String, UnsafePointer<Float>, Int) -> Void

  /// The frozen weights.
  public let model: GemmaModel
  /// Keys and values so far; exchange it between two calls of `append` to go on with another sequence.
  public var cache: KVSequence
  /// Low-rank factors in use; swap between two calls of `append`.
  public var adapter: LoRAAdapter?
  /// For tests and `verify`.
  public var observer: Observer?

  private let pool: WorkerPool
  private let kernels = Kernels.best
  private let local: RotaryTable
  private let global: RotaryTable
  private let chunk: Int
  private let x: FloatBuffer  // [T, H] residual stream
  private let normed: FloatBuffer  // [T, H]
  private let q: FloatBuffer  // [T, Q]
  private let attended: FloatBuffer  // [T, Q]
  private let gate: FloatBuffer  // [T, F]
  private let up: FloatBuffer  // [T, F]
  private var low = FloatBuffer(0)  // [T, rank]
  private let scores: FloatBuffer  // [threads, capacity]
  private let logitBuffer: FloatBuffer  // [V] or [T, V]
  private var allLogits: FloatBuffer?
  private let narrow: QuantizedActivations  // [T, H]
  private let wideAttention: QuantizedActivations?  // [T, Q]
  private let wideMLP: QuantizedActivations?  // [T, F]

  /// Creates a session for at most `capacity` positions; `chunk` tokens go through the layers at a time.
  public init(_ model: GemmaModel, capacity: Int, chunk: Int = 256, pool: WorkerPool = .shared) {
    let c = model.configuration
    self.model = model
    self.pool = pool
    self.chunk = chunk
    let positions = min(capacity, c.maxPositions)
    cache = KVSequence(c, capacity: positions)
    local = RotaryTable(positions: positions, headDim: c.headDim, base: c.localRopeBase, factor: 1)
    global = RotaryTable(
      positions: positions, headDim: c.headDim, base: c.globalRopeBase, factor: c.globalRopeFactor)
    let queries = c.headCount * c.headDim
    x = FloatBuffer(chunk * c.hiddenSize)
    normed = FloatBuffer(chunk * max(c.hiddenSize, queries))
    q = FloatBuffer(chunk * queries)
    attended = FloatBuffer(chunk * queries)
    gate = FloatBuffer(chunk * c.intermediateSize)
    up = FloatBuffer(chunk * c.intermediateSize)
    scores = FloatBuffer(pool.threadCount * positions)
    logitBuffer = FloatBuffer(c.vocabularySize)
    let blocks = { (width: Int) in width % 32 == 0 ? QuantizedActivations(capacity: chunk, width: width) : nil
    }
    narrow = QuantizedActivations(capacity: chunk, width: (c.hiddenSize + 31) / 32 * 32)
    wideAttention = blocks(queries)
    wideMLP = blocks(c.intermediateSize)
  }

  /// Appends `tokens` to the sequence and returns logits: none, `[V]` of the last token, or `[T, V]`.
  ///
  /// The pointer belongs to the session and stays valid until the next call; keep the session alive while reading.
  /// - Throws: `GemmaError.contextOverflow`, `.token`; the cache is unchanged then.
  @discardableResult
  public func append(_ tokens: [Int32], logits rows: LogitRows) throws(GemmaError) -> UnsafePointer<Float> {
    let c = model.configuration
    for token in tokens where token < 0 || Int(token) >= c.vocabularySize {
      throw .token(id: token, vocabularySize: c.vocabularySize)
    }
    try cache.reserve(cache.count + tokens.count)
    if rows == .all { allLogits = FloatBuffer(tokens.count * c.vocabularySize) }
    var begin = 0
    while begin < tokens.count {
      let end = min(tokens.count, begin + chunk)
      forward(tokens[begin..<end])
      switch rows {
      case .none: break
      case .last:
        if end == tokens.count { head(row: end - begin - 1, rows: 1, into: logitBuffer.pointer) }
      case .all:
        if let allLogits {
          head(row: 0, rows: end - begin, into: allLogits.pointer + begin * c.vocabularySize)
        }
      }
      begin = end
    }
    return UnsafePointer(rows == .all ? (allLogits ?? logitBuffer).pointer : logitBuffer.pointer)
  }

  private func forward(_ tokens: ArraySlice<Int32>) {
    let c = model.configuration
    let count = tokens.count
    let scale = Float(c.hiddenSize).squareRoot()
    for (row, token) in tokens.enumerated() {
      let target = x.pointer + row * c.hiddenSize
      model.embedding.row(Int(token), into: target)
      for i in 0..<c.hiddenSize { target[i] *= scale }
    }
    observer?("embed", x.pointer, count)
    for index in model.layers.indices {
      attention(index, count)
      feedForward(index, count)
      observer?("layer.\(index)", x.pointer, count)
    }
    cache.advance(by: count)
    if observer != nil {
      norm(x.pointer, model.finalNorm, count, into: normed.pointer)
      observer?("final_norm", normed.pointer, count)
    }
  }

  private func attention(_ index: Int, _ count: Int) {
    let c = model.configuration
    let layer = model.layers[index]
    let position = cache.count
    let width = cache.width
    let keys = cache.keys[index].pointer
    let values = cache.values[index].pointer
    norm(x.pointer, layer.inputNorm, count, into: normed.pointer)
    quantize(normed.pointer, layer.projections[0...2], narrow, count)
    project(.query, index, normed.pointer, narrow, count, into: q.pointer)
    project(.key, index, normed.pointer, narrow, count, into: keys + position * width)
    project(.value, index, normed.pointer, narrow, count, into: values + position * width)
    let table = layer.isGlobal ? global : local
    let queries = c.headCount * c.headDim
    let group = c.headCount / c.keyValueHeadCount
    let window = layer.isGlobal ? Int.max : c.window
    for row in 0..<count {
      normHeads(keys + (position + row) * width, c.keyValueHeadCount, layer.keyNorm)
      table.rotate(keys + (position + row) * width, heads: c.keyValueHeadCount, position: position + row)
    }
    let parts = count * c.headCount >= 16 ? pool.threadCount : 1
    pool.run(parts) { part in
      let scratch = scores.pointer + part * cache.capacity
      for row in stride(from: part, to: count, by: parts) {
        let query = q.pointer + row * queries
        normHeads(query, c.headCount, layer.queryNorm)
        table.rotate(query, heads: c.headCount, position: position + row)
        let last = position + row + 1
        let first = window >= last ? 0 : last - window
        for head in 0..<c.headCount {
          kernels.attend(
            query: query + head * c.headDim, keys: keys + head / group * c.headDim,
            values: values + head / group * c.headDim, range: first..<last, stride: width, headDim: c.headDim,
            scale: c.attentionScale, scores: scratch,
            into: attended.pointer + row * queries + head * c.headDim)
        }
      }
    }
    if let wideAttention { quantize(attended.pointer, layer.projections[3...3], wideAttention, count) }
    project(.output, index, attended.pointer, wideAttention, count, into: normed.pointer)
    addNormed(normed.pointer, layer.postAttentionNorm, count)
  }

  private func feedForward(_ index: Int, _ count: Int) {
    let c = model.configuration
    let layer = model.layers[index]
    norm(x.pointer, layer.preFeedForwardNorm, count, into: normed.pointer)
    quantize(normed.pointer, layer.projections[4...5], narrow, count)
    project(.gate, index, normed.pointer, narrow, count, into: gate.pointer)
    project(.up, index, normed.pointer, narrow, count, into: up.pointer)
    let total = count * c.intermediateSize
    if total >= 32_768 {
      pool.split(total, unit: 64) { [gate, up, kernels] range in
        kernels.geluMul(
          gate: gate.pointer + range.lowerBound, up: up.pointer + range.lowerBound, count: range.count,
          into: gate.pointer + range.lowerBound)
      }
    } else {
      kernels.geluMul(gate: gate.pointer, up: up.pointer, count: total, into: gate.pointer)
    }
    if let wideMLP { quantize(gate.pointer, layer.projections[6...6], wideMLP, count) }
    project(.down, index, gate.pointer, wideMLP, count, into: normed.pointer)
    addNormed(normed.pointer, layer.postFeedForwardNorm, count)
  }

  /// `out[T, V]` logits of `rows` rows of the residual stream from `row` on.
  private func head(row: Int, rows: Int, into out: UnsafeMutablePointer<Float>) {
    let c = model.configuration
    norm(x.pointer + row * c.hiddenSize, model.finalNorm, rows, into: normed.pointer)
    quantize(normed.pointer, [model.embedding], narrow, rows)
    model.embedding.multiply(normed.pointer, quantized: narrow, rows: rows, into: out, pool: pool)
  }

  /// Quantises the input of `consumers` where any of them needs it: a file may mix formats.
  private func quantize(
    _ values: UnsafePointer<Float>, _ consumers: ArraySlice<Linear>, _ activations: QuantizedActivations,
    _ count: Int
  ) {
    if consumers.contains(where: \.isQuantized) { activations.load(values, rows: count, pool: pool) }
  }

  private func project(
    _ projection: Projection, _ index: Int, _ input: UnsafePointer<Float>, _ quantized: QuantizedActivations?,
    _ count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let linear = model.layers[index].projections[projection.index]
    linear.multiply(input, quantized: quantized, rows: count, into: out, pool: pool)
    guard let adapter, let factors = adapter.factors(projection, layer: index) else { return }
    if low.count < chunk * adapter.maximumRank { low = FloatBuffer(chunk * adapter.maximumRank) }
    factors.apply(
      input, rows: count, inputs: linear.inputs, outputs: linear.outputs, low: low.pointer, into: out,
      pool: pool)
  }

  private func norm(
    _ input: UnsafePointer<Float>, _ gain: FloatBuffer, _ count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let width = gain.count
    for row in 0..<count {
      kernels.rmsNorm(
        input + row * width, gain: gain.pointer, count: width, epsilon: model.configuration.epsilon,
        into: out + row * width)
    }
  }

  private func normHeads(_ heads: UnsafeMutablePointer<Float>, _ count: Int, _ gain: FloatBuffer) {
    for head in 0..<count {
      kernels.rmsNorm(
        heads + head * gain.count, gain: gain.pointer, count: gain.count,
        epsilon: model.configuration.epsilon,
        into: heads + head * gain.count)
    }
  }

  /// Norm of the sublayer's output, then the residual add.
  private func addNormed(_ output: UnsafeMutablePointer<Float>, _ gain: FloatBuffer, _ count: Int) {
    norm(output, gain, count, into: output)
    kernels.axpy(1, output, count: count * gain.count, addingTo: x.pointer)
  }
}

extension LoRAAdapter.Factors {
  /// `out[t] += scale · B(A x[t])` for `rows` rows; `low` is scratch for `rows · rank` floats.
  func apply(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int, low: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>, pool: WorkerPool
  ) {
    let kernels = Kernels.best
    if rows == 1 {
      for r in 0..<rank { low[r] = scale * kernels.dot(a.pointer + r * inputs, x, count: inputs) }
      for o in 0..<outputs { out[o] += kernels.dot(b.pointer + o * rank, low, count: rank) }
      return
    }
    BLAS.shared.multiply(
      m: rows, n: rank, k: inputs, a: x, lda: inputs, b: a.pointer, ldb: inputs, transposeB: true, c: low,
      ldc: rank,
      pool: pool)
    BLAS.shared.multiply(
      m: rows, n: outputs, k: rank, alpha: scale, a: low, lda: rank, b: b.pointer, ldb: rank,
      transposeB: true,
      beta: 1, c: out, ldc: outputs, pool: pool)
  }
}
