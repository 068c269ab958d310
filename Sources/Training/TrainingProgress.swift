import Foundation

/// Where a run stands, for the progress line and the metrics file.
public struct TrainingProgress: Sendable {
  /// Optimiser steps done.
  public var step: Int
  /// Mean weighted loss of the step, nats per token.
  public var loss: Double
  /// Gradient norm before clipping.
  public var gradientNorm: Float
  /// Learning rate of the step.
  public var learningRate: Float
  /// Tokens seen.
  public var tokens: Int
  /// Tokens per second of the last steps.
  public var tokensPerSecond: Double
  /// Seconds since the start, earlier sessions of a resumed run included.
  public var elapsed: Double
  /// Estimated seconds to the end.
  public var remaining: Double
  /// Share of the budget used, 0...1.
  public var fraction: Double
  /// Passes over the data.
  public var epochs: Double
  /// Held-out loss in nats per byte of middle, where it was measured at this step.
  public var heldOutLossPerByte: Double?
  /// Further figures of the objective, by name.
  public var figures: [String: Double] = [:]
}

/// What a run did.
public struct TrainingReport: Sendable {
  /// Steps, tokens and the last losses.
  public var last: TrainingProgress
  /// Held-out loss of the base, nats per byte; nil without held-out examples.
  public var baseLossPerByte: Double?
  /// Held-out loss of the adapter, nats per byte; nil without held-out examples.
  public var adapterLossPerByte: Double?
  /// False where the run was interrupted before its budget ended.
  public var finished: Bool
  /// The step whose state was kept; nil where it is the last one.
  public var keptStep: Int?
  /// What the adapter's alpha was multiplied by at the end.
  public var scaleFactor = 1.0
  /// Held-out losses of the factors that were tried, nats per byte.
  public var scaleLosses: [(factor: Double, lossPerByte: Double)] = []
}

/// What can go wrong in a run.
public enum TrainingError: Error, CustomStringConvertible, Sendable {
  /// The data gave no sequence to train on.
  case noExamples
  /// The loss stopped being a number.
  case diverged(step: Int)
  /// The loss rises and does not come back.
  case rising(step: Int, from: Double, to: Double)
  /// The model's generation can be served, but not trained here.
  case generation(path: String, name: String, problem: String)
  /// A file of token sequences is damaged, or of another vocabulary.
  case shard(path: String, problem: String)
  /// A checkpoint cannot be continued.
  case checkpoint(path: String, problem: String)

  /// One line: what, where, and what to do.
  public var description: String {
    switch self {
    case .noExamples:
      "no training examples: the files are too small, all were left out, or all answers earn the same; run gemfill carve PATH --stats"
    case .diverged(let step): "the loss is not a number at step \(step); train with a lower --learning-rate"
    case .rising(let step, let low, let high):
      "the run diverges: the loss has risen from \(Self.short(low)) to \(Self.short(high)) nats per token by step \(step); "
        + "train with a lower --learning-rate"
    case .generation(let path, let name, let problem):
      "\(path): \(name) models cannot be trained here: \(problem); train with PEFT and import the adapter"
    case .shard(let path, let problem): "\(path): \(problem); carve the dataset again"
    case .checkpoint(let path, let problem): "\(path): \(problem); start again without --resume"
    }
  }

  private static func short(_ value: Double) -> String { String(format: "%.2f", value) }
}
