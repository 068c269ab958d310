import Carving

/// What one contender did with one example.
public struct Outcome: Codable, Sendable, Equatable {
  /// Number of the example in the evaluated set, from 0.
  public var example: Int
  /// The contender's name.
  public var contender: String
  /// The repository or release that the example is from.
  public var package: String
  /// Repository-relative path.
  public var path: String
  /// Language name as in `grammars/`, or "text".
  public var language: String
  /// How much is missing.
  public var shape: HoleShape
  /// Carving class.
  public var kind: FIMExample.Kind
  /// Bytes of the true middle.
  public var middleBytes: Int
  /// Negative natural log likelihood of the middle and the end token, in the order that is served.
  public var loss: Double
  /// The same in the other prompt order, where it was asked for.
  public var otherOrderLoss: Double?
  /// The completion; nil for examples that were only scored.
  public var completion: CompletionOutcome?

  /// The file among those of all packages: what intervals draw.
  var file: String { package + "/" + path }
}

/// How one completion compares with the truth.
public struct CompletionOutcome: Codable, Sendable, Equatable {
  /// The completion as text.
  public var text: String
  /// Equal to the middle up to white space.
  public var matchesExactly: Bool
  /// First line with text equal up to white space.
  public var firstLineMatches: Bool
  /// 1 − edit distance / longer length.
  public var editSimilarity: Double
  /// Leading bytes that are right.
  public var matchingPrefixBytes: Int
  /// The contender stopped by itself within its budget.
  public var endedItself: Bool
  /// The file parses as well with the completion as with the truth's hole repaired; nil without a grammar, and for an
  /// answer without text, which breaks nothing and helps nobody.
  public var parses: Bool?
  /// The answer holds text other than white space.
  public var hasText: Bool
  /// Generated tokens.
  public var tokenCount: Int
  /// Time for the completion.
  public var milliseconds: Double

  init(_ completion: Completion, truth: [UInt8], parses: Bool?, milliseconds: Double) {
    text = String(decoding: completion.bytes, as: UTF8.self)
    matchesExactly = TextMetrics.matchesExactly(completion.bytes, truth)
    firstLineMatches = TextMetrics.firstLineMatches(completion.bytes, truth)
    editSimilarity = TextMetrics.editSimilarity(completion.bytes, truth)
    matchingPrefixBytes = TextMetrics.matchingPrefixLength(completion.bytes, truth)
    endedItself = completion.endedItself
    hasText = completion.bytes.contains { $0 > 0x20 }
    self.parses = hasText ? parses : nil
    tokenCount = completion.tokenCount
    self.milliseconds = milliseconds
  }
}
