import Foundation
import Numerics

/// AdamW with clipping by global norm over an adapter's trained tensors.
public struct AdamWOptimizer: Sendable {
  /// Decay of the first moment.
  public var beta1: Float
  /// Decay of the second moment.
  public var beta2: Float
  /// Term that keeps the quotient finite.
  public var epsilon: Float = 1e-8
  /// Decoupled decay, applied to A and B alike. Magnitudes and token rows have none: it would pull them to 0, not to the
  /// base.
  public var weightDecay: Float
  /// Largest global gradient norm.
  public var maximumNorm: Float
  /// What the rate is multiplied by for the factors B (LoRA+, Hayou et al. 2024).
  public var factorBRate: Float
  /// What the rate is multiplied by for rows of the embedding.
  public var tokenRate: Float
  /// Steps taken.
  public var step = 0

  /// Creates an optimizer with the default recipe's settings.
  public init() {
    self.init(TrainingRecipe())
  }

  /// Creates an optimizer with a recipe's settings.
  public init(_ recipe: TrainingRecipe) {
    beta1 = recipe.beta1
    beta2 = recipe.beta2
    weightDecay = recipe.weightDecay
    maximumNorm = recipe.maximumNorm
    factorBRate = recipe.factorBRate
    tokenRate = recipe.tokenRate
  }

  /// One step; returns the gradient norm before clipping. Gradients are left as they were scaled.
  @discardableResult
  public mutating func update(_ adapter: TrainableAdapter, learningRate: Float) -> Float {
    step += 1
    let norm = adapter.gradientNorm()
    // PyTorch's coefficient.
    let clip = min(1, maximumNorm / (norm + 1e-6))
    let kernels = Kernels.best
    let parameters = adapter.parameters
    WorkerPool.shared.run(parameters.count) { index in
      let p = parameters[index]
      if clip < 1 {
        for i in 0..<p.gradient.count { p.gradient.pointer[i] *= clip }
      }
      kernels.adamW(
        parameters: p.value.pointer, gradients: p.gradient.pointer, first: p.first.pointer,
        second: p.second.pointer, count: p.value.count, constants(p.kind, learningRate))
    }
    return norm
  }

  private func constants(_ kind: TrainableAdapter.Parameter.Kind, _ rate: Float) -> Kernels.AdamW {
    let (factor, decay): (Float, Float) =
      switch kind {
      case .a: (1, weightDecay)
      case .b: (factorBRate, weightDecay)
      case .magnitude: (1, 0)
      case .tokenRows: (tokenRate, 0)
      }
    return Kernels.AdamW(
      learningRate: rate * factor, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay,
      step: step)
  }
}
