/// One token sequence with a loss weight per token.
public struct TrainingSequence: Sendable, Equatable {
  /// Token ids.
  public var tokens: [Int32]
  /// Weight of the loss of predicting `tokens[i]` from those before it; `weights[0]` is 0.
  public var weights: [Float]
  /// Index of the first token that holds text of the middle; the number of tokens where there is no hole.
  public var middleStart: Int
  /// Bytes of text whose loss counts with a weight above 0 in the middle, for losses per byte.
  public var middleBytes: Int

  /// Creates a sequence; both arrays have the same length. Without `middleStart` it has no hole.
  public init(tokens: [Int32], weights: [Float], middleStart: Int? = nil, middleBytes: Int = 0) {
    precondition(tokens.count == weights.count, "one weight per token")
    self.tokens = tokens
    self.weights = weights
    self.middleStart = middleStart ?? tokens.count
    self.middleBytes = middleBytes
  }
}

/// Sequences packed one behind the other; attention never crosses a border and positions restart at each.
struct PackedBatch {
  let tokens: [Int32]  // [T]
  let positions: [Int]  // [T]
  let ranges: [Range<Int>]
  /// Rows of the final hidden state that predict a token with weight, with that token and weight.
  let targets: [(row: Int, token: Int32, weight: Float)]

  init(_ sequences: [TrainingSequence]) {
    var tokens: [Int32] = []
    var positions: [Int] = []
    var ranges: [Range<Int>] = []
    var targets: [(row: Int, token: Int32, weight: Float)] = []
    for sequence in sequences where !sequence.tokens.isEmpty {
      let begin = tokens.count
      tokens += sequence.tokens
      positions += 0..<sequence.tokens.count
      ranges.append(begin..<tokens.count)
      for i in 1..<max(1, sequence.tokens.count) where sequence.weights[i] != 0 {
        targets.append((begin + i - 1, sequence.tokens[i], sequence.weights[i]))
      }
    }
    self.tokens = tokens
    self.positions = positions
    self.ranges = ranges
    self.targets = targets
  }
}
