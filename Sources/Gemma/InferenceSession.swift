import Foundation
import Numerics

/// Runs a model forward over one growing token sequence. Not thread-safe: one owner at a time.
///
/// All threads of the pool go through a chunk's layers together and wait for each other at barriers between the steps; each
/// works on its rows of tokens where a step is by rows, on its outputs where it is a product. With quantised weights a
/// token's results do not depend on the chunk it is evaluated in, bit for bit.
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

  /// Called with a matrix and its input, of the given rows and columns.
  public typealias InputObserver = (TensorRole, UnsafePointer<Float>, _ rows: Int, _ columns: Int) -> Void

  /// The frozen weights.
  public let model: GemmaModel
  /// Keys and values so far; exchange it between two calls of `append` to go on with another sequence of the same pool.
  public var cache: KVSequence
  /// Low-rank factors in use; swap between two calls of `append`.
  public var adapter: LoRAAdapter?
  /// For tests and `verify`.
  public var observer: Observer?
  /// Called with what each projection and the head are multiplied with, for statistics.
  public var inputObserver: InputObserver?

  let c: GemmaConfiguration
  let pool: WorkerPool
  let kernels = Kernels.best
  let chunk: Int
  let hiddenSize: Int
  /// Dense matrices beside quantised ones are multiplied row by row.
  let isRowwise: Bool
  private let positions: Int
  private let pages: KVPagePool
  private let plan: ForwardPlan
  let layers: UnsafePointer<LayerPlan>
  private let buffers: [FloatBuffer]  // own what follows
  let x: UnsafeMutablePointer<Float>  // [T, H] residual stream; with several streams the active one
  let normed: UnsafeMutablePointer<Float>  // [T, H]
  let branch: UnsafeMutablePointer<Float>  // [T, H] what a sublayer puts out
  let q: UnsafeMutablePointer<Float>  // [T, Q]
  let k: UnsafeMutablePointer<Float>  // [T, K]
  let v: UnsafeMutablePointer<Float>  // [T, K]
  let attended: UnsafeMutablePointer<Float>  // [T, Q]
  let gate: UnsafeMutablePointer<Float>  // [T, F]
  let up: UnsafeMutablePointer<Float>  // [T, F]
  let gateBlocks: UnsafeMutablePointer<Float>  // [threads, 2, T, gateBlockWidth]
  let places: UnsafeMutablePointer<TokenPlace>  // of the chunk's tokens
  private let placeBuffer: Buffer<TokenPlace>
  let perLayer: PerLayerInputs?
  let streams: ResidualStreams?
  let expertScratch: ExpertScratch?
  let quantized: [Int: QuantizedActivations]  // by width, for the steps that only some generations have
  private var adapterPlan: AdapterPlan?
  private(set) var adapterFactors: UnsafeMutablePointer<AdapterPlan.Factors?>?
  private let logitBuffer: FloatBuffer  // [V]
  private var allLogits: FloatBuffer?  // [T, V]
  private var chunkRows = 0

  /// Where a token of the chunk stands; the sequence keeps the pages alive.
  struct TokenPlace: BitwiseCopyable {
    let pages: UnsafePointer<UnsafePointer<UInt8>?>
    let position: Int
  }

  /// Columns of gate and up that are computed before GELU makes them one.
  static let gateBlockWidth = 64

  /// Creates a session for at most `capacity` positions; `chunk` tokens go through the layers at a time.
  ///
  /// `pages` hands out pages of keys and values; sessions and sequences that share it may exchange sequences. Without it
  /// the session has its own: 32-bit for a dense model, 16-bit for a quantised one.
  public init(
    _ model: GemmaModel, capacity: Int, chunk: Int = 256, pool: WorkerPool = .shared, pages: KVPagePool? = nil
  ) {
    let c = model.configuration
    self.model = model
    self.c = c
    self.pool = pool
    self.chunk = chunk
    hiddenSize = c.hiddenSize
    isRowwise = model.isQuantized
    let positions = min(capacity, c.maxPositions)
    self.positions = positions
    let pages = pages ?? KVPagePool(c, format: model.usualKeyValueFormat)
    self.pages = pages
    cache = KVSequence(pages, capacity: positions)
    plan = ForwardPlan(model, layout: pages.layout, chunk: chunk, positions: positions)
    layers = UnsafePointer(plan.layers.pointer)
    let queries = c.layers.map(\.queryWidth).max() ?? 0
    let keys = c.layers.map(\.keyWidth).max() ?? 0
    let inner = c.layers.map(\.intermediateSize).max() ?? 0
    let widths = [
      c.hiddenSize, c.hiddenSize, c.hiddenSize, queries, keys, keys, queries, inner, inner,
      pool.threadCount * 2 * Self.gateBlockWidth,
    ]
    buffers = widths.map { FloatBuffer(chunk * $0) }
    x = buffers[0].pointer
    normed = buffers[1].pointer
    branch = buffers[2].pointer
    q = buffers[3].pointer
    k = buffers[4].pointer
    v = buffers[5].pointer
    attended = buffers[6].pointer
    gate = buffers[7].pointer
    up = buffers[8].pointer
    gateBlocks = buffers[9].pointer
    placeBuffer = Buffer(
      [TokenPlace](repeating: TokenPlace(pages: cache.pageTable, position: 0), count: chunk))
    places = placeBuffer.pointer
    logitBuffer = FloatBuffer(c.vocabularySize)
    perLayer = c.perLayerInput.map { PerLayerInputs($0, c, chunk: chunk) }
    streams = c.alternatingUpdates.map { ResidualStreams($0, c, chunk: chunk, threads: pool.threadCount) }
    expertScratch = ExpertScratch(c, chunk: chunk, threads: pool.threadCount)
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
    precondition(!tokens.isEmpty || rows == .none, "no token to give logits of")
    try check(tokens)
    try reserve(cache, tokens.count)
    if rows == .all, allLogits?.count ?? 0 < tokens.count * c.vocabularySize {
      allLogits = FloatBuffer(tokens.count * c.vocabularySize)
    }
    for begin in stride(from: 0, to: tokens.count, by: chunk) {
      let piece = tokens[begin..<min(tokens.count, begin + chunk)]
      let position = cache.count
      for row in 0..<piece.count {
        places[row] = TokenPlace(pages: cache.pageTable, position: position + row)
      }
      let isLast = piece.endIndex == tokens.count
      switch rows {
      case .last where isLast: run(piece, head: (piece.count - 1, 1, logitBuffer.pointer))
      case .all:
        let out = (allLogits ?? logitBuffer).pointer + begin * c.vocabularySize
        run(piece, head: (0, piece.count, out))
      default: run(piece, head: nil)
      }
      cache.advance(by: piece.count)
    }
    return UnsafePointer(rows == .all ? (allLogits ?? logitBuffer).pointer : logitBuffer.pointer)
  }

  /// Appends one token to each of several sequences in one pass and returns logits `[branches, V]`. The buffer is the
  /// caller's. The sequences must be different ones, of the session's page pool.
  ///
  /// - Throws: as `append(_:logits:)`.
  /// - Precondition: at most `chunk` branches.
  public func append(branches: [KVSequence], tokens: [Int32]) throws(GemmaError) -> FloatBuffer {
    precondition(
      !tokens.isEmpty && branches.count == tokens.count && tokens.count <= chunk,
      "one token for each of at most \(chunk) branches")
    precondition(
      Set(branches.map { ObjectIdentifier($0) }).count == branches.count, "a sequence listed twice")
    try check(tokens)
    for branch in branches { try reserve(branch, 1) }
    let logits = FloatBuffer(tokens.count * c.vocabularySize)
    for (row, branch) in branches.enumerated() {
      places[row] = TokenPlace(pages: branch.pageTable, position: branch.count)
    }
    run(tokens[...], head: (0, tokens.count, logits.pointer))
    for branch in branches { branch.advance(by: 1) }
    return logits
  }

  /// Logits of row `row` of the last chunk that went through the layers, by another head `[rows, H]` such as a shortlist.
  /// The pointer is the caller's `out`, of `head.outputs` floats.
  ///
  /// - Precondition: the row is one of that chunk.
  public func logits(row: Int, head: Linear, into out: UnsafeMutablePointer<Float>) {
    logits(rows: row..<(row + 1), head: head, into: out)
  }

  /// The same for several rows at once: `out` is `[rows.count, head.outputs]`.
  public func logits(rows: Range<Int>, head: Linear, into out: UnsafeMutablePointer<Float>) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= chunkRows && head.inputs == c.hiddenSize,
      "no such rows, or a head of another width")
    pool.team { member in self.head(head, row: rows.lowerBound, rows: rows.count, into: out, member) }
  }

  /// Room for `count` more positions of a sequence, which must fit the session too.
  private func reserve(_ sequence: KVSequence, _ count: Int) throws(GemmaError) {
    precondition(sequence.pool === pages, "a sequence of another page pool")
    guard sequence.count + count <= positions else {
      throw .contextOverflow(positions: sequence.count + count, limit: positions)
    }
    try sequence.reserve(sequence.count + count)
  }

  private func check(_ tokens: [Int32]) throws(GemmaError) {
    for token in tokens where token < 0 || Int(token) >= c.vocabularySize {
      throw .token(id: token, vocabularySize: c.vocabularySize)
    }
  }

  /// One chunk through the layers, and rows `head.0..<(head.0 + head.1)` of it through the output head.
  private func run(_ tokens: ArraySlice<Int32>, head: (Int, Int, UnsafeMutablePointer<Float>)?) {
    let count = tokens.count
    chunkRows = count
    prepareAdapter()
    pool.team { member in
      forward(tokens, member)
      if observer != nil {
        finalNorm(row: 0, rows: count, member)
        member.wait()
        member.single { observer?("final_norm", normed, count) }
      }
      if let head { self.head(model.head, row: head.0, rows: head.1, into: head.2, member) }
    }
  }

  private func forward(_ tokens: ArraySlice<Int32>, _ member: TeamMember) {
    let count = tokens.count
    embed(tokens, member)
    observe("embed", x, count, member)
    if let perLayer { preparePerLayerInputs(perLayer, tokens, member) }
    if let streams { spread(streams, count, member) }
    for index in 0..<c.layerCount {
      if let streams { predict(streams, model.layers[index], count, member) }
      attention(index, count, member)
      feedForward(index, count, member)
      if let streams { correct(streams, model.layers[index], count, member) }
      if let perLayer { addPerLayerInput(perLayer, index, count, member) }
      if let scalar = layers[index].scalar {
        for row in member.share(count) {
          for i in 0..<hiddenSize { x[row * hiddenSize + i] *= scalar }
        }
      }
      observe("layer.\(index)", streams?.values.pointer ?? x, count * (streams?.sizes.streams ?? 1), member)
    }
  }

  /// What the adapter in use gives to each step.
  private func prepareAdapter() {
    guard adapter !== adapterPlan?.adapter else { return }
    adapterPlan = adapter.map { AdapterPlan($0, model, chunk: chunk) }
    adapterFactors = adapterPlan?.factors.pointer
  }

  private func observe(
    _ name: @autoclosure () -> String, _ values: UnsafePointer<Float>, _ rows: Int, _ member: TeamMember
  ) {
    guard let observer else { return }
    member.wait()
    member.single { observer(name(), values, rows) }
  }

  /// Lets the observer see what projections of a layer are multiplied with.
  func observeInput(
    of projections: [Projection], _ index: Int, _ values: UnsafePointer<Float>, _ rows: Int,
    _ member: TeamMember
  ) {
    guard let inputObserver else { return }
    member.wait()
    member.single {
      for projection in projections {
        guard let linear = model.layers[index].projections[projection.index] else { continue }
        inputObserver(.layer(index, LayerTensor(projection)), values, rows, linear.inputs)
      }
    }
  }

  private func embed(_ tokens: ArraySlice<Int32>, _ member: TeamMember) {
    let scale = c.embeddingScale
    let hasTokenRows = adapter.map { !$0.tokenRows.isEmpty } ?? false
    for row in member.share(tokens.count) {
      let target = x + row * hiddenSize
      let token = tokens[tokens.startIndex + row]
      if hasTokenRows, let own = adapter?.tokenRows[token] {
        target.update(from: own.pointer, count: hiddenSize)
      } else {
        model.embedding.row(Int(token), into: target)
      }
      for i in 0..<hiddenSize { target[i] *= scale }
    }
  }
}

extension GemmaModel {
  /// Keys and values beside quantised weights are kept in 16 bits, beside exact ones exactly.
  public var usualKeyValueFormat: KVFormat { isQuantized ? .float16 : .float32 }

  /// The large matrices are quantised (some small ones beside them may not be): a token's logits are the same bits in any
  /// chunk.
  public var isQuantized: Bool { head.isQuantized || layers.contains { $0[.query].isQuantized } }
}
