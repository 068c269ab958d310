import Gemma

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
  /// The projections that get factors.
  public var targets = Projection.allCases
  /// Scales alpha / √rank instead of alpha / rank (rsLoRA).
  public var isRankStabilized = false
  /// Trained norms of the adapted rows (DoRA).
  public var hasMagnitudes = false
  /// Tokens whose rows of the embedding are trained, for marks that the base has never seen.
  public var trainedTokens: [Int32] = []
  /// Share of the factors' inputs that is left out at random in training, a mask for each module; what stays is scaled up.
  public var dropout: Float = 0
  /// Peak learning rate.
  public var learningRate: Float = 5e-3
  /// What the rate is multiplied by for the factors B (LoRA+); 1 is plain LoRA.
  public var factorBRate: Float = 1
  /// What the rate is multiplied by for rows of the embedding, whose values are far smaller than those of factors.
  public var tokenRate: Float = 0.1
  /// How the rate falls behind the warm-up.
  public var schedule = LearningRateSchedule.Shape.cosine
  /// Share of the run with linear warm-up.
  public var warmUp = 0.03
  /// Final rate as a share of the peak, but for a constant schedule.
  public var finalRate = 0.1
  /// AdamW: decay of the first moment.
  public var beta1: Float = 0.9
  /// AdamW: decay of the second moment.
  public var beta2: Float = 0.95
  /// AdamW: decoupled decay of the factors.
  public var weightDecay: Float = 0.05
  /// Largest global gradient norm of a step.
  public var maximumNorm: Float = 1
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
  /// What is lowered.
  public var objective = ObjectiveSettings()
  /// Seed of everything random.
  public var seed: UInt64 = 1

  /// Keeps only the inputs of layers and computes the rest again in the backward pass: less memory, a third more time, the
  /// same bits.
  public var recomputes = false
  /// Ends the run when the held-out loss has not fallen in so many measurements, and keeps the best state; nil trains to the
  /// end of the budget and keeps the last.
  public var patience: Int?
  /// Steps between two measurements of the held-out loss, where there is a patience.
  public var measuringInterval = 25
  /// Chooses the adapter's scale at the end by held-out loss; see `Trainer.scaleFactors`.
  public var choosesScale = false

  /// The default recipe.
  public init() {}

  /// What of a model is adapted.
  public var adapterSettings: AdapterSettings {
    var settings = AdapterSettings()
    settings.rank = rank
    settings.alpha = alpha
    settings.targets = targets
    settings.isRankStabilized = isRankStabilized
    settings.hasMagnitudes = hasMagnitudes
    settings.tokens = trainedTokens
    return settings
  }

  /// Learning rates over a run.
  public var learningRates: LearningRateSchedule {
    LearningRateSchedule(peak: learningRate, warmUp: warmUp, floor: finalRate, shape: schedule)
  }
}
