import Numerics

/// Runs a model forward over one growing token sequence. Not thread-safe: one owner at a time.
///
/// Letters in shapes: T tokens of the chunk, H hidden, Q query heads × head dim, K key/value heads × head dim,
/// F intermediate, V vocabulary, P size of a per-layer input, S residual streams. Widths that differ between layers
/// have buffers for the widest.
public final class InferenceSession {
  /// Which positions of the appended tokens get logits.
  public enum LogitRows: Sendable { case none, last, all }

  /// Called with a name (`embed`, `layer.N`, `final_norm`), the values and the number of rows `[T, H]`; a layer with S
  /// residual streams gives `[S · T, H]`.
  public typealias Observer = (String, UnsafePointer<Float>, Int) -> Void

  /// The frozen weights.
  public let model: GemmaModel
  /// Keys and values so far; exchange it between two calls of `append` to go on with another sequence.
  public var cache: KVSequence
  /// Low-rank factors in use; swap between two calls of `append`.
  public var adapter: LoRAAdapter?
  /// For tests and `verify`.
  public var observer: Observer?

  let c: GemmaConfiguration
  let pool: WorkerPool
  let kernels = Kernels.best
  let rotaries: [RotaryTable]  // by layer
  let chunk: Int
  let x: FloatBuffer  // [T, H] residual stream; with several streams the active one
  let normed: FloatBuffer  // [T, H]
  let q: FloatBuffer  // [T, Q]
  let attended: FloatBuffer  // [T, Q]
  let gate: FloatBuffer  // [T, F]
  let up: FloatBuffer  // [T, F]
  let scores: FloatBuffer  // [threads, capacity]
  let perLayer: PerLayerInputs?
  let streams: ResidualStreams?
  let expertScratch: ExpertScratch?
  private var low = FloatBuffer(0)  // [T, rank]
  private let logitBuffer: FloatBuffer  // [V]
  private var allLogits: FloatBuffer?  // [T, V]
  private let quantized: [Int: QuantizedActivations]  // by width

  /// Creates a session for at most `capacity` positions; `chunk` tokens go through the layers at a time.
  public init(_ model: GemmaModel, capacity: Int, chunk: Int = 256, pool: WorkerPool = .shared) {
    let c = model.configuration
    self.model = model
    self.c = c
    self.pool = pool
    self.chunk = chunk
    let positions = min(capacity, c.maxPositions)
    cache = KVSequence(c, capacity: positions)
    rotaries = RotaryTable.tables(for: c, positions: positions)
    let queries = c.layers.map(\.queryWidth).max() ?? 0
    let inner = c.layers.map(\.intermediateSize).max() ?? 0
    x = FloatBuffer(chunk * c.hiddenSize)
    normed = FloatBuffer(chunk * c.hiddenSize)
    q = FloatBuffer(chunk * queries)
    attended = FloatBuffer(chunk * queries)
    gate = FloatBuffer(chunk * inner)
    up = FloatBuffer(chunk * inner)
    scores = FloatBuffer(pool.threadCount * positions)
    logitBuffer = FloatBuffer(c.vocabularySize)
    perLayer = c.perLayerInput.map { PerLayerInputs($0, c, chunk: chunk) }
    streams = c.alternatingUpdates.map { ResidualStreams($0, c, chunk: chunk) }
    expertScratch = ExpertScratch(c, chunk: chunk)
    quantized = Dictionary(
      uniqueKeysWithValues: model.quantizedWidths.map {
        ($0, QuantizedActivations(capacity: chunk, width: $0))
      })
  }

  /// Appends `tokens` to the sequence and returns logits: none, `[V]` of the last token, or `[T, V]`.
  ///
  /// The pointer belongs to the session and stays valid until the next call; keep the session alive while reading.
  /// - Throws: `GemmaError.contextOverflow`, `.token`; the cache is unchanged then.
  @discardableResult
  public func append(_ tokens: [Int32], logits rows: LogitRows) throws(GemmaError) -> UnsafePointer<Float> {
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
    let count = tokens.count
    embed(tokens)
    observer?("embed", x.pointer, count)
    if let perLayer { preparePerLayerInputs(perLayer, tokens) }
    if let streams { spread(streams, count) }
    for index in model.layers.indices {
      let layer = model.layers[index]
      if let streams { predict(streams, layer, count) }
      attention(index, count)
      feedForward(index, count)
      if let streams { correct(streams, layer, count) }
      if let perLayer { addPerLayerInput(perLayer, index, count) }
      if let scalar = layer.scalar { scale(scalar, count) }
      observer?("layer.\(index)", (streams?.values ?? x).pointer, count * (streams?.sizes.streams ?? 1))
    }
    cache.advance(by: count)
    if observer != nil {
      finalNorm(row: 0, rows: count)
      observer?("final_norm", normed.pointer, count)
    }
  }

  private func embed(_ tokens: ArraySlice<Int32>) {
    let scale = c.embeddingScale
    for (row, token) in tokens.enumerated() {
      let target = x.pointer + row * c.hiddenSize
      model.embedding.row(Int(token), into: target)
      for i in 0..<c.hiddenSize { target[i] *= scale }
    }
  }

  private func scale(_ scalar: Float, _ count: Int) {
    for i in 0..<count * c.hiddenSize { x.pointer[i] *= scalar }
  }

  // MARK: - Steps that all parts of a layer share

  /// The input of `consumers` in the form they need, to be passed to their products; nil where none is quantised.
  ///
  /// A file may mix formats.
  func quantize(
    _ values: UnsafePointer<Float>, for consumers: [Linear?], _ count: Int
  ) -> QuantizedActivations? {
    guard let first = consumers.first(where: { $0?.isQuantized ?? false }), let width = first?.inputs,
      let activations = quantized[width]
    else { return nil }
    activations.load(values, rows: count, pool: pool)
    return activations
  }

  /// `out[t] = W x[t]` of a matrix that is the only reader of `x`.
  func multiply(
    _ linear: Linear, _ input: UnsafePointer<Float>, _ count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    linear.multiply(
      input, quantized: quantize(input, for: [linear], count), rows: count, into: out, pool: pool)
  }

  /// A projection of a layer, and the adapter's low-rank product beside it.
  func project(
    _ projection: Projection, _ index: Int, _ input: UnsafePointer<Float>, _ quantized: QuantizedActivations?,
    _ count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let linear = model.layers[index][projection]
    linear.multiply(input, quantized: quantized, rows: count, into: out, pool: pool)
    guard let adapter, let factors = adapter.factors(projection, layer: index) else { return }
    if low.count < chunk * adapter.maximumRank { low = FloatBuffer(chunk * adapter.maximumRank) }
    factors.apply(
      input, rows: count, inputs: linear.inputs, outputs: linear.outputs, low: low.pointer, into: out,
      pool: pool)
  }

  /// `out[t] = norm(x[t])` for `count` rows of the gain's width; `out` may be `input`.
  func norm(
    _ input: UnsafePointer<Float>, _ gain: FloatBuffer, _ count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let width = gain.count
    for row in 0..<count {
      kernels.rmsNorm(
        input + row * width, gain: gain.pointer, count: width, epsilon: c.epsilon, into: out + row * width)
    }
  }

  /// The residual add of a sublayer's output, behind its norm where there is one.
  func add(_ output: UnsafeMutablePointer<Float>, norm gain: FloatBuffer?, _ count: Int) {
    if let gain { norm(output, gain, count, into: output) }
    kernels.axpy(1, output, count: count * c.hiddenSize, addingTo: x.pointer)
  }

  /// `gate = gelu(gate) · up`, elementwise over `count` values.
  func gelu(_ gate: UnsafeMutablePointer<Float>, _ up: UnsafePointer<Float>, _ count: Int) {
    if count < 32_768 {
      kernels.geluMul(gate: gate, up: up, count: count, into: gate)
      return
    }
    pool.split(count, unit: 64) { [kernels] range in
      kernels.geluMul(
        gate: gate + range.lowerBound, up: up + range.lowerBound, count: range.count,
        into: gate + range.lowerBound)
    }
  }
}
