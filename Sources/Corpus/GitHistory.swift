import Foundation
import Syntax

/// The first-parent history of a git repository, read through the `git` program.
public struct GitHistory: Sendable {
  /// A commit on the first-parent line.
  public struct Commit: Sendable, Equatable {
    /// Full object name.
    public let id: String
    /// First parent; nil for the first commit.
    public let parent: String?
    /// Seconds since 1970 of the committer's clock.
    public let time: Int
  }

  /// A history cut in two: what may be trained on, and what came later.
  public struct TimeSplit: Sendable, Equatable {
    /// The last commit of the older part.
    public let trainCommit: Commit
    /// The commits after it, oldest first.
    public let laterCommits: [Commit]
  }

  private let root: String
  private let git: GitCommand
  /// Fewest commits that can be split by time.
  public static let minimumCommits = 4

  /// The history of the repository that `root` belongs to, restricted to what is below `root`; nil when there is none.
  public init?(root: String) {
    self.root = root
    git = GitCommand(root: root)
    guard let answer = try? git.run(["rev-parse", "--is-inside-work-tree"]),
      String(decoding: answer, as: UTF8.self).hasPrefix("true")
    else { return nil }
  }

  /// The commits of the first-parent line up to HEAD, oldest first.
  ///
  /// - Throws: `CorpusError.gitFailed` when there is no commit.
  public func commits() throws(CorpusError) -> [Commit] {
    let output = try git.run(["log", "--first-parent", "-z", "--format=%H %ct %P", "HEAD"])
    var commits: [Commit] = []
    for record in output.split(separator: 0) {
      let words = String(decoding: record, as: UTF8.self).split(separator: " ")
      guard words.count >= 2, Self.isObjectName(words[0]), let time = Int(words[1]) else {
        throw .malformedGitOutput(command: "log", detail: "a record without object name and time")
      }
      commits.append(
        Commit(id: String(words[0]), parent: words.count > 2 ? String(words[2]) : nil, time: time))
    }
    return commits.reversed()
  }

  /// Cuts the history at a share of its commits.
  ///
  /// - Throws: `CorpusError.historyTooShort` for fewer than four commits.
  public func timeSplit(fraction: Double = 0.9) throws(CorpusError) -> TimeSplit {
    let all = try commits()
    guard all.count >= Self.minimumCommits else {
      throw .historyTooShort(path: root, commits: all.count, needed: Self.minimumCommits)
    }
    let index = min(all.count - 2, max(0, Int(fraction * Double(all.count)) - 1))
    return TimeSplit(trainCommit: all[index], laterCommits: Array(all[(index + 1)...]))
  }

  /// The source files of a commit, after the same rules as on disk; ignore files are those of the commit.
  public func files(
    at commit: String, catalog: LanguageCatalog, options: RepositoryWalker.Options = .init()
  ) throws(CorpusError) -> CorpusListing {
    let walker = RepositoryWalker(root: root, catalog: catalog, options: options)
    let entries = try tree(of: commit)
    let rules = try ignoreRules(entries)
    let attributesText = try text(entries.first { $0.path == ".gitattributes" })
    let attributes = Attributes(attributesText)
    var listing = CorpusListing()
    var wanted: [TreeEntry] = []
    for entry in entries {
      if let reason = faultBeforeReading(entry, walker: walker, rules: rules, attributes: attributes) {
        listing.skip(entry.path, reason)
      } else {
        wanted.append(entry)
      }
    }
    try GitObjects(git: git).blobs(wanted.map(\.object), limit: FileHygiene.maximumBytes) { index, bytes in
      let path = wanted[index].path
      guard let bytes else { return listing.skip(path, .unreadable) }
      guard listing.byteCount + bytes.count <= options.maximumTotalBytes else {
        return listing.skip(path, .overBudget)
      }
      switch walker.judge(path, bytes: bytes) {
      case .success(let file): listing.add(file)
      case .failure(let skipped): listing.skip(path, skipped.reason)
      }
    }
    guard !listing.files.isEmpty else { throw .noSource(path: "\(root)@\(commit)", skipped: listing.skipped) }
    return listing
  }

  private func faultBeforeReading(
    _ entry: TreeEntry, walker: RepositoryWalker, rules: IgnoreRules, attributes: Attributes
  ) -> SkipReason? {
    if entry.mode == "120000" { return .symlink }
    if entry.mode == "160000" { return .nestedRepository }
    if entry.path.split(separator: "/").dropLast().contains(where: {
      FileHygiene.isVendored(folder: String($0))
    }) {
      return .vendored
    }
    if rules.ignoresWithParents(entry.path) { return .ignored }
    return walker.faultBeforeReading(entry.path, size: entry.size, attributes: attributes)
  }

  private struct TreeEntry {
    let mode: String
    let object: String
    let size: Int
    let path: String
  }

  private func tree(of commit: String) throws(CorpusError) -> [TreeEntry] {
    guard Self.isObjectName(commit) else {
      throw .malformedGitOutput(command: "ls-tree", detail: "\(commit) is not a full object name")
    }
    let output = try git.run(["ls-tree", "-r", "-z", "--long", commit])
    var entries: [TreeEntry] = []
    for record in output.split(separator: 0) {
      guard let tab = record.firstIndex(of: 0x09) else {
        throw .malformedGitOutput(command: "ls-tree", detail: "an entry without a path")
      }
      let words = String(decoding: record[..<tab], as: UTF8.self).split(separator: " ")
      guard words.count == 4, let path = String(validating: record[(tab + 1)...], as: UTF8.self) else {
        continue
      }
      entries.append(
        TreeEntry(mode: String(words[0]), object: String(words[2]), size: Int(words[3]) ?? 0, path: path))
    }
    return entries
  }

  /// Tracked files are not ignored by .gitignore, but .gemfillignore holds for them too.
  private func ignoreRules(_ entries: [TreeEntry]) throws(CorpusError) -> IgnoreRules {
    var rules = IgnoreRules()
    for entry in entries where entry.path == ".gemfillignore" || entry.path.hasSuffix("/.gemfillignore") {
      rules.add(try text(entry), folder: String(entry.path.dropLast(".gemfillignore".count + 1)))
    }
    return rules
  }

  private func text(_ entry: TreeEntry?) throws(CorpusError) -> String {
    guard let entry, entry.mode.hasPrefix("100") else { return "" }
    var text = ""
    try GitObjects(git: git).blobs([entry.object], limit: FileHygiene.maximumBytes) { _, bytes in
      text = bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    return text
  }

  /// What the commits inserted, oldest first: each hunk applied alone to the parent's file.
  ///
  /// - Parameter limit: reading stops after this many spans.
  public func insertedSpans(
    in commits: [Commit], catalog: LanguageCatalog, options: RepositoryWalker.Options = .init(),
    limit: Int = 20_000
  ) throws(CorpusError) -> [InsertedSpan] {
    let walker = RepositoryWalker(root: root, catalog: catalog, options: options)
    let changes = try self.changes(in: commits).filter { change in
      walker.faultBeforeReading(change.path, size: 0, attributes: Attributes("")) == nil
        && !change.path.split(separator: "/").dropLast().contains {
          FileHygiene.isVendored(folder: String($0))
        }
    }
    var spans: [InsertedSpan] = []
    var old: [UInt8]?
    try GitObjects(git: git).blobs(changes.flatMap { [$0.old, $0.new] }, limit: FileHygiene.maximumBytes) {
      index, bytes in
      guard index % 2 == 1 else {
        old = bytes
        return
      }
      let change = changes[index / 2]
      guard spans.count < limit, let before = old, let bytes,
        case .success(let file) = walker.judge(change.path, bytes: bytes)
      else { return }
      spans += InsertedSpan.between(old: before, new: file, commit: change.commit, contextIsOld: true)
    }
    return Array(spans.prefix(limit))
  }

  private struct Change {
    let commit: String
    let old: String
    let new: String
    let path: String
  }

  /// Files that a commit and its first parent have with different contents; one process for all commits.
  private func changes(in commits: [Commit]) throws(CorpusError) -> [Change] {
    let pairs = commits.compactMap { commit in commit.parent.map { "\(commit.id) \($0)" } }
    guard !pairs.isEmpty else { return [] }
    let input = try GitCommand.inputFile(pairs)
    defer { try? FileManager.default.removeItem(at: input) }
    var output: [UInt8] = []
    try git.stream(
      [
        "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--diff-filter=M", "--relative",
        "--no-ext-diff", "--no-textconv",
      ], input: input
    ) { output = [UInt8]($0.readDataToEndOfFile()) }
    return Self.changes(from: output)
  }

  /// Reads `COMMIT NUL (:MODES OBJECTS STATUS NUL PATH NUL)*`, repeated.
  private static func changes(from output: [UInt8]) -> [Change] {
    var changes: [Change] = []
    var commit = ""
    var fields = output.split(separator: 0)[...]
    while let field = fields.popFirst() {
      let text = String(decoding: field, as: UTF8.self)
      guard text.hasPrefix(":") else {
        commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
        continue
      }
      let words = text.split(separator: " ")
      guard let path = fields.popFirst().flatMap({ String(validating: $0, as: UTF8.self) }), words.count == 5,
        words[0].hasPrefix(":100"), words[1].hasPrefix("100")
      else { continue }
      changes.append(Change(commit: commit, old: String(words[2]), new: String(words[3]), path: path))
    }
    return changes
  }

  private static func isObjectName(_ text: some StringProtocol) -> Bool {
    (text.utf8.count == 40 || text.utf8.count == 64)
      && text.utf8.allSatisfy {
        ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66)
      }
  }
}
