/// What an objective other than imitation has to know of a sequence.
public enum Signal: Sendable, Equatable {
  /// The better answer of a pair. Both sequences of a pair stand side by side, this one first.
  case chosen
  /// The worse answer of a pair.
  case rejected
  /// An answer that was wanted; `weight` is that of the event, 1 for a plain accept.
  case desirable(weight: Float)
  /// An answer that was not.
  case undesirable(weight: Float)
  /// One of several answers that the policy gave itself.
  ///
  /// `advantage` is its reward against those of its group, `logProbabilities` are those of its tokens with weight when it
  /// was sampled.
  case sampled(advantage: Float, logProbabilities: [Float])
}
