/// How the next token is chosen, and by which means generation is made faster.
public struct DecodingOptions: Sendable, Equatable {
  /// Draw from the distribution instead of taking its top.
  public var sampling: Sampling
  /// Added to the logits of these ids before anything else; `-infinity` forbids a token.
  public var logitBias: [Int32: Float]
  /// Ids at which generation ends; nil for those of the prompt format.
  public var stopTokens: Set<Int32>?
  /// Distinct texts wanted, the first included.
  ///
  /// Greedy: each begins with another one of the most probable first tokens and goes on greedily. Sampling: each has a
  /// seed of its own. All of them go through the model in one pass per token.
  public var candidates: Int
  /// Cut the word that the cursor stands in off the prompt and let its bytes constrain what is generated, so that the
  /// model can choose the token that it would have seen there.
  public var heals: Bool
  /// Verify several drafted tokens in one pass. What comes out is what plain greedy decoding gives; ignored when
  /// sampling and for several candidates.
  public var speculates: Bool
  /// Compute only the logits of the vocabulary shortlist where one is loaded and sure enough; ignored when sampling, with a
  /// bias and for several candidates. The log probabilities are upper bounds then.
  public var usesShortlist: Bool

  /// Creates options; those left out mean plain greedy decoding with speculation.
  public init(
    sampling: Sampling = .greedy, logitBias: [Int32: Float] = [:], stopTokens: Set<Int32>? = nil,
    candidates: Int = 1, heals: Bool = false, speculates: Bool = true, usesShortlist: Bool = true
  ) {
    self.sampling = sampling
    self.logitBias = logitBias
    self.stopTokens = stopTokens
    self.candidates = candidates
    self.heals = heals
    self.speculates = speculates
    self.usesShortlist = usesShortlist
  }

  /// Most candidates of one request.
  public static let mostCandidates = 16

  /// - Throws: `GenerationError.option` that names the value out of range.
  func check(vocabularySize: Int) throws(GenerationError) {
    try sampling.check()
    guard (1...Self.mostCandidates).contains(candidates) else {
      throw .option(name: "candidates", problem: "is \(candidates), not in 1...\(Self.mostCandidates)")
    }
    for (token, bias) in logitBias {
      guard (0..<vocabularySize).contains(Int(token)) else {
        throw .option(name: "logit bias", problem: "names token \(token), which the model does not have")
      }
      guard bias.isFinite || bias == -.infinity else {
        throw .option(
          name: "logit bias", problem: "of token \(token) is \(bias); use a number, or -inf to forbid it")
      }
    }
    guard logitBias.count < vocabularySize || logitBias.values.contains(where: \.isFinite) else {
      throw .option(name: "logit bias", problem: "forbids every token")
    }
  }
}

/// A random choice among the more probable tokens.
///
/// The steps in their order: divide the logits by the temperature, keep the `topK` best, keep the smallest set whose
/// probability reaches `topP` (Holtzman et al. 2020), drop what is below `minP` times the best (Nguyen et al. 2024), draw.
public struct Sampling: Sendable, Equatable {
  /// 0 takes the most probable token; 1 is the model's own distribution.
  public var temperature: Float
  /// Most tokens to choose among; 0 for all.
  public var topK: Int
  /// Share of the probability to choose among, above 0 and at most 1.
  public var topP: Float
  /// Smallest probability relative to the best token's, 0 to 1.
  public var minP: Float
  /// Equal seeds give equal texts.
  public var seed: UInt64

  /// The most probable token, always.
  public static let greedy = Sampling(temperature: 0)

  /// Creates a choice; what is left out restricts nothing.
  public init(temperature: Float, topK: Int = 0, topP: Float = 1, minP: Float = 0, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.seed = seed
  }

  /// True where there is nothing to draw.
  public var isGreedy: Bool { temperature == 0 }

  func check() throws(GenerationError) {
    guard temperature >= 0, temperature <= 100 else {
      throw .option(name: "temperature", problem: "is \(temperature), not in 0...100")
    }
    guard topK >= 0 else { throw .option(name: "top-k", problem: "is \(topK), below 0") }
    guard topP > 0, topP <= 1 else { throw .option(name: "top-p", problem: "is \(topP), not in 0...1") }
    guard minP >= 0, minP <= 1 else { throw .option(name: "min-p", problem: "is \(minP), not in 0...1") }
  }
}
