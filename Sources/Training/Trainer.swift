import Carving
import Foundation
import Gemma
import Generation
import Numerics
import Weights

/// Trains a LoRA adapter on carved examples over a frozen base.
///
///     let trainer = Trainer(model: model, format: format, recipe: recipe, directory: run, identity: id,
///       carve: { epoch in carver.examples(from: files, epoch: epoch) }, heldOut: heldOut)
///     let report = try trainer.run(resume: false) { progress in … }
///
/// The run can be killed at any time: a checkpoint is written every minute, and `resume` continues from it, or begins anew
/// where there is none yet.
public final class Trainer {
  /// Trained factors.
  public let adapter: TrainableAdapter
  /// Seconds between two checkpoints.
  public var checkpointInterval = 60.0
  /// Least seconds between two measurements of the held-out loss.
  public var measurementInterval = 60.0
  /// Most of the time that these measurements may take.
  public var measurementShare = 0.05
  private let recipe: TrainingRecipe
  private let pass: TrainingPass
  private let directory: String
  private let identity: String
  private let source: any SequenceSource
  private var objective: any Objective
  private let heldOut: [TrainingSequence]
  private let schedule: LearningRateSchedule
  private var optimizer: AdamWOptimizer
  private var evaluationSeconds = 0.0

  /// Prepares a run over carved examples whose checkpoints live in `directory`.
  ///
  /// - Parameters:
  ///   - identity: hash over base, data and recipe that a resumed run must share.
  ///   - carve: examples of an epoch; called on the calling thread.
  ///   - heldOut: examples that are never trained on.
  /// - Throws: `TrainingError.generation`.
  public convenience init(
    model: GemmaModel, format: PromptFormat, recipe: TrainingRecipe, directory: String, identity: String,
    carve: @escaping (Int) throws -> [FIMExample], heldOut: [FIMExample], start: TrainableAdapter? = nil
  ) throws(TrainingError) {
    let encoder = ExampleEncoder(format: format, recipe: recipe)
    try self.init(
      model: model, recipe: recipe, directory: directory, identity: identity,
      source: CarvedSource(encoder: encoder, carve: carve),
      heldOut: heldOut.compactMap { encoder.sequence($0, order: .suffixFirst) }, start: start)
  }

  /// Prepares a run over sequences from `source`; those of `heldOut`, with loss on the middle and the end token, are never
  /// trained on. The factors are fresh, or those of `start`.
  ///
  /// - Throws: `TrainingError.generation`.
  public init(
    model: GemmaModel, recipe: TrainingRecipe, directory: String, identity: String,
    source: any SequenceSource,
    heldOut: [TrainingSequence], objective: any Objective = ImitationObjective(),
    start: TrainableAdapter? = nil
  ) throws(TrainingError) {
    self.recipe = recipe
    self.directory = directory
    self.identity = identity
    self.source = source
    self.objective = objective
    adapter = start ?? TrainableAdapter(recipe.adapterSettings, model: model, seed: recipe.seed)
    optimizer = AdamWOptimizer(recipe)
    let longest = max(1, source.longestSequence, heldOut.map(\.tokens.count).max() ?? 0)
    pass = try TrainingPass(
      model: model, adapter: adapter, maximumTokens: max(recipe.microBatchTokens, longest), longest: longest,
      dropout: recipe.dropout, recomputes: recipe.recomputes)
    schedule = recipe.learningRates
    self.heldOut = heldOut.map {
      var sequence = $0
      // A measured loss counts every token once, whatever training stresses.
      for index in sequence.weights.indices where sequence.weights[index] != 0 { sequence.weights[index] = 1 }
      return sequence
    }
  }

  /// Tokens of the held-out sequences.
  public var heldOutTokens: Int { heldOut.reduce(0) { $0 + $1.tokens.count } }

  /// Trains until the budget is used up or `isCancelled` says so; calls `progress` after every step.
  ///
  /// The held-out loss is measured before the first step, now and then, and at the end.
  /// - Throws: `TrainingError`, `WeightsError`. What was written before stays: the last checkpoint can be continued.
  public func run(
    resume: Bool, isCancelled: () -> Bool = { false }, progress: (TrainingProgress) throws -> Void
  ) throws -> TrainingReport {
    var state = Checkpoint(identity: identity)
    AtomicFile.removeAbandoned(beside: Checkpoint.path(in: directory))
    if resume, MappedFile.exists(Checkpoint.path(in: directory)) {
      state = try Checkpoint.read(from: directory, identity: identity, into: adapter)
      optimizer.step = state.step
    }
    var stream = BatchStream(source, seed: recipe.seed, from: state.position)
    let clock = Stopwatch(offset: state.elapsed)
    if state.baseLossPerByte == nil { state.baseLossPerByte = heldOutLoss() }
    var last = TrainingProgress(
      step: state.step, loss: 0, gradientNorm: 0, learningRate: 0, tokens: state.tokens, tokensPerSecond: 0,
      elapsed: clock.seconds, remaining: 0, fraction: fraction(state, stream, clock),
      epochs: stream.epochs, heldOutLossPerByte: state.baseLossPerByte)
    var (lastSave, lastMeasurement) = (clock.seconds, clock.seconds)
    var watch = DivergenceWatch()
    while last.fraction < 1, !isExhausted(state), !isCancelled() {
      let started = clock.seconds
      let (loss, norm, rate, tokens) = try step(&stream, state, at: last.fraction)
      state.step += 1
      state.tokens += tokens
      state.position = stream.position
      state.elapsed = clock.seconds
      last = report(state, stream, clock, loss, norm, rate, tokens, clock.seconds - started, last)
      try watch.check(step: state.step, loss: last.loss)
      if isMeasured(after: state.step), let loss = heldOutLoss() {
        last.heldOutLossPerByte = loss
        state.measured(loss, adapter)
      } else if last.fraction < 1,
        clock.seconds - lastMeasurement >= max(measurementInterval, evaluationSeconds / measurementShare)
      {
        last.heldOutLossPerByte = heldOutLoss()
        lastMeasurement = clock.seconds
      }
      // Before the checkpoint: whoever goes on from there finds every step before it on record.
      try progress(last)
      if clock.seconds - lastSave >= checkpointInterval {
        state.elapsed = clock.seconds
        try state.write(adapter, to: directory)
        lastSave = clock.seconds
      }
    }
    state.elapsed = clock.seconds
    try state.write(adapter, to: directory)
    var report = TrainingReport(
      last: last, baseLossPerByte: state.baseLossPerByte, finished: last.fraction >= 1 || isExhausted(state))
    if report.finished { conclude(&report, state) }
    return report
  }

  /// Measures what has been learnt; keeps the best state and the best scale, where the recipe asks for them.
  private func conclude(_ report: inout TrainingReport, _ state: Checkpoint) {
    report.adapterLossPerByte = heldOutLoss()
    guard let last = report.adapterLossPerByte else { return }
    if let best = state.best, !(last <= best.loss) {
      best.restore(adapter)
      report.adapterLossPerByte = best.loss
      report.keptStep = best.step
    }
    guard recipe.choosesScale else { return }
    for factor in Self.scaleFactors {
      adapter.scaleFactor = factor
      guard let loss = factor == 1 ? report.adapterLossPerByte : heldOutLoss() else { continue }
      report.scaleLosses.append((factor, loss))
    }
    // Trained as it is unless another scale is better.
    let chosen = report.scaleLosses.filter { $0.lossPerByte.isFinite }.min { $0.lossPerByte < $1.lossPerByte }
    adapter.scaleFactor = chosen?.factor ?? 1
    report.scaleFactor = adapter.scaleFactor
    report.adapterLossPerByte = chosen?.lossPerByte ?? report.adapterLossPerByte
  }

  /// What the adapter's scale is multiplied by to see which is best on held-out data.
  public static let scaleFactors = [0.6, 0.8, 1.0, 1.2]

  /// Whether the held-out loss has not fallen for as long as the recipe waits.
  private func isExhausted(_ state: Checkpoint) -> Bool {
    guard let patience = recipe.patience, let best = state.best else { return false }
    return best.misses >= patience
  }

  private func isMeasured(after step: Int) -> Bool {
    recipe.patience != nil && step % max(1, recipe.measuringInterval) == 0
  }

  private func step(
    _ stream: inout BatchStream, _ state: Checkpoint, at fraction: Double
  ) throws -> (loss: StepLoss, norm: Float, rate: Float, tokens: Int) {
    var parts: [[TrainingSequence]] = []
    var tokens = 0
    var count = 0
    while tokens < recipe.batchTokens || count < objective.leastSequences {
      let part = try stream.next(tokens: recipe.microBatchTokens)
      guard !part.isEmpty else { throw TrainingError.noExamples }
      parts.append(part)
      tokens += part.reduce(0) { $0 + $1.tokens.count }
      count += part.count
      let isFull = tokens + recipe.microBatchTokens / 2 > recipe.batchTokens
      if isFull, count >= objective.leastSequences { break }
    }
    adapter.clearGradients()
    // Of the step, not of the session: a resumed run draws the same masks.
    pass.dropoutSeed = SeededRandom.spread(recipe.seed ^ SeededRandom.spread(UInt64(state.step)))
    let loss = try objective.accumulate(parts, pass)
    guard loss.mean.isFinite else { throw TrainingError.diverged(step: state.step) }
    let rate = schedule.rate(at: fraction)
    let norm = optimizer.update(adapter, learningRate: rate)
    guard norm.isFinite else { throw TrainingError.diverged(step: state.step) }
    return (loss, norm, rate, tokens)
  }

  private func report(
    _ state: Checkpoint, _ stream: BatchStream, _ clock: Stopwatch, _ loss: StepLoss, _ norm: Float,
    _ rate: Float,
    _ tokens: Int, _ seconds: Double, _ previous: TrainingProgress
  ) -> TrainingProgress {
    let now = fraction(state, stream, clock)
    let speed = Double(tokens) / max(1e-9, seconds)
    let smooth = previous.tokensPerSecond == 0 ? speed : 0.8 * previous.tokensPerSecond + 0.2 * speed
    return TrainingProgress(
      step: state.step, loss: loss.mean, gradientNorm: norm, learningRate: rate, tokens: state.tokens,
      tokensPerSecond: smooth, elapsed: clock.seconds, remaining: clock.seconds * (1 - now) / max(1e-9, now),
      fraction: now, epochs: stream.epochs, heldOutLossPerByte: nil, figures: loss.figures)
  }

  /// The objective's loss and figures on sequences that are not trained on, as the adapter stands; nil where it has none.
  public func measure(_ sequences: [TrainingSequence]) -> StepLoss? {
    objective.measure(sequences, pass)
  }

  /// Share of the budget used; time is kept for the closing evaluation.
  private func fraction(_ state: Checkpoint, _ stream: BatchStream, _ clock: Stopwatch) -> Double {
    switch recipe.budget {
    case .seconds(let seconds): min(1, clock.seconds / max(1e-9, seconds - closingSeconds))
    case .steps(let steps): min(1, Double(state.step) / Double(max(1, steps)))
    case .epochs(let epochs): min(1, stream.epochs / max(1e-9, epochs))
    }
  }

  /// What measuring at the end is going to take.
  private var closingSeconds: Double {
    evaluationSeconds * Double(recipe.choosesScale ? Self.scaleFactors.count : 1)
  }

  /// Loss of the middles and end tokens in nats per byte of middle; nil without held-out examples.
  private func heldOutLoss() -> Double? {
    guard !heldOut.isEmpty else { return nil }
    let clock = Stopwatch(offset: 0)
    var loss = 0.0
    var bytes = 0
    var batch: [TrainingSequence] = []
    var size = 0
    for sequence in heldOut + [TrainingSequence(tokens: [], weights: [])] {
      if size + sequence.tokens.count > recipe.microBatchTokens || sequence.tokens.isEmpty {
        loss += pass.run(batch, gradientScale: nil).sum
        batch = []
        size = 0
      }
      batch.append(sequence)
      size += sequence.tokens.count
      bytes += sequence.middleBytes
    }
    evaluationSeconds = clock.seconds
    return loss / Double(max(1, bytes))
  }
}

/// Seconds since a start, plus those of earlier sessions.
private struct Stopwatch {
  private let start = ContinuousClock.now
  private let offset: Double

  init(offset: Double) {
    self.offset = offset
  }

  var seconds: Double { offset + (ContinuousClock.now - start) / .seconds(1) }
}
