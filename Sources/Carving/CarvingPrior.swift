import Corpus
import Syntax

/// How the people of a repository insert code, learnt from its history, and the settings that cut holes like that.
///
/// Insertions are judged (`InsertionClass`) and counted over class × length. The sampler's weights are then fitted so
/// that what it cuts, judged by the same rules, has the same shares: what a class of the sampler is judged to be is
/// measured on the repository's own files, and the shares are the likeliest ones that explain the insertions.
public struct CarvingPrior: Sendable, Codable, Equatable {
  /// The insertions that the weights were learnt from.
  public let train: InsertionSurvey
  /// Later insertions, for comparison only; nil when there are none.
  public let heldOut: InsertionSurvey?
  /// What the carver cuts out of the files of the split with the settings that learning began with.
  public let carvedBefore: InsertionHistogram
  /// What it cuts with the learnt settings.
  public let carvedAfter: InsertionHistogram
  /// How far all these are apart.
  public let distances: Distances
  /// The settings that learning began with, with the learnt weights in them.
  public let learnt: CarvingSettings

  /// Distances between carved middles and insertions.
  public struct Distances: Sendable, Codable, Equatable {
    /// Before learning, to the insertions that were learnt from.
    public let beforeToTrain: HistogramDistance
    /// After learning, to the insertions that were learnt from.
    public let afterToTrain: HistogramDistance
    /// Before learning, to later insertions.
    public let beforeToHeldOut: HistogramDistance?
    /// After learning, to later insertions.
    public let afterToHeldOut: HistogramDistance?
    /// Between the two halves of history: what no learning can undo.
    public let trainToHeldOut: HistogramDistance?
    /// Over classes × lines, what the number of later insertions alone makes likely.
    public let heldOutNoise: Double?
  }

  /// How a prior is learnt.
  public struct Options: Sendable {
    /// Newest commits that are looked at.
    public var commits = 1_500
    /// Share of all commits that are learnt from; those behind are held out for comparison.
    public var trainShare = 0.9
    /// This many insertions as in the settings are added to those that were found, so that few do not say much.
    public var pseudoCount = 60.0
    /// Bytes of files that are carved to fit the weights.
    public var sampleBytes = 3 << 20
    /// Same seed, same prior.
    public var seed: UInt64 = 1
    /// What keeps files out, such as denied licences.
    public var hygiene = HygieneOptions()

    /// The defaults.
    public init() {}
  }

  /// Learns from the history up to HEAD.
  ///
  /// - Parameters:
  ///   - base: what is not learnt, and what the learnt shares are drawn to.
  ///   - progress: called now and then with a word about what is done.
  /// - Throws: `CorpusError` when there is no history, or git refuses.
  public static func learn(
    from history: GitHistory, base: CarvingSettings = .measured, options: Options = Options(),
    catalog: LanguageCatalog, progress: ((String) -> Void)? = nil
  ) throws(CorpusError) -> CarvingPrior {
    let split = try history.timeSplit(fraction: options.trainShare)
    let earlier = try history.commits().prefix { $0.id != split.trainCommit.id } + [split.trainCommit]
    return try learn(
      from: history, train: Array(earlier.suffix(options.commits)), heldOut: split.laterCommits, base: base,
      options: options, catalog: catalog, progress: progress)
  }

  /// Learns from some commits and compares with others, both oldest first.
  public static func learn(
    from history: GitHistory, train: [GitHistory.Commit], heldOut: [GitHistory.Commit],
    base: CarvingSettings, options: Options, catalog: LanguageCatalog, progress: ((String) -> Void)? = nil
  ) throws(CorpusError) -> CarvingPrior {
    func survey(_ commits: [GitHistory.Commit], _ name: String) throws(CorpusError) -> InsertionSurvey {
      try InsertionSurvey(
        of: commits, in: history, settings: base, catalog: catalog, hygiene: options.hygiene
      ) {
        progress?("\(name): \($0) changed files")
      }
    }
    let known = try survey(train, "history")
    let later = heldOut.isEmpty ? nil : try survey(heldOut, "later history")
    progress?("carving a sample")
    let sample = try PriorSample(
      history: history, commit: train.last?.id ?? "", bytes: options.sampleBytes, seed: options.seed,
      catalog: catalog, hygiene: options.hygiene)
    let before = sample.histogram(with: base)
    let learnt = PriorFit(sample: sample, base: base).settings(
      for: known.histogram, drawnTo: before, pseudoCount: options.pseudoCount, progress: progress)
    let after = sample.histogram(with: learnt)
    return CarvingPrior(
      train: known, heldOut: later, carvedBefore: before, carvedAfter: after,
      distances: Distances(
        beforeToTrain: HistogramDistance(before, known.histogram),
        afterToTrain: HistogramDistance(after, known.histogram),
        beforeToHeldOut: later.map { HistogramDistance(before, $0.histogram) },
        afterToHeldOut: later.map { HistogramDistance(after, $0.histogram) },
        trainToHeldOut: later.map { HistogramDistance(known.histogram, $0.histogram) },
        heldOutNoise: later.map { HistogramDistance.expected(of: $0.histogram) }),
      learnt: learnt)
  }

  /// The settings with the learnt weights: shares and lengths of classes, short names and blocks
  /// among the units, and words half typed.
  public func settings(from base: CarvingSettings) -> CarvingSettings {
    var settings = base
    settings.classes = learnt.classes
    settings.lengths = learnt.lengths
    settings.units[.token] = learnt.units[.token]
    settings.units[.block] = learnt.units[.block]
    settings.modifiers.midToken = learnt.modifiers.midToken
    return settings
  }
}
