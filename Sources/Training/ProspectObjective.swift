/// KTO: answers that were wanted gain on the base, others lose, measured from where the policy stands as a whole.
///
/// Per answer `w (1 − σ(±β (r − z0)))`, `r = log π − log π_ref` over middle and end token; z0 is the mean of r over prompts with
/// the answers of other prompts, at least 0, and has no gradient. Without it this is APO-zero, and two passes fewer.
public struct ProspectObjective: Objective {
  /// Strength of the pull to the base.
  public var beta: Double
  /// Weight of answers that were wanted.
  public var desirableWeight: Double
  /// Weight of answers that were not.
  public var undesirableWeight: Double
  /// False leaves z0 at 0.
  public var usesBaseline: Bool
  /// Longest mismatched sequence.
  let longest: Int
  private var reference = ReferenceScores()

  /// Creates the objective; `longest` is the longest sequence that the run's pass holds.
  public init(
    beta: Double = 0.1, desirableWeight: Double = 1, undesirableWeight: Double = 1, usesBaseline: Bool = true,
    longest: Int
  ) {
    self.beta = beta
    self.desirableWeight = desirableWeight
    self.undesirableWeight = undesirableWeight
    self.usesBaseline = usesBaseline
    self.longest = longest
  }

  /// Weights that balance a set of so many answers of each kind.
  public init(
    beta: Double = 0.1, desirable: Int, undesirable: Int, usesBaseline: Bool = true, longest: Int
  ) {
    let weights = PreferenceLoss.weights(desirable: desirable, undesirable: undesirable)
    self.init(
      beta: beta, desirableWeight: weights.desirable, undesirableWeight: weights.undesirable,
      usesBaseline: usesBaseline, longest: longest)
  }

  /// Eight: z0 is a mean.
  public var leastSequences: Int { 8 }

  private struct Answer {
    let sequence: TrainingSequence
    let isDesirable: Bool
    let weight: Double
  }

  private struct Outcome {
    var answers: [Answer]
    var slopes: [[Float]] = []
    var loss: StepLoss
  }

  /// Adds the gradient of the mean over answers.
  public mutating func accumulate(_ parts: [[TrainingSequence]], _ pass: TrainingPass) -> StepLoss {
    let outcome = judge(Array(parts.joined()), pass)
    pass.accumulate(outcome.answers.map(\.sequence), slopes: outcome.slopes)
    return outcome.loss
  }

  /// Loss, mean rewards of both kinds, and how often one of the first is above one of the second.
  public mutating func measure(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> StepLoss? {
    let outcome = judge(sequences, pass)
    return outcome.answers.isEmpty ? nil : outcome.loss
  }

  private mutating func judge(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> Outcome {
    let answers = sequences.compactMap { sequence -> Answer? in
      switch sequence.signal {
      case .desirable(let weight):
        Answer(sequence: sequence, isDesirable: true, weight: desirableWeight * Double(weight))
      case .undesirable(let weight):
        Answer(sequence: sequence, isDesirable: false, weight: undesirableWeight * Double(weight))
      case .chosen, .rejected, .sampled, nil: nil
      }
    }
    let ratios = ratios(of: answers.map(\.sequence), pass)
    let others = usesBaseline ? self.ratios(of: mismatched(answers.map(\.sequence)), pass) : []
    let (mean, baseline, slopes) = PreferenceLoss.prospects(
      ratios: ratios, mismatched: others, answers: answers.map { ($0.isDesirable, $0.weight) }, beta: beta)
    var outcome = Outcome(answers: answers, loss: StepLoss(mean: mean, figures: figures(answers, ratios)))
    outcome.slopes = zip(answers, slopes).map { answer, slope in
      Array(repeating: Float(slope), count: answer.sequence.weights.dropFirst().count { $0 != 0 })
    }
    if usesBaseline { outcome.loss.figures["baseline"] = baseline }
    return outcome
  }

  /// Each prompt with the answer of the next; what is too long is left out.
  func mismatched(_ sequences: [TrainingSequence]) -> [TrainingSequence] {
    guard sequences.count > 1 else { return [] }
    return sequences.indices.compactMap { index in
      let (own, next) = (sequences[index], sequences[(index + 1) % sequences.count])
      let tokens = own.tokens[..<own.middleStart] + next.tokens[next.middleStart...]
      guard tokens.count <= longest else { return nil }
      return TrainingSequence(
        tokens: Array(tokens),
        weights: Array(own.weights[..<own.middleStart] + next.weights[next.middleStart...]),
        middleStart: own.middleStart)
    }
  }

  private mutating func ratios(of sequences: [TrainingSequence], _ pass: TrainingPass) -> [Double] {
    zip(pass.logProbabilities(sequences), reference.logProbabilities(sequences, pass)).map { $0 - $1 }
  }

  private func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  private func figures(_ answers: [Answer], _ ratios: [Double]) -> [String: Double] {
    let wanted = zip(answers, ratios).filter { $0.0.isDesirable }.map(\.1)
    let unwanted = zip(answers, ratios).filter { !$0.0.isDesirable }.map(\.1)
    var figures: [String: Double] = [:]
    if !wanted.isEmpty { figures["reward_desirable"] = beta * mean(wanted) }
    if !unwanted.isEmpty { figures["reward_undesirable"] = beta * mean(unwanted) }
    if !wanted.isEmpty, !unwanted.isEmpty {
      figures["margin"] = beta * (mean(wanted) - mean(unwanted))
      var above = 0.0
      for high in wanted {
        for low in unwanted { above += high > low ? 1 : high == low ? 0.5 : 0 }
      }
      figures["accuracy"] = above / Double(wanted.count * unwanted.count)
    }
    return figures
  }
}
