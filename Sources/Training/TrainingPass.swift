import Gemma
import Numerics

/// Forward and backward passes over packed sequences: the frozen base through the kernels that serve it, the LoRA
/// factors in f32, gradients for the factors only.
///
/// T tokens, H hidden, Q query width, K key/value width, F intermediate, V vocabulary, r rank.
public final class TrainingPass {
  /// The frozen base.
  public let model: GemmaModel
  /// The trained factors.
  public let adapter: TrainableAdapter
  /// Most tokens of one packed batch.
  public let maximumTokens: Int

  let c: GemmaConfiguration
  let d: LayerDescription  // the first layer; all have its sizes
  let pool: WorkerPool
  let kernels = Kernels.best
  let rotaries: [RotaryTable]  // by layer
  let tapes: [LayerTape]
  let final: FloatBuffer  // [T, H] residual stream behind the last layer
  let narrow: QuantizedActivations?  // [T, H]
  let wideAttention: QuantizedActivations?  // [T, Q]
  let wideMLP: QuantizedActivations?  // [T, F]
  let inputGradients: [[InputGradient]]  // per layer and projection
  let headInputGradient: InputGradient
  let headRows = 128
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
  let scores: [FloatBuffer]  // per thread: [3, blockRows, longest]
  /// Queries that share one product with the keys they see.
  static let blockRows = 64

  /// Allocates everything for batches of at most `maximumTokens` tokens; `longest` is the longest single sequence.
  ///
  /// - Throws: `TrainingError.generation` for a model whose backward pass is not written.
  public init(
    model: GemmaModel, adapter: TrainableAdapter, maximumTokens: Int, longest: Int, pool: WorkerPool = .shared
  ) throws(TrainingError) {
    let c = model.configuration
    if let obstacle = c.trainingObstacle {
      throw .generation(path: model.path, name: c.generation.rawValue, problem: obstacle)
    }
    let d = c.layers[0]
    self.model = model
    self.adapter = adapter
    self.maximumTokens = maximumTokens
    self.c = c
    self.d = d
    self.pool = pool
    rotaries = RotaryTable.tables(for: c, positions: longest)
    tapes = model.layers.map { _ in
      LayerTape(d, hiddenSize: c.hiddenSize, tokens: maximumTokens, rank: adapter.rank)
    }
    let queries = d.queryWidth
    let keys = d.keyWidth
    func floats(_ width: Int) -> FloatBuffer { FloatBuffer(maximumTokens * width) }
    func blocks(_ width: Int) -> QuantizedActivations? {
      width % 32 == 0 ? QuantizedActivations(capacity: max(maximumTokens, 128), width: width) : nil
    }
    final = floats(c.hiddenSize)
    narrow = blocks(c.hiddenSize)
    wideAttention = blocks(queries)
    wideMLP = blocks(d.intermediateSize)
    let narrowKeys = blocks(keys)
    let byWidth = Dictionary(
      [(c.hiddenSize, narrow), (queries, wideAttention), (d.intermediateSize, wideMLP), (keys, narrowKeys)],
      uniquingKeysWith: { first, _ in first })
    inputGradients = model.layers.map { layer in
      Projection.allCases.map { InputGradient(layer[$0], activations: byWidth[layer[$0].outputs] ?? nil) }
    }
    headInputGradient = InputGradient(
      model.head,
      activations: c.vocabularySize % 32 == 0
        ? QuantizedActivations(capacity: headRows, width: c.vocabularySize) : nil)
    logits = FloatBuffer(headRows * c.vocabularySize)
    headNormed = FloatBuffer(headRows * c.hiddenSize)
    headGradient = FloatBuffer(headRows * c.hiddenSize)
    dx = floats(c.hiddenSize)
    dBranch = floats(c.hiddenSize)
    dNormed = floats(c.hiddenSize)
    dQuery = floats(queries)
    dKey = floats(keys)
    dValue = floats(keys)
    dAttended = floats(queries)
    dGate = floats(d.intermediateSize)
    dUp = floats(d.intermediateSize)
    dActivated = floats(d.intermediateSize)
    dLow = floats(adapter.rank)
    dScratch = floats(c.hiddenSize)
    scores = (0..<pool.threadCount).map { _ in FloatBuffer(3 * Self.blockRows * longest) }
  }

  /// Sums over a batch.
  public struct Loss: Sendable {
    /// `Σ weight · negative log likelihood`, in nats.
    public var sum: Double
    /// `Σ weight`.
    public var weight: Double
    /// `sum / weight`.
    public var mean: Double { weight > 0 ? sum / weight : 0 }
  }

  /// Weighted loss of `sequences`; where `gradientScale` is not nil, adds `gradientScale` times the gradient of the
  /// loss sum to the adapter's gradients.
  ///
  /// Pass `1 / Σ weight` of the whole optimiser step for a mean loss over micro-batches.
  /// - Precondition: the tokens fit `maximumTokens` and the vocabulary.
  public func run(_ sequences: [TrainingSequence], gradientScale: Float?) -> Loss {
    let batch = PackedBatch(sequences)
    precondition(batch.tokens.count <= maximumTokens, "batch of \(batch.tokens.count) tokens is too large")
    embed(batch)
    for index in model.layers.indices { forward(index, batch) }
    let loss = head(batch, gradientScale: gradientScale)
    if gradientScale != nil {
      for index in model.layers.indices.reversed() { backward(index, batch) }
    }
    return loss
  }

  private func embed(_ batch: PackedBatch) {
    let first = tapes[0].input.pointer
    let scale = c.embeddingScale
    for (row, token) in batch.tokens.enumerated() {
      let target = first + row * c.hiddenSize
      model.embedding.row(Int(token), into: target)
      for i in 0..<c.hiddenSize { target[i] *= scale }
    }
  }

  private func forward(_ index: Int, _ batch: PackedBatch) {
    let tape = tapes[index]
    let layer = model.layers[index]
    let count = batch.tokens.count
    norm(tape.input, layer.inputNorm, count, tape.inputInverse, into: tape.normed)
    if layer.projections[0...2].contains(where: { $0?.isQuantized ?? false }) {
      narrow?.load(tape.normed.pointer, rows: count, pool: pool)
    }
    project(.query, index, tape.normed, narrow, count, into: tape.queryRaw)
    project(.key, index, tape.normed, narrow, count, into: tape.keyRaw)
    project(.value, index, tape.normed, narrow, count, into: tape.value)
    rotateForward(index, batch)
    attendForward(tape, layer, batch)
    if layer[.output].isQuantized {
      wideAttention?.load(tape.attended.pointer, rows: count, pool: pool)
    }
    project(.output, index, tape.attended, wideAttention, count, into: tape.attentionOutput)
    addNormed(
      tape.attentionOutput, layer.postAttentionNorm, tape.attentionInverse, count, tape.input,
      into: tape.middle)
    norm(tape.middle, layer.preFeedForwardNorm, count, tape.middleInverse, into: tape.middleNormed)
    if layer.projections[4...5].contains(where: { $0?.isQuantized ?? false }) {
      narrow?.load(tape.middleNormed.pointer, rows: count, pool: pool)
    }
    project(.gate, index, tape.middleNormed, narrow, count, into: tape.gate)
    project(.up, index, tape.middleNormed, narrow, count, into: tape.up)
    pool.split(count * d.intermediateSize, unit: 64) { range in
      kernels.geluMul(
        gate: tape.gate.pointer + range.lowerBound, up: tape.up.pointer + range.lowerBound,
        count: range.count,
        into: tape.activated.pointer + range.lowerBound)
    }
    if layer[.down].isQuantized { wideMLP?.load(tape.activated.pointer, rows: count, pool: pool) }
    project(.down, index, tape.activated, wideMLP, count, into: tape.mlpOutput)
    let next = index + 1 < tapes.count ? tapes[index + 1].input : final
    addNormed(tape.mlpOutput, layer.postFeedForwardNorm, tape.mlpInverse, count, tape.middle, into: next)
  }

  private func project(
    _ projection: Projection, _ index: Int, _ input: FloatBuffer, _ quantized: QuantizedActivations?,
    _ count: Int,
    into out: FloatBuffer
  ) {
    let linear = model.layers[index][projection]
    let module = adapter.module(projection, layer: index)
    let low = tapes[index].low[projection.index].pointer
    linear.multiply(input.pointer, quantized: quantized, rows: count, into: out.pointer, pool: pool)
    BLAS.shared.multiply(
      m: count, n: module.rank, k: linear.inputs, a: input.pointer, lda: linear.inputs,
      b: module.a.value.pointer,
      ldb: linear.inputs, transposeB: true, c: low, ldc: module.rank, pool: pool)
    BLAS.shared.multiply(
      m: count, n: linear.outputs, k: module.rank, alpha: module.scale, a: low, lda: module.rank,
      b: module.b.value.pointer, ldb: module.rank, transposeB: true, beta: 1, c: out.pointer,
      ldc: linear.outputs,
      pool: pool)
  }

  private func norm(
    _ input: FloatBuffer, _ gain: FloatBuffer, _ count: Int, _ inverse: FloatBuffer, into out: FloatBuffer
  ) {
    let width = gain.count
    pool.split(count) { rows in
      for row in rows {
        inverse.pointer[row] = kernels.rmsNorm(
          input.pointer + row * width, gain: gain.pointer, count: width, epsilon: c.epsilon,
          into: out.pointer + row * width)
      }
    }
  }

  /// `out = residual + norm(x)`, or `residual + x` where outputs are not normed.
  private func addNormed(
    _ x: FloatBuffer, _ gain: FloatBuffer?, _ inverse: FloatBuffer, _ count: Int, _ residual: FloatBuffer,
    into out: FloatBuffer
  ) {
    if let gain {
      norm(x, gain, count, inverse, into: out)
    } else {
      out.pointer.update(from: x.pointer, count: count * c.hiddenSize)
    }
    pool.split(count * c.hiddenSize, unit: 16) { range in
      kernels.axpy(
        1, residual.pointer + range.lowerBound, count: range.count, addingTo: out.pointer + range.lowerBound)
    }
  }
}
