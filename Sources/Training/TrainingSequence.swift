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
  /// The id that ends the sequence, where it was made of an example: no alternative in the text in front of the middle, and in
  /// a document before its end. Nil where every id is one everywhere.
  ///
  /// In suffix-first order nothing marks where a prefix goes over into its middle, so that each token of a prefix would teach
  /// that nothing ends here, and the model would forget to end its middles.
  public var endToken: Int32?
  /// What an objective other than imitation makes of the sequence; nil where its text is to be imitated.
  public var signal: Signal?
  /// What a teacher would say, for the tokens from `middleStart` on; empty without a teacher.
  public var teacher: [SparseDistribution] = []

  /// Creates a sequence; both arrays have the same length. Without `middleStart` it has no hole.
  public init(
    tokens: [Int32], weights: [Float], middleStart: Int? = nil, middleBytes: Int = 0, endToken: Int32? = nil
  ) {
    self.endToken = endToken
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
  let targets: [Target]

  /// A row of the final hidden state that predicts a token with weight.
  struct Target {
    let row: Int
    let token: Int32
    let weight: Float
    /// Which sequence of the batch it belongs to.
    let sequence: Int
    let teacher: SparseDistribution?
    /// The id that is no alternative here; see `TrainingSequence.endToken`.
    let excluded: Int32?
  }

  init(_ sequences: [TrainingSequence]) {
    var tokens: [Int32] = []
    var positions: [Int] = []
    var ranges: [Range<Int>] = []
    var targets: [Target] = []
    for (number, sequence) in sequences.enumerated() where !sequence.tokens.isEmpty {
      let begin = tokens.count
      tokens += sequence.tokens
      positions += 0..<sequence.tokens.count
      ranges.append(begin..<tokens.count)
      for i in 1..<max(1, sequence.tokens.count) where sequence.weights[i] != 0 {
        let place = i - sequence.middleStart
        targets.append(
          Target(
            row: begin + i - 1, token: sequence.tokens[i], weight: sequence.weights[i], sequence: number,
            teacher: sequence.teacher.indices.contains(place) ? sequence.teacher[place] : nil,
            excluded: place < 0 && i < sequence.tokens.count - 1 ? sequence.endToken : nil))
      }
    }
    self.tokens = tokens
    self.positions = positions
    self.ranges = ranges
    self.targets = targets
  }
}

extension TrainingSequence {
  /// Whether its answer is one to be more likely afterwards.
  public var isWanted: Bool {
    switch signal {
    case .chosen, .desirable, nil: true
    case .sampled(let advantage, _): advantage > 0
    case .rejected, .undesirable: false
    }
  }
}
