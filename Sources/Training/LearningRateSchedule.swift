import Foundation

/// Learning rates over a run.
public struct LearningRateSchedule: Sendable {
  /// How the rate falls behind the warm-up.
  public enum Shape: String, Sendable, CaseIterable {
    /// Half a cosine, to the floor.
    case cosine
    /// A straight line, to the floor.
    case linear
    /// It stays.
    case constant
  }

  /// Highest rate.
  public var peak: Float
  /// Share of the run with linear warm-up.
  public var warmUp: Double
  /// Final rate as a share of the peak.
  public var floor: Double
  /// How the rate falls.
  public var shape: Shape

  /// Linear warm-up to `peak`, then down to `floor · peak`.
  public init(peak: Float, warmUp: Double = 0.03, floor: Double = 0.1, shape: Shape = .cosine) {
    self.peak = peak
    self.warmUp = warmUp
    self.floor = floor
    self.shape = shape
  }

  /// Rate at `progress` in 0...1 of the run.
  public func rate(at progress: Double) -> Float {
    if progress < warmUp { return peak * Float(max(0.02, progress / warmUp)) }
    let rest = min(1, (progress - warmUp) / max(1e-9, 1 - warmUp))
    return switch shape {
    case .cosine: peak * Float(floor + (1 - floor) * 0.5 * (1 + cos(Double.pi * rest)))
    case .linear: peak * Float(floor + (1 - floor) * (1 - rest))
    case .constant: peak
    }
  }

  /// transformers' `get_cosine_schedule_with_warmup`: rate of step `t` (from 0) of `total`.
  public static func transformersCosine(peak: Float, step: Int, warmUp: Int, total: Int) -> Float {
    if step < warmUp { return peak * Float(step) / Float(max(1, warmUp)) }
    let progress = Double(step - warmUp) / Double(max(1, total - warmUp))
    return peak * Float(max(0, 0.5 * (1 + cos(Double.pi * progress))))
  }
}
