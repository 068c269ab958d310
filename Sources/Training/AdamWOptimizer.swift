import Foundation
import Numerics

/// AdamW with clipping by global norm over an adapter's factors.
public struct AdamWOptimizer: Sendable {
  /// Decay of the first moment.
  public var beta1: Float = 0.9
  /// Decay of the second moment.
  public var beta2: Float = 0.95
  /// Term that keeps the quotient finite.
  public var epsilon: Float = 1e-8
  /// Decoupled decay, applied to A and B alike.
  public var weightDecay: Float = 0.05
  /// Largest global gradient norm.
  public var maximumNorm: Float = 1
  /// Steps taken.
  public var step = 0

  /// Creates an optimizer with the recipe's defaults.
  public init() {}

  /// One step; returns the gradient norm before clipping. Gradients are left as they were scaled.
  @discardableResult
  public mutating func update(_ adapter: TrainableAdapter, learningRate: Float) -> Float {
    step += 1
    let norm = adapter.gradientNorm()
    // PyTorch's coefficient.
    let clip = min(1, maximumNorm / (norm + 1e-6))
    let kernels = Kernels.best
    let constants = Kernels.AdamW(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
      step: step
    )
    let parameters = adapter.parameters
    WorkerPool.shared.run(parameters.count) { index in
      let p = parameters[index]
      if clip < 1 {
        for i in 0..<p.gradient.count { p.gradient.pointer[i] *= clip }
      }
      kernels.adamW(
        parameters: p.value.pointer, gradients: p.gradient.pointer, first: p.first.pointer,
        second: p.second.pointer, count: p.value.count, constants)
    }
    return norm
  }
}

/// Learning rates over a run.
public struct LearningRateSchedule: Sendable {
  /// Highest rate.
  public var peak: Float
  /// Share of the run with linear warm-up.
  public var warmUp: Double
  /// Final rate as a share of the peak.
  public var floor: Double

  /// Linear warm-up, then a cosine from `peak` to `floor · peak`.
  public init(peak: Float, warmUp: Double = 0.03, floor: Double = 0.1) {
    self.peak = peak
    self.warmUp = warmUp
    self.floor = floor
  }

  /// Rate at `progress` in 0...1 of the run.
  public func rate(at progress: Double) -> Float {
    if progress < warmUp { return peak * Float(max(0.02, progress / warmUp)) }
    let rest = min(1, (progress - warmUp) / max(1e-9, 1 - warmUp))
    return peak * Float(floor + (1 - floor) * 0.5 * (1 + cos(Double.pi * rest)))
  }

  /// transformers' `get_cosine_schedule_with_warmup`: rate of step `t` (from 0) of `total`.
  public static func transformersCosine(peak: Float, step: Int, warmUp: Int, total: Int) -> Float {
    if step < warmUp { return peak * Float(step) / Float(max(1, warmUp)) }
    let progress = Double(step - warmUp) / Double(max(1, total - warmUp))
    return peak * Float(max(0, 0.5 * (1 + cos(Double.pi * progress))))
  }
}
