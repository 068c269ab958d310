import Foundation

/// GRPO: of several answers that the policy gave to one prompt, those with more reward than the others gain.
///
/// Per answer `−mean_t min(ρ_t A, clip(ρ_t, 1 ± ε) A)`, `ρ_t = π(t) / π_sampled(t)`, with the advantage A as many standard
/// deviations as its reward is above its group's (Shao et al., "DeepSeekMath", 2024). With β above 0, `β · (e^d − d − 1)` with
/// `d = log π_ref − log π` is added for every token: an estimate of the divergence from the base.
public struct GroupRelativeObjective: Objective {
  /// ε: how far one update may move the probability of a token.
  public var clip: Double
  /// Weight of the divergence from the base; 0 saves a forward pass.
  public var beta: Double
  private var reference = ReferenceScores()

  /// Creates the objective.
  public init(clip: Double = 0.2, beta: Double = 0) {
    self.clip = clip
    self.beta = beta
  }

  /// How far above the others of its group each reward is, in standard deviations; all 0 where all are equal.
  public static func advantages(_ rewards: [Double]) -> [Float] {
    let mean = rewards.reduce(0, +) / Double(max(1, rewards.count))
    let variance = rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, rewards.count))
    return rewards.map { Float(($0 - mean) / (variance.squareRoot() + 1e-4)) }
  }

  /// Loss of one answer and its slopes by the log probabilities of its tokens.
  static func surrogate(
    new: [Float], old: [Float], advantage: Double, clip: Double
  ) -> (value: Double, slopes: [Double], clipped: Int) {
    let count = Double(max(1, new.count))
    var (value, clipped) = (0.0, 0)
    let slopes = zip(new, old).map { new, old -> Double in
      let ratio = exp(Double(new) - Double(old))
      let held = min(max(ratio, 1 - clip), 1 + clip)
      value -= min(ratio * advantage, held * advantage) / count
      // Where the clipped product is the smaller one, nothing is left to push.
      guard ratio * advantage <= held * advantage else {
        clipped += 1
        return 0
      }
      return -ratio * advantage / count
    }
    return (value, slopes, clipped)
  }

  /// Adds the gradient of the mean over answers.
  public mutating func accumulate(_ parts: [[TrainingSequence]], _ pass: TrainingPass) -> StepLoss {
    let all = Array(parts.joined())
    let policy = pass.tokenLogProbabilities(all)
    let base = beta > 0 ? reference.tokenLogProbabilities(all, pass) : []
    var loss = StepLoss(mean: 0)
    var (tokens, clipped) = (0, 0)
    var slopes: [[Float]] = []
    for (index, sequence) in all.enumerated() {
      guard case .sampled(let advantage, let old) = sequence.signal else {
        slopes.append(Array(repeating: 0, count: policy[index].count))
        continue
      }
      var one = Self.surrogate(new: policy[index], old: old, advantage: Double(advantage), clip: clip)
      if beta > 0 { addDivergence(policy[index], base[index], &one.value, &one.slopes) }
      loss.mean += one.value / Double(all.count)
      slopes.append(one.slopes.map { Float($0 / Double(all.count)) })
      tokens += policy[index].count
      clipped += one.clipped
    }
    pass.accumulate(all, slopes: slopes)
    loss.figures["clipped"] = Double(clipped) / Double(max(1, tokens))
    loss.figures["tokens_per_answer"] = Double(tokens) / Double(max(1, all.count))
    return loss
  }

  private func addDivergence(
    _ policy: [Float], _ base: [Float], _ value: inout Double, _ slopes: inout [Double]
  ) {
    let count = Double(max(1, policy.count))
    for (index, (own, reference)) in zip(policy, base).enumerated() {
      let difference = Double(reference) - Double(own)
      value += beta * (exp(difference) - difference - 1) / count
      slopes[index] += beta * (1 - exp(difference)) / count
    }
  }
}
