import Gemma
import Numerics

/// Forward and backward passes over packed sequences: the frozen base through the kernels that serve it, the adapter's
/// tensors in f32, gradients for these only.
///
/// T tokens, H hidden, Q query width, K key/value width, F intermediate, V vocabulary, r rank.
public final class TrainingPass {
  /// The frozen base.
  public let model: GemmaModel
  /// What is trained.
  public let adapter: TrainableAdapter
  /// Most tokens of one packed batch.
  public let maximumTokens: Int
  /// False runs the bare base: the reference of preference objectives.
  public var usesAdapter = true
  /// Share of a factor's inputs that passes with gradients leave out (inverted scaling, a mask for each module).
  public let dropout: Float
  /// What the masks of dropout are drawn from, together with the number of passes with gradients since it was set; nil leaves
  /// nothing out. A trainer sets it anew in every step, so that a resumed run draws the same masks.
  public var dropoutSeed: UInt64? {
    didSet { passesOfSeed = 0 }
  }
  /// Only the inputs of layers are kept, the rest is computed again in the backward pass.
  public let recomputes: Bool

  let c: GemmaConfiguration
  let d: LayerDescription  // the first layer; all have its sizes
  let pool: WorkerPool
  let kernels = Kernels.best
  let rotaries: [RotaryTable]  // by layer
  let plan: GradientPlan
  let buffers: TrainingBuffers
  let inputGradients: [[InputGradient?]]  // per layer and projection; nil where nothing asks for it
  let headInputGradient: InputGradient
  private var passesOfSeed: UInt64 = 0
  /// The masks of the running pass; nil where nothing is left out.
  var masks: DropoutMasks?

  var tapes: [LayerTape] { buffers.tapes }
  var final: FloatBuffer { buffers.final }
  var narrow: QuantizedActivations? { buffers.narrow }
  var logits: FloatBuffer { buffers.logits }
  var headNormed: FloatBuffer { buffers.headNormed }
  var headGradient: FloatBuffer { buffers.headGradient }
  var dx: FloatBuffer { buffers.dx }
  var headRows: Int { TrainingBuffers.headRows }

  /// Allocates everything for batches of at most `maximumTokens` tokens; `longest` is the longest single sequence.
  ///
  /// - Throws: `TrainingError.generation` for a model whose backward pass is not written.
  public init(
    model: GemmaModel, adapter: TrainableAdapter, maximumTokens: Int, longest: Int, dropout: Float = 0,
    recomputes: Bool = false, pool: WorkerPool = .shared
  ) throws(TrainingError) {
    let c = model.configuration
    if let obstacle = c.trainingObstacle {
      throw .generation(path: model.path, name: c.generation.rawValue, problem: obstacle)
    }
    precondition((0..<1).contains(dropout), "dropout leaves out a share below 1")
    let plan = GradientPlan(adapter)
    self.model = model
    self.adapter = adapter
    self.maximumTokens = maximumTokens
    self.dropout = dropout
    self.recomputes = recomputes
    self.c = c
    self.d = c.layers[0]
    self.pool = pool
    self.plan = plan
    rotaries = RotaryTable.tables(for: c, positions: longest)
    let buffers = TrainingBuffers(
      c, plan, tokens: maximumTokens, longest: longest, recomputes: recomputes, dropout: dropout > 0,
      threads: pool.threadCount, BufferSource(allocates: true))
    self.buffers = buffers
    inputGradients = model.layers.indices.map { layer in
      Projection.allCases.map { projection in
        guard plan.needsInputGradient(projection, layer) else { return nil }
        let linear = model.layers[layer][projection]
        return InputGradient(linear, activations: buffers.blocks(width: linear.outputs, c), pool: pool)
      }
    }
    headInputGradient = InputGradient(model.head, activations: buffers.headBlocks, pool: pool)
  }

  /// Sums over a batch.
  public struct Loss: Sendable {
    /// `Σ weight · negative log likelihood`, in nats.
    public var sum: Double
    /// `Σ weight`.
    public var weight: Double
    /// Negative log likelihoods of the tokens with weight, by sequence, in order and without their weights.
    public var tokenLosses: [[Float]] = []
    /// `sum / weight`.
    public var mean: Double { weight > 0 ? sum / weight : 0 }
  }

  /// Weighted loss of `sequences`; where `gradientScale` is not nil, adds `gradientScale` times the gradient of the
  /// loss sum to the adapter's gradients.
  ///
  /// Pass `1 / Σ weight` of the whole optimiser step for a mean loss over micro-batches.
  /// - Precondition: the tokens fit `maximumTokens` and the vocabulary; gradients are those of an adapter that is on.
  public func run(_ sequences: [TrainingSequence], gradientScale: Float?) -> Loss {
    let batch = PackedBatch(sequences)
    precondition(batch.tokens.count <= maximumTokens, "batch of \(batch.tokens.count) tokens is too large")
    precondition(usesAdapter || gradientScale == nil, "the base has no gradient")
    drawMasks(hasGradients: gradientScale != nil)
    adapter.refreshGains(pool: pool)
    embed(batch)
    for index in model.layers.indices { forward(index, batch) }
    let loss = head(batch, of: sequences.count, gradientScale: gradientScale)
    guard gradientScale != nil else { return loss }
    for index in plan.layers.reversed() {
      // The shared tape still holds the last layer.
      if recomputes, index + 1 < c.layerCount { forward(index, batch, isRepeated: true) }
      backward(index, batch)
    }
    if plan.trainsEmbedding { embeddingBackward(batch) }
    return loss
  }

  private func drawMasks(hasGradients: Bool) {
    masks = nil
    guard hasGradients, dropout > 0, let dropoutSeed else { return }
    masks = DropoutMasks(share: dropout, seed: dropoutSeed, pass: passesOfSeed)
    passesOfSeed += 1
  }

  private func forward(_ index: Int, _ batch: PackedBatch, isRepeated: Bool = false) {
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
      buffers.wideAttention?.load(tape.attended.pointer, rows: count, pool: pool)
    }
    project(.output, index, tape.attended, buffers.wideAttention, count, into: tape.attentionOutput)
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
    if layer[.down].isQuantized {
      buffers.wideMLP?.load(tape.activated.pointer, rows: count, pool: pool)
    }
    project(.down, index, tape.activated, buffers.wideMLP, count, into: tape.mlpOutput)
    if isRepeated { return }
    let next = index + 1 < tapes.count ? tapes[index + 1].input : final
    addNormed(tape.mlpOutput, layer.postFeedForwardNorm, tape.mlpInverse, count, tape.middle, into: next)
  }

  /// `out = gain · (W x + scale · B A x')`, where x' is what dropout leaves of x; the gain is DoRA's.
  private func project(
    _ projection: Projection, _ index: Int, _ input: FloatBuffer, _ quantized: QuantizedActivations?,
    _ count: Int,
    into out: FloatBuffer
  ) {
    let linear = model.layers[index][projection]
    linear.multiply(input.pointer, quantized: quantized, rows: count, into: out.pointer, pool: pool)
    guard usesAdapter, let module = adapter.module(projection, layer: index) else { return }
    let low = tapes[index].low[projection.index].pointer
    let source = thinned(input, module, count)
    BLAS.shared.multiply(
      m: count, n: module.rank, k: linear.inputs, a: source.pointer, lda: linear.inputs,
      b: module.a.value.pointer,
      ldb: linear.inputs, transposeB: true, c: low, ldc: module.rank, pool: pool)
    BLAS.shared.multiply(
      m: count, n: linear.outputs, k: module.rank, alpha: module.scale, a: low, lda: module.rank,
      b: module.b.value.pointer, ldb: module.rank, transposeB: true, beta: 1, c: out.pointer,
      ldc: linear.outputs,
      pool: pool)
    if let gain = module.gain { multiply(out, byColumns: gain, count) }
  }

  /// `x[t, o] *= gain[o]`.
  func multiply(_ x: FloatBuffer, byColumns gain: FloatBuffer, _ count: Int) {
    let width = gain.count
    pool.split(count) { rows in
      for row in rows {
        let values = x.pointer + row * width
        for column in 0..<width { values[column] *= gain.pointer[column] }
      }
    }
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
