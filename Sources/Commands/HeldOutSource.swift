import Carving
import Corpus
import Foundation
import Syntax

/// Where held-out holes come from: the later commits of a git repository, or the newer of two releases.
enum HeldOutSource {
  /// Holes, and the older state that a contender may have learnt from.
  struct Holes {
    /// Files of the older state.
    let olderFiles: [SourceFile]
    /// What was written later.
    let holes: [FIMExample]
    /// One sentence for reports.
    let description: String
  }

  case history(path: String, commit: String?)
  case releases(newer: String, older: String)

  init(_ arguments: Arguments) throws(UsageError) {
    guard let path = arguments.positional("PATH") else {
      throw UsageError("name a PATH, or result files with --results")
    }
    guard let older = arguments.text("older") else {
      self = .history(path: path, commit: arguments.text("split"))
      return
    }
    guard arguments.text("split") == nil, !arguments.flag("history") else {
      throw UsageError("--older compares two releases; it excludes --split and --history")
    }
    self = .releases(newer: path, older: older)
  }

  /// Reads both states and cuts the holes; a random choice of `limit` where there are more.
  func read(catalog: LanguageCatalog, limit: Int) throws -> Holes {
    switch self {
    case .history(let path, let commit): try Self.history(path, after: commit, catalog, limit)
    case .releases(let newer, let older): try Self.releases(newer, older, catalog, limit)
    }
  }

  private static func history(
    _ path: String, after commit: String?, _ catalog: LanguageCatalog, _ limit: Int
  ) throws -> Holes {
    guard FileManager.default.fileExists(atPath: path) else { throw Failure("\(path): no such folder") }
    let history: GitHistory
    do throws(CorpusError) {
      history = try GitHistory(opening: path)
    } catch .notARepository {
      throw Failure("\(path): not a git repository; name an older release with --older DIR")
    }
    let (trained, later) = try Self.split(history, at: commit, path: path)
    let files = try history.files(at: trained.id, catalog: catalog).files
    let spans = try history.insertedSpans(in: later, catalog: catalog)
    return try cut(
      spans, known: files, catalog: catalog, limit: limit, path: path,
      description:
        "\(path): \(later.count) commit\(later.count == 1 ? "" : "s") after \(trained.id.prefix(12))"
    )
  }

  /// The commit that was learnt from and those after it; a named commit may be abbreviated. `FROM..TO` ends with TO
  /// instead of with HEAD.
  static func split(
    _ history: GitHistory, at name: String?, path: String
  ) throws -> (GitHistory.Commit, [GitHistory.Commit]) {
    guard let name else {
      let split = try history.timeSplit()
      return (split.trainCommit, split.laterCommits)
    }
    let ends = name.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let commit = try history.commit(named: ends[0])
    var later = Array(try history.commits().drop { $0 != commit }.dropFirst())
    if ends.count > 1 {
      let last = try history.commit(named: ends[1])
      later = later.firstIndex(of: last).map { Array(later[...$0]) } ?? []
    }
    guard !later.isEmpty else {
      let place = ends.count > 1 ? "between \(ends[0]) and \(ends[1])" : "after \(name)"
      throw Failure("\(path): there is no commit \(place) to test on")
    }
    return (commit, later)
  }

  private static func releases(
    _ newer: String, _ older: String, _ catalog: LanguageCatalog, _ limit: Int
  ) throws -> Holes {
    let olderFiles = try RepositoryWalker(root: older, catalog: catalog).files().files
    let release = TestSource.release(
      try FolderTree(root: newer, catalog: catalog), older: try FolderTree(root: older, catalog: catalog))
    var spans: [InsertedSpan] = []
    try release.spans(catalog: catalog) { spans.append($0) }
    return try cut(
      spans, known: olderFiles, catalog: catalog, limit: limit, path: newer,
      description: "\(newer): what is new since \(older)")
  }

  private static func cut(
    _ spans: [InsertedSpan], known: [SourceFile], catalog: LanguageCatalog, limit: Int, path: String,
    description: String
  ) throws -> Holes {
    let cutter = HistoryExamples(known: KnownText(known), catalog: catalog)
    let holes = cutter.examples(from: spans, limit: limit)
    try Task.checkCancellation()
    guard !holes.isEmpty else {
      throw Failure(
        "\(path): nothing new that is long enough and not a copy of older code; take an older split")
    }
    return Holes(olderFiles: known, holes: holes, description: description)
  }
}
