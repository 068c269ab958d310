/// How scored examples are sampled: the middle band in full, what is easy or hard now and then, noise never.
public struct HardnessOptions: Sendable, Equatable, Codable {
  /// Share of a language's examples, 0 to 1, that count as easy.
  public var easyShare = 0.3
  /// Share above which examples count as hard.
  public var hardShare = 0.9
  /// Share above which examples count as noise: secrets, tables of data, broken files.
  public var noiseShare = 0.99
  /// Probability of keeping an easy example.
  public var easyWeight = 0.3
  /// Probability of keeping a hard example.
  public var hardWeight = 0.3
  /// An example with more nats per token is noise too, unless the model is so weak that more than a share of
  /// 1 - `hardShare` of a language's examples are: then only what exceeds that share's border is.
  public var maximumNatsPerToken = 3.0
  /// Languages with fewer scored examples have no bands of their own: they are measured by all examples' bands.
  public var minimumPerLanguage = 50

  /// The measured defaults.
  public init() {}
}

/// What kind of example a score makes.
public enum HardnessBand: String, Sendable, Codable, CaseIterable {
  /// The model knows it already.
  case easy
  /// What there is to learn.
  case middle
  /// Much of it cannot be foreseen.
  case hard
  /// Nobody could foresee it.
  case noise
  /// The model gave no usable score.
  case unscored
}

/// The borders between easy, middle, hard and noise, per language, in nats per byte of the middle.
public struct HardnessBands: Sendable, Equatable, Codable {
  /// Borders of one language.
  public struct Borders: Sendable, Equatable, Codable {
    /// How many examples they were taken from.
    public let count: Int
    /// Less is easy.
    public let easy: Double
    /// More is hard.
    public let hard: Double
    /// More is noise.
    public let noise: Double
    /// More is noise, in nats per token.
    public let natsPerToken: Double
  }

  /// Borders by language, for languages with enough examples.
  public let languages: [String: Borders]
  /// Borders of all examples together; nil where there are none.
  public let all: Borders?
  private let options: HardnessOptions

  /// Takes the borders from examples' languages and difficulties in nats per byte and per token, whatever their order.
  public init(
    _ difficulties: some Sequence<(language: String, perByte: Double, perToken: Double)>,
    options: HardnessOptions = HardnessOptions()
  ) {
    var byLanguage: [String: [SIMD2<Double>]] = [:]
    for (language, perByte, perToken) in difficulties where perByte.isFinite && perToken.isFinite {
      byLanguage[language, default: []].append(SIMD2(perByte, perToken))
    }
    languages = byLanguage.filter { $0.value.count >= max(1, options.minimumPerLanguage) }.mapValues {
      Self.borders($0, options)
    }
    let all = byLanguage.values.flatMap { $0 }
    self.all = all.isEmpty ? nil : Self.borders(all, options)
    self.options = options
  }

  /// The band of an example, from its difficulty in nats per byte and per token.
  public func band(language: String, difficulty: Double, natsPerToken: Double) -> HardnessBand {
    guard difficulty.isFinite, natsPerToken.isFinite, let borders = languages[language] ?? all else {
      return .unscored
    }
    if difficulty > borders.noise || natsPerToken > borders.natsPerToken { return .noise }
    if difficulty > borders.hard { return .hard }
    return difficulty < borders.easy ? .easy : .middle
  }

  /// The probability with which examples of a band are kept.
  public func weight(of band: HardnessBand) -> Double {
    switch band {
    case .easy: options.easyWeight
    case .middle: 1
    case .hard: options.hardWeight
    case .noise, .unscored: 0
    }
  }

  private static func borders(_ values: [SIMD2<Double>], _ options: HardnessOptions) -> Borders {
    let perByte = values.map(\.x).sorted()
    return Borders(
      count: values.count, easy: percentile(options.easyShare, of: perByte),
      hard: percentile(options.hardShare, of: perByte), noise: percentile(options.noiseShare, of: perByte),
      natsPerToken: max(
        options.maximumNatsPerToken, percentile(options.hardShare, of: values.map(\.y).sorted())))
  }

  /// The smallest value that at least this share of the values do not exceed (nearest rank).
  private static func percentile(_ share: Double, of sorted: [Double]) -> Double {
    let rank = (share * Double(sorted.count)).rounded(.up)
    return sorted[min(sorted.count - 1, max(0, Int(rank) - 1))]
  }
}
