import Carving

/// An answer that a policy gave to a hole, to be judged.
public struct Rollout: Sendable {
  /// The hole, with the text that really stood there.
  public var example: FIMExample
  /// The answer.
  public var completion: [UInt8]
  /// Whether it ended by itself.
  public var isFinished: Bool

  /// Creates an answer.
  public init(example: FIMExample, completion: [UInt8], isFinished: Bool) {
    self.example = example
    self.completion = completion
    self.isFinished = isFinished
  }
}

/// Judges answers: one number for each, the larger the better.
public protocol RewardFunction {
  /// Scores of some answers, in their order.
  ///
  /// - Throws: where a judge outside fails.
  func scores(_ rollouts: [Rollout]) throws -> [Double]
}
