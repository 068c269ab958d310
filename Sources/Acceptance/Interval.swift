import Foundation

/// A proportion with its 95 % interval.
public struct Proportion: Sendable, Equatable {
  /// Successes divided by trials.
  public let rate: Double
  /// Lower end of the interval.
  public let low: Double
  /// Upper end of the interval.
  public let high: Double

  /// The score interval of Wilson (1927) with normal quantile `z`; nil without trials.
  ///
  /// `trials` may be fractional: an effective sample size.
  public static func wilson(successes: Double, trials: Double, z: Double = 1.959_963_984_540_054)
    -> Proportion?
  {
    guard trials > 0, successes >= 0, successes <= trials else { return nil }
    let rate = successes / trials
    let denominator = 1 + z * z / trials
    let centre = (rate + z * z / (2 * trials)) / denominator
    let half = z / denominator * (rate * (1 - rate) / trials + z * z / (4 * trials * trials)).squareRoot()
    return Proportion(
      rate: rate, low: successes == 0 ? 0 : max(0, centre - half),
      high: successes == trials ? 1 : min(1, centre + half))
  }

  /// Wilson's interval for suggestions that come in clusters (sessions), which are not independent.
  ///
  /// The sample size is divided by the design effect, the ratio of the variance between clusters to the binomial
  /// one, and Student's quantile with one degree of freedom less than there are clusters replaces the normal one.
  /// With fewer than three clusters nothing can be said about the variance between them: the plain interval.
  public static func clustered(_ clusters: [(successes: Int, trials: Int)]) -> Proportion? {
    let clusters = clusters.filter { $0.trials > 0 }
    let trials = Double(clusters.reduce(0) { $0 + $1.trials })
    let successes = Double(clusters.reduce(0) { $0 + $1.successes })
    guard clusters.count >= 3, let plain = wilson(successes: successes, trials: trials) else {
      return wilson(successes: successes, trials: trials)
    }
    let rate = plain.rate
    let count = Double(clusters.count)
    let spread = clusters.reduce(0.0) { sum, cluster in
      let residual = Double(cluster.successes) - rate * Double(cluster.trials)
      return sum + residual * residual
    }
    let clusterVariance = count / (count - 1) * spread / (trials * trials)
    let binomialVariance = rate * (1 - rate) / trials
    let designEffect = binomialVariance > 0 ? max(1, clusterVariance / binomialVariance) : 1
    let effective = trials / designEffect
    return wilson(
      successes: rate * effective, trials: effective, z: studentQuantile(degrees: clusters.count - 1))
  }

  /// The 97.5 % quantile of Student's t: the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5) from three
  /// degrees of freedom on, exact values below.
  static func studentQuantile(degrees: Int) -> Double {
    let z = 1.959_963_984_540_054
    let n = Double(degrees)
    switch degrees {
    case ...0: return .infinity
    case 1: return tan(Double.pi * 0.475)
    case 2: return (2 * 0.95 * 0.95 / (1 - 0.95 * 0.95)).squareRoot()
    default: break
    }
    let g1 = (pow(z, 3) + z) / 4
    let g2 = (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / 96
    let g3 = (3 * pow(z, 7) + 19 * pow(z, 5) + 17 * pow(z, 3) - 15 * z) / 384
    let g4 = (79 * pow(z, 9) + 776 * pow(z, 7) + 1_482 * pow(z, 5) - 1_920 * pow(z, 3) - 945 * z) / 92_160
    return z + g1 / n + g2 / (n * n) + g3 / pow(n, 3) + g4 / pow(n, 4)
  }
}

/// The value below which a share of the sorted values lies, by nearest rank; nil without values.
func quantile(_ share: Double, ofSorted values: [Double]) -> Double? {
  guard !values.isEmpty else { return nil }
  let rank = Int((share * Double(values.count)).rounded(.up))
  return values[min(values.count, max(1, rank)) - 1]
}
