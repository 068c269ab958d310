import Carving
import Corpus
import Foundation
import Syntax
import Weights

/// The code of one training run: files to carve, or examples carved earlier, with some held out by a hash of the path.
struct TrainingData {
  /// What the run learns from, for the card.
  let path: String
  /// The commit whose files these are, with "-dirty" behind it where they differ; empty where there is none.
  let commit: String
  /// SHA-256 over all paths and contents.
  let hash: String
  let fileCount: Int
  let byteCount: Int
  /// Examples of files that are never trained on.
  let heldOut: [FIMExample]
  private let carve: @Sendable (Int) -> [FIMExample]

  /// Most held-out examples: enough for a figure, few enough to cost seconds.
  private static let heldOutLimit = 96

  init(_ arguments: Arguments, seed: UInt64) throws {
    let paths = arguments.positionals("PATH")
    if let dataset = arguments.text("dataset") {
      guard paths.isEmpty else { throw UsageError("give PATH or --dataset, not both") }
      try self.init(dataset: dataset, seed: seed)
      return
    }
    guard !paths.isEmpty else { throw UsageError("give a PATH, or --dataset F.jsonl") }
    let catalog = LanguageCatalog.standard()
    var files: [SourceFile] = []
    var commits: [String] = []
    for path in paths {
      let (found, commit) = try Self.files(in: path, at: arguments.text("at"), catalog: catalog)
      guard !found.files.isEmpty else {
        throw Failure("\(path): no code found; gemfill carve \(path) --stats says what was left out and why")
      }
      files += found.files
      if let commit { commits.append(commit) }
    }
    try self.init(
      files: files, catalog: catalog, seed: seed, path: paths.joined(separator: ":"), commits: commits)
  }

  /// The examples of an epoch.
  func examples(epoch: Int) -> [FIMExample] { carve(epoch) }

  private init(dataset: String, seed: UInt64) throws {
    let all = try ExampleFile.read(dataset)
    let (train, validation) = ValidationSplit.split(all, by: \.path)
    path = dataset
    commit = ""
    hash = try SHA256.hash(file: dataset)
    fileCount = Set(all.map(\.path)).count
    byteCount = all.reduce(0) { $0 + $1.middle.utf8.count }
    heldOut = Array(validation.filter { $0.kind != .plain }.prefix(Self.heldOutLimit))
    carve = { _ in train }
  }

  private init(
    files: [SourceFile], catalog: LanguageCatalog, seed: UInt64, path: String, commits: [String]
  ) throws {
    let (train, validation) = ValidationSplit.split(files, by: \.path)
    let carver = Carver(options: CarveOptions(seed: seed), catalog: catalog)
    self.path = path
    commit = commits.joined(separator: ":")
    fileCount = train.count
    byteCount = train.reduce(0) { $0 + $1.bytes.count }
    var digest = ""
    for file in files { digest += file.path + " " + SHA256.hash(file.bytes) + "\n" }
    hash = SHA256.hash(Array(digest.utf8))
    let held = carver.examples(from: validation, epoch: 0).filter { $0.kind != .plain }
    let step = max(1, held.count / Self.heldOutLimit)
    heldOut = held.indices.filter { $0 % step == 0 }.prefix(Self.heldOutLimit).map { held[$0] }
    carve = { carver.examples(from: train, epoch: $0) }
  }

  private static func files(
    in path: String, at commit: String?, catalog: LanguageCatalog
  ) throws -> (CorpusListing, String?) {
    guard let commit else {
      let found = try RepositoryWalker(root: path, catalog: catalog).files()
      return (found, try? GitHistory(root: path)?.commitName(of: found.files, catalog: catalog))
    }
    guard let history = GitHistory(root: path) else {
      throw Failure("\(path): --at needs a git repository")
    }
    let chosen = commit == "split" ? try history.timeSplit().trainCommit : try history.commit(named: commit)
    return (try history.files(at: chosen.id, catalog: catalog), chosen.id)
  }
}
