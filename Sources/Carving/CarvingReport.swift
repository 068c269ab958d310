import Corpus

/// What a run wrote and what it left out; everything that a data card says about the data.
public struct CarvingReport: Sendable {
  /// A file that examples were cut from.
  public struct File: Sendable, Equatable, Codable {
    /// Path below its tree's root.
    public let path: String
    /// Which tree, from 0.
    public let tree: Int
    /// SHA-256 of its bytes.
    public let hash: ContentHash
    /// Language name.
    public let language: String
    /// Bytes of its cleaned text.
    public let bytes: Int
    /// SPDX identifier of its licence notice, "" where the notice names none that is known; nil without a notice.
    public let licence: String?
    /// What it is used for.
    public let split: DataSplit
    /// Examples written.
    public let examples: Int
  }

  /// Counts of one split.
  public struct Split: Sendable, Equatable, Codable {
    /// Files with examples.
    public var files = 0
    /// Bytes of these files.
    public var bytes = 0
    /// The examples.
    public var statistics = ExampleStatistics()
  }

  /// Where the files came from.
  public let origins: [SourceOrigin]
  /// Time of the oldest and the newest last commit of the used files, in seconds since 1970; nil where not known.
  public let dates: ClosedRange<Int>?
  /// Paths that were listed, with those that were left out.
  public let listedPaths: Int
  /// Files that the whole corpus uses, in all shards.
  public let usedFiles: Int
  /// What was left out, with copies and with files that changed meanwhile.
  public private(set) var skipped: [SkippedSource]
  /// Files that examples were cut from, in the order of their content hashes; one shard's, where a shard was asked for.
  public private(set) var files: [File] = []
  /// By split.
  public private(set) var splits: [DataSplit: Split] = [:]
  /// Candidates that were dropped, by reason.
  public private(set) var drops: [DropReason: Int] = [:]
  /// Secrets and personal data that were replaced, by rule.
  public let secrets: [String: Int]
  /// Clusters of nearly equal files that had more than one member.
  public let copyClusters: Int
  /// Files parsed by this run.
  public let parsedFiles: Int
  /// Files known from the cache.
  public let cachedFiles: Int
  /// Why the cache could not be used; the run went on without it.
  public let cacheFault: String?
  /// What became of test candidates.
  var test = TestReport()

  private let corpus: SurveyedCorpus
  var run: CarvingRun { corpus.run }
  /// The epoch whose holes were cut.
  public var epoch: Int { corpus.epoch }

  init(corpus: SurveyedCorpus) {
    self.corpus = corpus
    let run = corpus.run
    origins = run.trees.map(\.origin)
    usedFiles = corpus.order.count
    secrets = corpus.secrets
    parsedFiles = corpus.parsedFiles
    cachedFiles = corpus.cachedFiles
    cacheFault = corpus.cacheFault
    listedPaths = run.trees.reduce(0) { $0 + $1.entries.count + $1.skipped.count }
    let times = corpus.order.compactMap {
      run.trees[corpus.files[$0].tree].entries[corpus.files[$0].entry].changed
    }
    dates = times.min().flatMap { low in times.max().map { low...$0 } }
    skipped = corpus.skipped
    var clusters: Set<Int> = []
    for file in corpus.files {
      guard case .copy(let reason, let other, let jaccard) = file.fate else { continue }
      clusters.insert(other)
      let alike = reason == .nearDuplicate ? ", \(Int((jaccard * 100).rounded())) % alike" : ""
      skipped.append(
        SkippedSource(
          tree: file.tree, path: corpus.path(of: file), reason: reason,
          detail: "of \(corpus.path(of: corpus.files[other]))\(alike)"))
    }
    copyClusters = clusters.count
  }

  /// Takes in what the second pass made of a file.
  mutating func add(_ cuts: SurveyedCorpus.FileCuts) {
    let file = corpus.files[cuts.file]
    if let fault = cuts.fault {
      skipped.append(
        SkippedSource(
          tree: file.tree, path: corpus.path(of: file), reason: fault.reason, detail: fault.detail))
    }
    drops.merge(cuts.drops, uniquingKeysWith: +)
    guard cuts.fault == nil else { return }
    splits[cuts.split, default: Split()].files += 1
    splits[cuts.split, default: Split()].bytes += file.bytes
    splits[cuts.split, default: Split()].statistics.add(cuts.statistics)
    files.append(
      File(
        path: corpus.path(of: file), tree: file.tree, hash: file.hash, language: file.language,
        bytes: file.bytes, licence: file.spdx, split: cuts.split, examples: cuts.statistics.examples))
  }

  /// Takes in the test examples.
  mutating func add(test report: TestReport) {
    test = report
    guard run.options.test != nil else { return }
    splits[.test] = Split(files: report.files, bytes: report.bytes, statistics: report.statistics)
    drops.merge(report.drops, uniquingKeysWith: +)
    skipped += report.refused
  }

  /// Counts of what was left out.
  public var skippedCounts: [SkipReason: Int] {
    Dictionary(skipped.map { ($0.reason, 1) }, uniquingKeysWith: +)
  }

  /// Counts over all splits.
  public var total: ExampleStatistics {
    splits.values.reduce(into: ExampleStatistics()) { $0.add($1.statistics) }
  }

  /// Files and bytes by SPDX identifier; "none" for files without a notice, "unknown" for notices that name none.
  public var licences: [String: (files: Int, bytes: Int)] {
    var counts: [String: (files: Int, bytes: Int)] = [:]
    for file in files {
      let name = file.licence.map { $0.isEmpty ? "unknown" : $0 } ?? "none"
      counts[name, default: (0, 0)].files += 1
      counts[name, default: (0, 0)].bytes += file.bytes
    }
    return counts
  }
}

/// What became of the candidates for test examples.
struct TestReport: Sendable {
  var files = 0
  var bytes = 0
  var statistics = ExampleStatistics()
  var drops: [DropReason: Int] = [:]
  /// New files that copy one that is learnt from, or each other.
  var refused: [SkippedSource] = []
}
