/// DPO: the chosen answer of a pair gains on the rejected one, against the base, while its likelihood is held.
///
/// Per pair `−log σ(β (r_chosen − r_rejected)) + λ · NLL(chosen) / tokens`, `r = log π − log π_ref` over middle and end token.
public struct DirectPreferenceObjective: Objective {
  /// Strength of the pull to the base.
  public var beta: Double
  /// λ: without it the likelihood of both answers may fall.
  public var imitationWeight: Double
  /// Divides every r by the number of tokens, so that long answers do not weigh more.
  public var normalizesLength: Bool
  private var reference = ReferenceScores()

  /// Creates the objective.
  public init(beta: Double = 0.1, imitationWeight: Double = 0.1, normalizesLength: Bool = false) {
    self.beta = beta
    self.imitationWeight = imitationWeight
    self.normalizesLength = normalizesLength
  }

  /// Two: a pair.
  public var leastSequences: Int { 2 }

  /// Pairs, and what becomes of them.
  private struct Outcome {
    var sequences: [TrainingSequence] = []
    var slopes: [[Float]] = []
    var loss: StepLoss
  }

  /// Adds the gradient of the mean over pairs.
  public mutating func accumulate(_ parts: [[TrainingSequence]], _ pass: TrainingPass) -> StepLoss {
    let outcome = judge(Array(parts.joined()), pass)
    pass.accumulate(outcome.sequences, slopes: outcome.slopes)
    return outcome.loss
  }

  /// Loss, margin and share of pairs in the right order.
  public mutating func measure(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> StepLoss? {
    let outcome = judge(sequences, pass)
    return outcome.sequences.isEmpty ? nil : outcome.loss
  }

  private mutating func judge(_ all: [TrainingSequence], _ pass: TrainingPass) -> Outcome {
    let starts = all.indices.dropLast().filter {
      all[$0].signal == .chosen && all[$0 + 1].signal == .rejected
    }
    let sequences = starts.flatMap { [all[$0], all[$0 + 1]] }
    let counts = sequences.map { $0.weights.dropFirst().count { $0 != 0 } }
    let policy = pass.logProbabilities(sequences)
    let base = reference.logProbabilities(sequences, pass)
    var outcome = Outcome(sequences: sequences, loss: StepLoss(mean: 0))
    let pairs = Double(max(1, starts.count))
    var (margins, right) = (0.0, 0)
    for first in stride(from: 0, to: sequences.count, by: 2) {
      func scale(_ index: Int) -> Double { normalizesLength ? 1 / Double(max(1, counts[index])) : 1 }
      func ratio(_ index: Int) -> Double { (policy[index] - base[index]) * scale(index) }
      let margin = ratio(first) - ratio(first + 1)
      let (value, slope) = PreferenceLoss.direct(margin: margin, beta: beta)
      let perToken = imitationWeight / Double(max(1, counts[first]))
      outcome.loss.mean += (value - perToken * policy[first]) / pairs
      outcome.slopes += [
        Array(repeating: Float((slope * scale(first) - perToken) / pairs), count: counts[first]),
        Array(repeating: Float(-slope * scale(first + 1) / pairs), count: counts[first + 1]),
      ]
      margins += beta * margin
      right += margin > 0 ? 1 : 0
    }
    outcome.loss.figures = ["margin": margins / pairs, "accuracy": Double(right) / pairs]
    return outcome
  }
}
