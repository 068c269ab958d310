/// Everything that decides what an adapter becomes, apart from the base and the data.
public struct TrainingRecipe: Sendable, Equatable {
  /// When a run ends.
  public enum Budget: Sendable, Equatable {
    /// Wall-clock seconds, evaluation included.
    case seconds(Double)
    /// Optimiser steps.
    case steps(Int)
    /// Passes over the re-carved examples.
    case epochs(Double)
  }

  /// When to stop.
  public var budget: Budget = .seconds(240)
  /// LoRA rank.
  public var rank = 16
  /// LoRA alpha; the factors' product is scaled by alpha / rank.
  public var alpha: Float = 32
  /// Peak learning rate.
  public var learningRate: Float = 5e-3
  /// Loss weight of prefix, suffix and plain text; the middle has 1.
  public var contextWeight: Float = 0.2
  /// Share of the context tokens that carry loss, chosen anew in every epoch; their weight is `contextWeight / share`, so
  /// that the expected gradient stays and the output head runs over a fraction of the positions.
  public var contextShare = 0.25
  /// Loss weight of the end token: above 1, since one token decides whether a completion stops.
  public var endWeight: Float = 3
  /// Tokens per optimiser step.
  public var batchTokens = 4_096
  /// Tokens per forward and backward pass.
  public var microBatchTokens = 4_096
  /// Longest sequence; longer examples are left out.
  public var maximumLength = 1_536
  /// Share of suffix-first prompts.
  public var suffixFirstShare = 0.5
  /// Seed of everything random.
  public var seed: UInt64 = 1

  /// The default recipe.
  public init() {}
}
