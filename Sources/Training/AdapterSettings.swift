import Gemma

/// What of a model is adapted, and how: shared by fresh adapters, the memory that a run needs, and the recipe.
public struct AdapterSettings: Sendable, Equatable {
  /// Inner width of all factors.
  public var rank = 16
  /// Numerator of the scale of the factors' product.
  public var alpha: Float = 32
  /// The projections that get factors, in every layer.
  public var targets = Projection.allCases
  /// The product is scaled by alpha / √rank (Kalajdzievski 2023) instead of alpha / rank.
  public var isRankStabilized = false
  /// Every adapted row of `W + scale · BA` is brought to a trained norm (DoRA, Liu et al. 2024).
  public var hasMagnitudes = false
  /// Tokens whose rows of the embedding are trained.
  public var tokens: [Int32] = []

  /// Plain LoRA on all projections.
  public init() {}
}
