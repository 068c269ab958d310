/// Scores examples with a model and samples those from which there is something to learn.
///
/// Slow: the model reads every example once. What was scored is in the cache, in pieces, before the next is begun, so that
/// a pass that was cancelled or killed goes on where it stopped.
public struct HardnessPass: Sendable {
  /// Asks the model for one example; called for one at a time, in the order of the examples.
  public typealias Scorer = @Sendable (FIMExample) async throws -> HardnessScore

  /// How far a pass has come.
  public struct Progress: Sendable, Equatable {
    /// Examples with a score.
    public let done: Int
    /// All examples that are scored.
    public let total: Int
    /// How many of the scores came from the cache.
    public let cached: Int
  }

  /// After so many scores they are stored.
  static let scoresPerTransaction = 16

  private let model: String
  private let cache: HardnessCache?
  private let options: HardnessOptions
  private let scorer: Scorer

  /// Creates a pass.
  ///
  /// - Parameters:
  ///   - model: what tells this model and its prompt format from others in the cache: a hash of the weights, say.
  ///   - cache: scores of earlier passes; nil keeps none.
  public init(
    model: String, cache: HardnessCache?, options: HardnessOptions = HardnessOptions(),
    scorer: @escaping Scorer
  ) {
    self.model = model
    self.cache = cache
    self.options = options
    self.scorer = scorer
  }

  /// The scores of the examples, in their order; nil where the model gave no usable one, and for plain documents, which
  /// have no hole to score.
  ///
  /// - Throws: what the scorer throws, `DatabaseError`, and `CancellationError` when the task is cancelled; scores that
  ///   were taken until then are in the cache.
  public func scores(
    of examples: [FIMExample], progress: (Progress) -> Void = { _ in }
  ) async throws -> [HardnessScore?] {
    let asked = examples.indices.filter { examples[$0].kind != .plain }
    let keys = asked.map { HardnessKey(examples[$0], model: model) }
    var known = try cache?.scores(keys) ?? [:]
    let cached = keys.count { known[$0] != nil }
    var done = cached
    var pending: [(HardnessKey, HardnessScore)] = []
    do {
      for (index, key) in zip(asked, keys) where known[key] == nil {
        progress(Progress(done: done, total: keys.count, cached: cached))
        try Task.checkCancellation()
        let score = try await scorer(examples[index])
        done += 1
        guard score.isUsable else { continue }
        known[key] = score
        pending.append((key, score))
        if pending.count >= Self.scoresPerTransaction {
          try cache?.store(pending)
          pending.removeAll()
        }
      }
    } catch {
      // The first error is the one to hear about.
      try? cache?.store(pending)
      throw error
    }
    try cache?.store(pending)
    progress(Progress(done: keys.count, total: keys.count, cached: cached))
    var scores = [HardnessScore?](repeating: nil, count: examples.count)
    for (index, key) in zip(asked, keys) { scores[index] = known[key] }
    return scores
  }

  /// Scores the examples and samples them. Plain documents are kept as they are.
  ///
  /// Whether an example is kept depends on itself, the seed and the borders alone, not on its neighbours.
  ///
  /// - Throws: as `scores`.
  public func select(
    from examples: [FIMExample], seed: UInt64, progress: (Progress) -> Void = { _ in }
  ) async throws -> HardnessSelection {
    let scores = try await scores(of: examples, progress: progress)
    return HardnessSelection(examples, scores: scores, seed: seed, model: model, options: options)
  }
}

/// Examples that were sampled by their hardness.
public struct HardnessSelection: Sendable {
  /// What was kept, in its old order, with difficulties.
  public private(set) var examples: [FIMExample] = []
  /// Figures for reports and the data card.
  public private(set) var report: HardnessReport

  init(
    _ all: [FIMExample], scores: [HardnessScore?], seed: UInt64, model: String, options: HardnessOptions
  ) {
    let difficulties = zip(all, scores).map { $1?.perByte($0.middle.utf8.count) }
    let bands = HardnessBands(
      all.indices.lazy.compactMap { index in
        guard let score = scores[index], let difficulty = difficulties[index] else { return nil }
        return (language: all[index].language, perByte: difficulty, perToken: score.perToken)
      }, options: options)
    report = HardnessReport(model: model, options: options, bands: bands)
    for (index, example) in all.enumerated() {
      guard example.kind != .plain else {
        examples.append(example)
        continue
      }
      let band = bands.band(
        language: example.language, difficulty: difficulties[index] ?? .nan,
        natsPerToken: scores[index]?.perToken ?? .nan)
      let weight = bands.weight(of: band)
      let isKept = weight > 0 && HardnessKey(example, model: model).draw(seed: seed) < weight
      report.count(band, language: example.language, isKept: isKept)
      guard isKept else { continue }
      var kept = example
      kept.difficulty = difficulties[index]
      examples.append(kept)
    }
  }
}

/// What a hardness pass made of the examples.
public struct HardnessReport: Sendable, Codable, Equatable {
  /// Examples of one band.
  public struct Count: Sendable, Codable, Equatable {
    /// How many there were.
    public var found = 0
    /// How many of them were kept.
    public var kept = 0
  }

  /// The model that was asked.
  public let model: String
  /// How the bands were drawn and sampled.
  public let options: HardnessOptions
  /// Where the bands end.
  public let bands: HardnessBands
  /// Counts by language and by the band's name.
  public private(set) var counts: [String: [String: Count]] = [:]

  init(model: String, options: HardnessOptions, bands: HardnessBands) {
    self.model = model
    self.options = options
    self.bands = bands
  }

  mutating func count(_ band: HardnessBand, language: String, isKept: Bool) {
    counts[language, default: [:]][band.rawValue, default: Count()].found += 1
    if isKept { counts[language, default: [:]][band.rawValue, default: Count()].kept += 1 }
  }
}
