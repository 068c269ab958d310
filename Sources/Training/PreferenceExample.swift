import Generation

/// A hole and what somebody thought of one or two answers to it.
public struct PreferenceExample: Sendable, Equatable {
  /// Answers and verdicts.
  public enum Verdict: Sendable, Equatable {
    /// One answer that was wanted or not.
    ///
    /// `weight` is how much it counts. `isWhole` is false where the answer was cut, so that nothing is known about its end.
    case single(completion: String, isDesirable: Bool, weight: Float, isWhole: Bool)
    /// Of two answers the better and the worse.
    case pair(chosen: String, rejected: String)
  }

  /// Path of the file; may be empty.
  public var path: String
  /// Text before the hole.
  public var prefix: String
  /// Text behind the hole.
  public var suffix: String
  /// Pieces of other files that the prompt shows.
  public var context: [PromptSnippet]
  /// What was thought.
  public var verdict: Verdict

  /// Creates an example.
  public init(
    path: String, prefix: String, suffix: String, context: [PromptSnippet] = [], verdict: Verdict
  ) {
    self.path = path
    self.prefix = prefix
    self.suffix = suffix
    self.context = context
    self.verdict = verdict
  }

  /// Its prompt with each answer, in suffix-first order and healed as editors ask; empty where one is longer than `limit`.
  ///
  /// Weights are 1 on the answer, and on the end token where the answer is whole.
  public func sequences(_ format: PromptFormat, limit: Int) -> [TrainingSequence] {
    switch verdict {
    case .single(let completion, let isDesirable, let weight, let isWhole):
      return sequence(
        format, completion, isWhole: isWhole, limit: limit,
        signal: isDesirable ? .desirable(weight: weight) : .undesirable(weight: weight)
      ).map { [$0] } ?? []
    case .pair(let chosen, let rejected):
      guard let better = sequence(format, chosen, isWhole: true, limit: limit, signal: .chosen),
        let worse = sequence(format, rejected, isWhole: true, limit: limit, signal: .rejected)
      else { return [] }
      return [better, worse]
    }
  }

  private func sequence(
    _ format: PromptFormat, _ completion: String, isWhole: Bool, limit: Int, signal: Signal
  ) -> TrainingSequence? {
    let coded = format.sequence(
      path: path, context: context, prefix: Array(prefix.utf8), middle: Array(completion.utf8),
      suffix: Array(suffix.utf8), order: .suffixFirst, seam: .healed)
    guard coded.tokens.count <= limit, coded.newStart < coded.tokens.count - (isWhole ? 0 : 1) else {
      return nil
    }
    var tokens = coded.tokens
    if !isWhole { tokens.removeLast() }
    var sequence = TrainingSequence(
      tokens: tokens, weights: tokens.indices.map { $0 >= coded.newStart ? 1 : 0 },
      middleStart: coded.newStart,
      middleBytes: completion.utf8.count)
    sequence.signal = signal
    return sequence
  }
}

/// Preference examples, the same in every epoch.
public struct PreferenceSource: SequenceSource {
  private let examples: [PreferenceExample]
  private let format: PromptFormat
  /// No sequence has more tokens; longer ones are left out.
  public let longestSequence: Int

  /// Creates a source whose sequences have at most `limit` tokens.
  public init(_ examples: [PreferenceExample], format: PromptFormat, limit: Int) {
    self.examples = examples
    self.format = format
    longestSequence = limit
  }

  /// How many examples there are.
  public mutating func open(epoch: Int) -> Int { examples.count }

  /// The first sequence of an example.
  public func sequence(at index: Int) -> TrainingSequence? { sequences(at: index).first }

  /// The one sequence of a labelled answer, or the two of a pair.
  public func sequences(at index: Int) -> [TrainingSequence] {
    examples[index].sequences(format, limit: longestSequence)
  }
}
