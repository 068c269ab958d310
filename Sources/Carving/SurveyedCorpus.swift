import Context
import Corpus
import Database
import Foundation
import Syntax

/// What the first pass knows about all files: which are used, for what, and where their holes are.
public final class SurveyedCorpus: Sendable {
  /// A file that hygiene let through.
  struct File: Sendable {
    let tree: Int
    let entry: Int
    let hash: ContentHash
    let language: String
    let bytes: Int
    let spdx: String?
    /// Its `SurveyRecord`.
    let place: SurveySpool.Place
    /// Its `FileFacts`.
    let facts: SurveySpool.Place
    /// Where the hashes of its middles begin in `middles`.
    let firstMiddle: Int
    let holeCount: Int
    var fate = Fate.used(.train)
    /// How many of its holes are used: fewer for old files.
    var wanted: Int
  }

  /// What becomes of a file.
  enum Fate: Sendable, Equatable {
    case used(DataSplit)
    /// A copy of another file, named by its index.
    case copy(SkipReason, of: Int, jaccard: Double)
  }

  let run: CarvingRun
  let epoch: Int
  let surveyor: Surveyor
  let reader: CleanReader
  /// In the order of trees and paths.
  let files: [File]
  /// What was left out, by trees, rules about paths, and hygiene.
  let skipped: [SkippedSource]
  /// Indices of the used files, in the order of their content hashes.
  let order: [Int]
  /// Middles that training holds, of those in validation.
  let repeatedMiddles: DuplicateMiddles
  /// Parts of files that other files have shown often enough.
  let copiedFunctions: [Int: [Range<Int>]]
  /// Middles of all files, for test examples; empty where there are none to come.
  let middles: [UInt64]
  /// Examples whose rank is higher than this are beyond the limit.
  let highestRank: UInt64
  let secrets: [String: Int]
  let context: [RepositoryContext]
  /// Files that the first pass parsed; the others came from the cache or were left out before.
  public let parsedFiles: Int
  /// Files whose survey the cache knew.
  public let cachedFiles: Int
  /// Why the cache could not be opened, read or written; the run went on without it. Nil when all was well.
  public let cacheFault: String?

  init(run: CarvingRun, epoch: Int, progress: (@Sendable (CarvingRun.Progress) -> Void)?) throws {
    var cache: SurveyCache?
    var cacheFault: String?
    do throws(DatabaseError) {
      if let path = run.options.cachePath { cache = try SurveyCache(path: path) }
    } catch {
      cacheFault = error.description
    }
    let surveyor = Surveyor(run: run, epoch: epoch, cache: cache)
    let spool = try SurveySpool()
    var collected = SurveyCollection(spool: spool, cache: cache)
    let jobs = run.trees.enumerated().flatMap { tree, value in value.entries.indices.map { (tree, $0) } }
    for (tree, value) in run.trees.enumerated() {
      for skip in value.skipped {
        collected.skipped.append(SkippedSource(tree: tree, path: skip.path, reason: skip.reason, detail: ""))
      }
    }
    try OrderedWork(threads: run.options.threads).run(jobs.count) { index in
      let tree = run.trees[jobs[index].0]
      return surveyor.survey(tree.entries[jobs[index].1], in: tree)
    } take: { index, finding in
      let (tree, entry) = jobs[index]
      try collected.add(
        finding, tree: tree, entry: entry, path: run.trees[tree].entries[entry].path,
        licences: run.trees[tree].licences)
      if index % 64 == 0 { progress?(.surveying(index, of: jobs.count)) }
    }
    cache?.flush()
    cache?.shrink(to: run.options.cacheBytes)
    self.cacheFault = cacheFault ?? cache?.fault
    progress?(.comparing)
    guard !collected.files.isEmpty else {
      let reasons = Dictionary(collected.skipped.map { ($0.reason, 1) }, uniquingKeysWith: +)
      throw CorpusError.noSource(
        path: run.trees.map(\.origin.path).joined(separator: ", "), skipped: reasons)
    }
    let plan = CorpusPlan(run: run, epoch: epoch, collected: &collected)
    copiedFunctions = plan.copiedFunctions
    middles = run.options.test == nil ? [] : collected.middles
    self.run = run
    self.epoch = epoch
    self.surveyor = surveyor
    let reader = CleanReader(surveyor: surveyor, spool: spool)
    self.reader = reader
    files = plan.files
    skipped = collected.skipped
    order = plan.order
    repeatedMiddles = plan.repeatedMiddles
    highestRank = plan.highestRank
    secrets = collected.secrets
    parsedFiles = collected.parsed
    cachedFiles = collected.cached
    context = run.trees.indices.map { tree in
      RepositoryContext(tree: tree, plan: plan, run: run, reader: reader)
    }
    try Task.checkCancellation()
  }

  func path(of file: File) -> String { run.trees[file.tree].entries[file.entry].path }

  /// The rank of an example among all of its epoch: where the limit cuts.
  static func rank(_ hash: ContentHash, hole: Int, seed: UInt64, epoch: Int) -> UInt64 {
    Stamp.mix(hash.prefix, UInt64(hole), seed, UInt64(truncatingIfNeeded: epoch))
  }
}

/// A path that was left out, and why.
public struct SkippedSource: Sendable, Equatable {
  /// Which tree, from 0.
  public let tree: Int
  /// Path below the tree's root.
  public let path: String
  /// Why, for machines.
  public let reason: SkipReason
  /// Why, for people; empty where the reason says all.
  public let detail: String
}

/// The findings of the first pass, in order. What is large is in the spool: besides fingerprints, of which memory is
/// free again when copies are known, some 300 bytes are kept of each file.
struct SurveyCollection {
  let spool: SurveySpool
  let cache: SurveyCache?
  var files: [SurveyedCorpus.File] = []
  var skipped: [SkippedSource] = []
  var finder = DuplicateFinder()
  /// 0 for an empty middle.
  var middles: [UInt64] = []
  var functionCount = 0
  var secrets: [String: Int] = [:]
  var parsed = 0
  var cached = 0

  mutating func add(
    _ finding: Surveyor.Finding, tree: Int, entry: Int, path: String, licences: TreeLicences
  ) throws {
    if let key = finding.key, let packed = finding.packed { cache?.keep(packed, for: key) }
    cached += finding.isCached ? 1 : 0
    parsed += finding.isParsed ? 1 : 0
    switch finding.outcome {
    case .skipped(_, let reason):
      skipped.append(SkippedSource(tree: tree, path: path, reason: reason.reason, detail: reason.detail))
    case .surveyed(let survey):
      for patch in survey.head.patches { secrets[patch.redaction.rule, default: 0] += 1 }
      let record = finding.record ?? SurveyRecord.pack(survey)
      files.append(
        SurveyedCorpus.File(
          tree: tree, entry: entry, hash: survey.head.hash, language: survey.head.language,
          bytes: survey.head.byteCount, spdx: licences.licence(of: path, own: survey.head.licenceName),
          place: try spool.append(record), facts: try spool.append(survey.facts.encoded),
          firstMiddle: middles.count, holeCount: survey.cuts.holes.count,
          wanted: survey.cuts.holes.count))
      middles += survey.cuts.middles.map { $0 ?? 0 }
      functionCount += survey.functions.count
      // Later trees are newer.
      finder.add(survey.fingerprint, rank: tree, name: path)
    }
  }
}
