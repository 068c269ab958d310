import Foundation

/// Losses of preferences as functions of log ratios `r = log π − log π_ref`, with their slopes.
enum PreferenceLoss {
  /// `−log σ(β · margin)` (Rafailov et al., "Direct Preference Optimization", 2023), and its slope by the margin.
  static func direct(margin: Double, beta: Double) -> (value: Double, slope: Double) {
    (softplus(-beta * margin), -beta * sigmoid(-beta * margin))
  }

  /// `1 − σ(β (r − z))` of a desirable answer, `1 − σ(β (z − r))` of an undesirable one (Ethayarajh et al., "KTO", 2024,
  /// equation 7), and its slope by `r`; `z` is a constant. With `z = 0` this is TRL's `apo_zero_unpaired`.
  static func prospect(
    ratio: Double, baseline: Double, isDesirable: Bool, beta: Double
  ) -> (value: Double, slope: Double) {
    let sign = isDesirable ? 1.0 : -1
    let value = sigmoid(sign * beta * (ratio - baseline))
    return (1 - value, -sign * beta * value * (1 - value))
  }

  /// The mean of `prospect` over answers, its baseline and the slopes by each `r`.
  ///
  /// - Parameters:
  ///   - ratios: r of each answer.
  ///   - mismatched: r of prompts with the answers of other prompts; their mean, at least 0, is z.
  ///   - answers: whether each was wanted, and its weight.
  static func prospects(
    ratios: [Double], mismatched: [Double], answers: [(isDesirable: Bool, weight: Double)], beta: Double
  ) -> (mean: Double, baseline: Double, slopes: [Double]) {
    let baseline = mismatched.isEmpty ? 0 : max(0, mismatched.reduce(0, +) / Double(mismatched.count))
    let count = Double(max(1, answers.count))
    var mean = 0.0
    var slopes: [Double] = []
    for (ratio, answer) in zip(ratios, answers) {
      let (value, slope) = prospect(
        ratio: ratio, baseline: baseline, isDesirable: answer.isDesirable, beta: beta)
      mean += answer.weight * value / count
      slopes.append(answer.weight * slope / count)
    }
    return (mean, baseline, slopes)
  }

  /// Weights of desirable and undesirable answers that bring the quotient `w_D n_D / (w_U n_U)` into 1...4/3, the smaller of
  /// them 1: the change from equal weights is the least.
  static func weights(desirable: Int, undesirable: Int) -> (desirable: Double, undesirable: Double) {
    guard desirable > 0, undesirable > 0 else { return (1, 1) }
    let quotient = Double(desirable) / Double(undesirable)
    if quotient < 1 { return (1 / quotient, 1) }
    if quotient > 4.0 / 3 { return (1, quotient * 3 / 4) }
    return (1, 1)
  }

  static func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }

  /// `log(1 + e^x)`.
  static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
