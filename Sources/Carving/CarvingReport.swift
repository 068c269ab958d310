import Corpus

/// What a run wrote and what it left out; everything that a data card says about the data.
public struct CarvingReport: Sendable {
  /// A file, and what the data set has of it.
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
    /// SPDX expression of its licence notice, or of the nearest licence file above it; "" where the text names none that
    /// is known, nil where there is no text.
    public let licence: String?
    /// What it is used for.
    public let split: DataSplit
    /// Examples written.
    public internal(set) var examples: Int
    /// Pieces of it that examples of other files show.
    public internal(set) var snippets = 0
  }

  /// A path in one of the trees.
  struct TreePath: Hashable {
    let tree: Int
    let path: String
  }

  /// Counts of one split.
  public struct Split: Sendable, Equatable, Codable {
    /// Files with examples.
    public var files = 0
    /// Bytes of these files.
    public var bytes = 0
    /// The examples.
    public var statistics = ExampleStatistics()

    /// Takes in the examples of one file.
    mutating func add(_ own: ExampleStatistics, bytes: Int) {
      files += own.examples > 0 ? 1 : 0
      self.bytes += own.examples > 0 ? bytes : 0
      statistics.add(own)
    }
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
  /// Files that are used, in the order of their content hashes, those too that gave no example in this epoch; one
  /// shard's, where a shard was asked for.
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
  private var test = TestReport()
  /// How often examples of a split show pieces of a file.
  private var shown: [DataSplit: [TreePath: Int]] = [:]

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
    splits[cuts.split, default: Split()].add(
      cuts.statistics, bytes: file.bytes)
    for (path, count) in cuts.shown {
      shown[cuts.split, default: [:]][TreePath(tree: file.tree, path: path), default: 0] += count
    }
    files.append(
      File(
        path: corpus.path(of: file), tree: file.tree, hash: file.hash, language: file.language,
        bytes: file.bytes, licence: file.spdx, split: cuts.split, examples: cuts.statistics.examples))
  }

  /// Takes in the test examples.
  mutating func add(test report: TestReport) {
    test = report
    guard run.options.test != nil else { return }
    splits[.test] = Split(
      files: report.paths.count, bytes: report.paths.reduce(0) { $0 + $1.bytes },
      statistics: report.statistics)
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
    for file in filesWithExamples {
      let name = file.licence.map { $0.isEmpty ? "unknown" : $0 } ?? "none"
      counts[name, default: (0, 0)].files += 1
      counts[name, default: (0, 0)].bytes += file.bytes
    }
    return counts
  }
}

// MARK: - Who contributed

extension CarvingReport {
  /// Files that examples were cut from, of a test file its largest state alone.
  public var filesWithExamples: [File] { files.filter { $0.examples > 0 } + test.paths }

  /// Files that examples were cut from or show pieces of, in the order of their content hashes: what must be gone when
  /// one is to be unlearned. Test files are states that later commits or a newer release gave them.
  public var contributors: [File] {
    var pieces: [TreePath: Int] = [:]
    for counts in shown.values { pieces.merge(counts, uniquingKeysWith: +) }
    let own = Set(files.map { TreePath(tree: $0.tree, path: $0.path) })
    // An example may show pieces of a file whose own examples are in another shard.
    let elsewhere = corpus.order.map { corpus.files[$0] }.compactMap { file -> File? in
      let place = TreePath(tree: file.tree, path: corpus.path(of: file))
      guard pieces[place] != nil, !own.contains(place), case .used(let split) = file.fate else { return nil }
      return File(
        path: place.path, tree: file.tree, hash: file.hash, language: file.language, bytes: file.bytes,
        licence: file.spdx, split: split, examples: 0)
    }
    var all = files + elsewhere
    for index in all.indices {
      all[index].snippets = pieces[TreePath(tree: all[index].tree, path: all[index].path)] ?? 0
    }
    return (all.filter { $0.examples > 0 || $0.snippets > 0 } + test.files).sorted {
      $0.hash != $1.hash ? $0.hash < $1.hash : $0.path < $1.path
    }
  }

  /// The report of a data set for which only some of a split's examples were kept.
  ///
  /// - Parameters:
  ///   - kept: these, of the ones that the run made.
  ///   - dropped: why the others were not, by reason.
  public func keeping(
    _ kept: [FIMExample], of split: DataSplit, dropped: [DropReason: Int]
  ) -> CarvingReport {
    var report = self
    let kept = Dictionary(grouping: kept) { $0.contentHash }
    report.shown[split] = nil
    report.splits[split] = Split()
    for (index, file) in files.enumerated() where file.split == split {
      let own = kept[file.hash.hex] ?? []
      report.files[index].examples = own.count
      report.splits[split]?.add(ExampleStatistics(own), bytes: file.bytes)
      for snippet in own.lazy.flatMap(\.context) {
        let place = TreePath(tree: file.tree, path: snippet.path)
        report.shown[split, default: [:]][place, default: 0] += 1
      }
    }
    report.drops.merge(dropped, uniquingKeysWith: +)
    return report
  }
}

/// What became of the candidates for test examples.
struct TestReport: Sendable {
  /// Files with examples, each in every state that examples were cut from.
  var files: [CarvingReport.File] = []
  /// The largest state of each path.
  var paths: [CarvingReport.File] {
    Dictionary(files.map { ($0.path, $0) }, uniquingKeysWith: { $0.bytes >= $1.bytes ? $0 : $1 })
      .values.sorted { $0.path < $1.path }
  }
  var statistics = ExampleStatistics()
  var drops: [DropReason: Int] = [:]
  /// New files that copy one that is learnt from, or each other.
  var refused: [SkippedSource] = []
}
