import Foundation
import Syntax

/// The files of a commit, read from git's store: nothing is checked out, and nothing can change meanwhile.
public final class CommitTree: SourceTree {
  /// Repository and commit.
  public let origin: SourceOrigin
  /// Files that may be read.
  public let entries: [SourceEntry]
  /// What the rules about paths left out.
  public let skipped: [SkippedPath]
  private let blobs: GitBlobs

  /// Lists the files of a commit below `root`, after the same rules as on disk; ignore files are those of the commit.
  ///
  /// - Parameters:
  ///   - commit: full object name.
  ///   - recency: asks git for the time of each file's last commit.
  /// - Throws: `CorpusError` when git cannot be started, refuses, or does not know the commit.
  public init(
    root: String, commit: String, catalog: LanguageCatalog, recency: Bool = false
  ) throws(CorpusError) {
    let git = GitCommand(root: root)
    let listed = try TreeListing(git: git, commit: commit)
    let rules = try listed.rules(hygiene: FileHygiene(catalog: catalog), git: git)
    var entries: [SourceEntry] = []
    var skipped = listed.unnamed
    for entry in listed.entries {
      if let reason = rules.fault(mode: entry.mode, path: entry.path, size: entry.size) {
        skipped.append(SkippedPath(path: entry.path, reason: reason))
      } else {
        entries.append(SourceEntry(path: entry.path, size: entry.size, object: entry.object))
      }
    }
    if recency { LastChanges.note(in: &entries, root: root, commit: commit) }
    origin = SourceOrigin(path: root, commit: commit)
    self.entries = entries.sorted { Self.isBefore($0.path, $1.path) }
    self.skipped = skipped
    blobs = GitBlobs(git: git)
  }

  /// Reads a blob.
  public func read(_ entry: SourceEntry) -> Result<[UInt8], SkippedFile> {
    guard let object = entry.object else { return .failure(SkippedFile(.unreadable, "is not of a commit")) }
    return blobs.read(object, limit: FileHygiene.maximumBytes(of: entry.path))
  }
}

/// What `git ls-tree` says about a commit.
struct TreeListing {
  struct Entry {
    let mode: String
    let object: String
    let size: Int
    let path: String
  }

  private(set) var entries: [Entry] = []
  /// Paths that are no text.
  private(set) var unnamed: [SkippedPath] = []

  init(git: GitCommand, commit: String) throws(CorpusError) {
    guard GitHistory.isObjectName(commit) else {
      throw .malformedGitOutput(command: "ls-tree", detail: "\(commit) is not a full object name")
    }
    let output = try git.run(["ls-tree", "-r", "-z", "--long", commit])
    for record in output.split(separator: 0) {
      guard let tab = record.firstIndex(of: 0x09) else {
        throw .malformedGitOutput(command: "ls-tree", detail: "an entry without a path")
      }
      let words = String(decoding: record[..<tab], as: UTF8.self).split(separator: " ")
      let name = record[(tab + 1)...]
      guard words.count == 4, let path = String(validating: name, as: UTF8.self) else {
        unnamed.append(SkippedPath(path: String(decoding: name, as: UTF8.self), reason: .unreadable))
        continue
      }
      entries.append(
        Entry(mode: String(words[0]), object: String(words[2]), size: Int(words[3]) ?? 0, path: path))
    }
  }

  /// What the commit's own files say about which of its paths may be used.
  ///
  /// Tracked files are not ignored by .gitignore, but .gemfillignore holds for them too.
  func rules(hygiene: FileHygiene, git: GitCommand) throws(CorpusError) -> PathRules {
    var rules = PathRules(hygiene: hygiene)
    let suffix = ".gemfillignore"
    for entry in entries where entry.path == suffix || entry.path.hasSuffix("/" + suffix) {
      rules.ignored.add(try text(entry, git: git), folder: String(entry.path.dropLast(suffix.count + 1)))
    }
    rules.attributes = Attributes(try text(entries.first { $0.path == ".gitattributes" }, git: git))
    return rules
  }

  private func text(_ entry: Entry?, git: GitCommand) throws(CorpusError) -> String {
    guard let entry, entry.mode.hasPrefix("100") else { return "" }
    var text = ""
    try GitObjects(git: git).blobs([entry.object], limit: FileHygiene.maximumBytes) { _, bytes in
      text = bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    return text
  }
}
