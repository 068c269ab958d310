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
  /// What the commit's licence files say.
  public let licences: TreeLicences
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
    let hygiene = FileHygiene(catalog: catalog)
    let rules = try listed.rules(hygiene: hygiene, git: git)
    var entries: [SourceEntry] = []
    var skipped = listed.unnamed.map { SkippedPath(path: hygiene.shownPath($0.path), reason: $0.reason) }
    for entry in listed.entries {
      if let reason = rules.fault(mode: entry.mode, path: entry.path, size: entry.size) {
        skipped.append(SkippedPath(path: hygiene.shownPath(entry.path), reason: reason))
      } else {
        entries.append(SourceEntry(path: entry.path, size: entry.size, object: entry.object))
      }
    }
    let isShallow = recency ? GitHistory.isShallow(root: root) : nil
    if isShallow == false { LastChanges.note(in: &entries, root: root, commit: commit) }
    origin = SourceOrigin(path: root, commit: commit, isShallow: isShallow)
    licences = try listed.licences(git: git)
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

  /// The full name of the commit.
  let commit: String
  private(set) var entries: [Entry] = []
  /// Paths that are no text.
  private(set) var unnamed: [SkippedPath] = []

  init(git: GitCommand, commit: String) throws(CorpusError) {
    guard GitHistory.isObjectName(commit) else {
      throw .malformedGitOutput(command: "ls-tree", detail: "\(commit) is not a full object name")
    }
    self.commit = commit
    let found = try Self.entries(of: git.run(["ls-tree", "-r", "-z", "--long", commit]))
    entries = found.entries
    unnamed = found.unnamed
  }

  private static func entries(
    of output: [UInt8]
  ) throws(CorpusError) -> (entries: [Entry], unnamed: [SkippedPath]) {
    var entries: [Entry] = []
    var unnamed: [SkippedPath] = []
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
    return (entries, unnamed)
  }

  /// What the commit's own files say about which of its paths may be used, those above the listed folder too.
  ///
  /// Tracked files are not ignored by .gitignore, but .gemfillignore holds for them too.
  func rules(hygiene: FileHygiene, git: GitCommand) throws(CorpusError) -> PathRules {
    var rules = PathRules(hygiene: hygiene)
    let files = try filesAbove(git) + ownFiles()
    try GitObjects(git: git).blobs(files.map(\.object), limit: FileHygiene.maximumBytes) { index, bytes in
      guard let bytes else { return }
      let file = files[index]
      let text = String(decoding: bytes, as: UTF8.self)
      if file.isAttributes {
        rules.attributes.add(text, folder: file.folder, above: file.above)
      } else {
        rules.ignored.add(text, folder: file.folder, above: file.above)
      }
    }
    return rules
  }

  /// A file with rules: the folder where it lies, or, for one above the listed folder, the way from there.
  private struct RuleFile {
    let object: String
    let isAttributes: Bool
    var folder = ""
    var above = ""
  }

  /// The files with rules that are listed, those of outer folders first.
  private func ownFiles() -> [RuleFile] {
    let files = entries.compactMap { entry -> RuleFile? in
      let (folder, name) = Self.parts(entry.path)
      guard name == IgnoreFiles.own || name == IgnoreFiles.attributes, entry.mode.hasPrefix("100") else {
        return nil
      }
      return RuleFile(object: entry.object, isAttributes: name == IgnoreFiles.attributes, folder: folder)
    }
    return files.sorted { $0.folder.utf8.count < $1.folder.utf8.count }
  }

  /// The files with rules in the folders above the listed one up to the top of the repository, topmost first.
  private func filesAbove(_ git: GitCommand) throws(CorpusError) -> [RuleFile] {
    let output = try git.run(["rev-parse", "--show-prefix"])
    guard let prefix = String(validating: output.prefix { $0 != 0x0A }, as: UTF8.self), !prefix.isEmpty else {
      return []
    }
    let folders = prefix.split(separator: "/").map(String.init)
    let names = folders.indices.flatMap { depth in
      [IgnoreFiles.own, IgnoreFiles.attributes].map { name in
        (folders[..<depth] + [name]).joined(separator: "/")
      }
    }
    let arguments = ["ls-tree", "-z", "--long", "--full-tree", commit, "--"] + names
    let files = try Self.entries(of: git.run(arguments)).entries.compactMap { entry -> RuleFile? in
      let (folder, name) = Self.parts(entry.path)
      guard entry.mode.hasPrefix("100") else { return nil }
      let depth = folder.split(separator: "/").count
      return RuleFile(
        object: entry.object, isAttributes: name == IgnoreFiles.attributes,
        above: folders[depth...].joined(separator: "/"))
    }
    return files.sorted { $0.above.utf8.count > $1.above.utf8.count }
  }

  /// What the commit's licence files say, those above the listed folder too.
  func licences(git: GitCommand) throws(CorpusError) -> TreeLicences {
    func documents(_ entries: [Entry]) throws(CorpusError) -> [TreeLicences.Document] {
      let files = entries.filter {
        $0.mode.hasPrefix("100") && TreeLicences.role(ofName: Self.parts($0.path).name) != nil
      }
      var found: [TreeLicences.Document] = []
      try GitObjects(git: git).blobs(files.map(\.object), limit: FileHygiene.maximumBytes) { index, bytes in
        guard let bytes else { return }
        let (folder, name) = Self.parts(files[index].path)
        found.append(TreeLicences.Document(folder: folder, name: String(name), bytes: bytes))
      }
      return found
    }
    let output = try git.run(["rev-parse", "--show-prefix"])
    var folders = String(decoding: output.prefix { $0 != 0x0A }, as: UTF8.self).split(separator: "/")
    while !folders.isEmpty {
      folders.removeLast()
      let listed = try git.run([
        "ls-tree", "-z", "--long", "--full-tree", commit + ":" + folders.joined(separator: "/"),
      ])
      let above = try documents(Self.entries(of: listed).entries)
      if !above.isEmpty { return TreeLicences(try documents(entries), above: above) }
    }
    return TreeLicences(try documents(entries))
  }

  private static func parts(_ path: String) -> (folder: String, name: Substring) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path[...]) }
    return (String(path[..<slash]), path[path.index(after: slash)...])
  }
}
