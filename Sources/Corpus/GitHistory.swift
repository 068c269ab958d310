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

  let root: String
  let git: GitCommand
  /// Fewest commits that can be split by time.
  public static let minimumCommits = 4

  /// The history of the repository that `root` belongs to, restricted to what is below `root`; nil when there is none.
  public init?(root: String) {
    do throws(CorpusError) { try self.init(opening: root) } catch { return nil }
  }

  /// The history of the repository that `root` belongs to, restricted to what is below `root`.
  ///
  /// - Throws: `CorpusError.gitUnavailable`; `.notARepository`; `.gitFailed` with git's own words where it refuses the
  ///   repository, as one that belongs to somebody else.
  public init(opening root: String) throws(CorpusError) {
    self.root = root
    git = GitCommand(root: root)
    let answer: [UInt8]
    do throws(CorpusError) {
      answer = try git.run(["rev-parse", "--is-inside-work-tree"])
    } catch .gitFailed(let command, let status, let message) {
      // Git is asked to speak English (`GitCommand.environment`).
      if message.contains("not a git repository") { throw .notARepository(path: root) }
      throw .gitFailed(command: command, status: status, message: message)
    }
    guard answer.starts(with: Array("true".utf8)) else { throw .notARepository(path: root) }
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

  /// The commit of the first-parent line that a revision names: whatever `git rev-parse` understands, as `HEAD~3`, a tag,
  /// a branch or the first digits of an object name.
  ///
  /// - Throws: `CorpusError.unknownCommit` when it names none, more than one, or one elsewhere; `.shallow` where it may lie
  ///   beyond the border of a shallow clone.
  public func commit(named name: String) throws(CorpusError) -> Commit {
    guard !name.isEmpty, !name.hasPrefix("-"), !name.utf8.contains(0) else {
      throw .unknownCommit(path: root, name: name)
    }
    let answer: [UInt8]
    do throws(CorpusError) {
      answer = try git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"])
    } catch .gitFailed {
      throw unknown(name)
    }
    let id = String(decoding: answer, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let commit = try commits().last(where: { $0.id == id }) else { throw unknown(name) }
    return commit
  }

  private func unknown(_ name: String) -> CorpusError {
    isShallow
      ? .shallow(path: root, problem: "'\(name)' names none of its commits")
      : .unknownCommit(path: root, name: name)
  }

  /// Whether the history ends early: the oldest commit seems to have brought everything that is older.
  public var isShallow: Bool { Self.isShallow(git) }

  /// Whether the history of the repository that a folder belongs to ends early; nil where there is none.
  static func isShallow(root: String) -> Bool? {
    let git = GitCommand(root: root)
    guard (try? git.run(["rev-parse", "--git-dir"])) != nil else { return nil }
    return isShallow(git)
  }

  private static func isShallow(_ git: GitCommand) -> Bool {
    (try? git.run(["rev-parse", "--is-shallow-repository"]))?.starts(with: Array("true".utf8)) ?? false
  }

  /// Cuts the history at a share of its commits.
  ///
  /// - Throws: `CorpusError.historyTooShort` for fewer than four commits, `.shallow` in a shallow clone.
  public func timeSplit(fraction: Double = 0.9) throws(CorpusError) -> TimeSplit {
    let all = try commits()
    guard all.count >= Self.minimumCommits else {
      if isShallow {
        let commits = "\(all.count) commit\(all.count == 1 ? "" : "s")"
        throw .shallow(
          path: root, problem: "it has \(commits), a split by time needs at least \(Self.minimumCommits)")
      }
      throw .historyTooShort(path: root, commits: all.count, needed: Self.minimumCommits)
    }
    let index = min(all.count - 2, max(0, Int(fraction * Double(all.count)) - 1))
    return TimeSplit(trainCommit: all[index], laterCommits: Array(all[(index + 1)...]))
  }

  /// The source files of a commit, after the same rules as on disk; ignore files are those of the commit.
  public func files(
    at commit: String, catalog: LanguageCatalog, options: RepositoryWalker.Options = .init()
  ) throws(CorpusError) -> CorpusListing {
    let tree = try CommitTree(root: root, commit: commit, catalog: catalog)
    return try RepositoryWalker(root: root, catalog: catalog, options: options)
      .files(of: tree, name: "\(root)@\(commit)")
  }

  /// What the commits inserted, oldest first: each hunk applied alone to the parent's file.
  ///
  /// The last of them says, for all, which files are kept out, and under which licence the others are.
  ///
  /// - Parameter limit: reading stops after this many spans.
  public func insertedSpans(
    in commits: [Commit], catalog: LanguageCatalog, options: RepositoryWalker.Options = .init(),
    limit: Int = 20_000
  ) throws(CorpusError) -> [InsertedSpan] {
    struct Enough: Error {}
    var spans: [InsertedSpan] = []
    do {
      try forEachInsertedSpan(in: commits, catalog: catalog, options: options) { span in
        guard spans.count < limit else { throw Enough() }
        spans.append(span)
      }
    } catch let error as CorpusError {
      throw error
    } catch {}
    return spans
  }

  /// Calls `body` with what the commits inserted, one span after another, as `insertedSpans` gives them.
  ///
  /// - Throws: `CorpusError`, and what `body` throws; then no more spans come.
  public func forEachInsertedSpan(
    in commits: [Commit], catalog: LanguageCatalog, options: RepositoryWalker.Options = .init(),
    body: (InsertedSpan) throws -> Void
  ) throws {
    guard let newest = commits.last else { return }
    let walker = RepositoryWalker(root: root, catalog: catalog, options: options)
    let listing = try TreeListing(git: git, commit: newest.id)
    let rules = try listing.rules(hygiene: FileHygiene(catalog: catalog), git: git)
    let licences = try listing.licences(git: git)
    let changes = try self.changes(in: commits).filter {
      rules.fault(mode: $0.mode, path: $0.path, size: 0) == nil
    }
    var old: [UInt8]?
    var failure: (any Error)?
    try GitObjects(git: git).blobs(changes.flatMap { [$0.old, $0.new] }, limit: FileHygiene.maximumBytes) {
      index, bytes in
      guard failure == nil else { return }
      guard index % 2 == 1 else {
        old = bytes
        return
      }
      let change = changes[index / 2]
      // The old text is shown around the new lines: it is cleaned as well.
      guard let before = old, let bytes,
        case .success(let file) = walker.judge(change.path, bytes: bytes, licences: licences),
        case .success(let cleaned) = walker.judge(change.path, bytes: before, licences: licences)
      else { return }
      let spans = InsertedSpan.between(
        old: cleaned.bytes, new: file, commit: change.commit, contextIsOld: true,
        licence: licences.licence(of: file.path, own: file.licenceName))
      do {
        for span in spans { try body(span) }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  struct Change {
    let commit: String
    let old: String
    let new: String
    let mode: String
    let path: String
  }

  /// Files that a commit and its first parent have with different contents; one process for all commits.
  func changes(in commits: [Commit]) throws(CorpusError) -> [Change] {
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
      changes.append(
        Change(
          commit: commit, old: String(words[2]), new: String(words[3]), mode: String(words[1]), path: path))
    }
    return changes
  }

  static func isObjectName(_ text: some StringProtocol) -> Bool {
    (text.utf8.count == 40 || text.utf8.count == 64)
      && text.utf8.allSatisfy {
        ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66)
      }
  }
}
