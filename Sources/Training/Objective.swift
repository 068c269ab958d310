import Gemma

/// What one optimiser step came to.
public struct StepLoss: Sendable {
  /// The mean loss that the step lowers.
  public var mean: Double
  /// Further figures by name, such as margins.
  public var figures: [String: Double]

  /// Creates it.
  public init(mean: Double, figures: [String: Double] = [:]) {
    self.mean = mean
    self.figures = figures
  }
}

/// What a run lowers: from the sequences of an optimiser step to gradients in the adapter.
///
/// The gradient of any function L of sequence log probabilities is `Σ (dL/d log π) · ∇ log π`: a forward pass gives the log
/// probabilities, and a backward pass with token weights `−dL/d log π` the gradient, through what plain training uses.
public protocol Objective {
  /// Fewest sequences of a step.
  var leastSequences: Int { get }

  /// Adds the gradient of the step's mean loss to the adapter's gradients.
  ///
  /// - Parameter parts: sequences, no part with more tokens than the pass holds unless its sequences belong together.
  mutating func accumulate(_ parts: [[TrainingSequence]], _ pass: TrainingPass) throws -> StepLoss

  /// Loss and figures of held-out sequences, without gradients; nil where the objective has none but the likelihood.
  mutating func measure(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> StepLoss?
}

extension Objective {
  /// One.
  public var leastSequences: Int { 1 }

  /// None.
  public mutating func measure(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> StepLoss? { nil }
}

/// Imitation: the weighted negative log likelihood of the text.
public struct ImitationObjective: Objective {
  /// The objective.
  public init() {}

  /// Adds the gradient of the mean over all weights.
  public func accumulate(_ parts: [[TrainingSequence]], _ pass: TrainingPass) -> StepLoss {
    let weight = parts.joined().reduce(Float(0)) { $0 + $1.weights.reduce(0, +) }
    var sum = 0.0
    for part in parts { sum += pass.run(part, gradientScale: 1 / weight).sum }
    return StepLoss(mean: sum / Double(weight))
  }
}

extension TrainingPass {
  /// Sequences in their order, cut into batches that the pass holds.
  func batches(_ sequences: [TrainingSequence]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var (start, size) = (0, 0)
    for (index, sequence) in sequences.enumerated() {
      if index > start, size + sequence.tokens.count > maximumTokens {
        ranges.append(start..<index)
        (start, size) = (index, 0)
      }
      size += sequence.tokens.count
    }
    if start < sequences.count { ranges.append(start..<sequences.count) }
    return ranges
  }

  /// Natural log probabilities of the tokens with weight, by sequence.
  func tokenLogProbabilities(_ sequences: [TrainingSequence]) -> [[Float]] {
    batches(sequences).flatMap { range in
      run(Array(sequences[range]), gradientScale: nil).tokenLosses.map { $0.map { -$0 } }
    }
  }

  /// Natural log probability of each sequence: the sum over its tokens with weight.
  public func logProbabilities(_ sequences: [TrainingSequence]) -> [Double] {
    tokenLogProbabilities(sequences).map { $0.reduce(0) { $0 + Double($1) } }
  }

  /// Adds `Σ slope · ∇ log π` to the adapter's gradients, for slopes by sequence and token with weight.
  func accumulate(_ sequences: [TrainingSequence], slopes: [[Float]]) {
    var signed: [TrainingSequence] = []
    for (sequence, slopes) in zip(sequences, slopes) where slopes.contains(where: { $0 != 0 }) {
      var next = slopes.makeIterator()
      var sequence = sequence
      for index in sequence.weights.indices.dropFirst() where sequence.weights[index] != 0 {
        sequence.weights[index] = -(next.next() ?? 0)
      }
      signed.append(sequence)
    }
    for range in batches(signed) { _ = run(Array(signed[range]), gradientScale: 1) }
  }
}
