import Syntax

/// A file that a commit changed, as names of its two contents.
public struct FileChange: Sendable, Equatable {
  /// Repository-relative path; the same before and after.
  public let path: String
  /// The commit that changed the file.
  public let commit: String
  let old: String
  let new: String
}

/// The files that a run of commits modified, oldest first; contents are read when they are asked for.
///
/// Against the first parent, so that a merge brings what it merged; what was added, removed or renamed is left out.
public struct FileChanges: Sendable {
  /// The changes, in the order of the commits.
  public let all: [FileChange]
  /// Changed files that the newest commit's rules keep out, by reason.
  public let skipped: [SkipReason: Int]
  private let blobs: GitBlobs

  fileprivate init(all: [FileChange], skipped: [SkipReason: Int], blobs: GitBlobs) {
    self.all = all
    self.skipped = skipped
    self.blobs = blobs
  }

  /// Both contents of a changed file; nil when one of them is missing, as in a partial clone, or too large. Any thread.
  public func contents(of change: FileChange) -> (old: [UInt8], new: [UInt8])? {
    guard case .success(let old) = blobs.read(change.old, limit: FileHygiene.maximumBytes),
      case .success(let new) = blobs.read(change.new, limit: FileHygiene.maximumBytes)
    else { return nil }
    return (old, new)
  }
}

extension GitHistory {
  /// The files that the commits modified. The newest of them says, for all, which files are kept out.
  ///
  /// - Throws: `CorpusError.gitFailed` when git refuses, as for commits that are not there.
  public func fileChanges(in commits: [Commit], catalog: LanguageCatalog) throws(CorpusError) -> FileChanges {
    guard let newest = commits.last else {
      return FileChanges(all: [], skipped: [:], blobs: GitBlobs(git: git))
    }
    let rules = try TreeListing(git: git, commit: newest.id)
      .rules(hygiene: FileHygiene(catalog: catalog), git: git)
    var all: [FileChange] = []
    var skipped: [SkipReason: Int] = [:]
    for change in try changes(in: commits) {
      if let reason = rules.fault(mode: change.mode, path: change.path, size: 0) {
        skipped[reason, default: 0] += 1
      } else {
        all.append(FileChange(path: change.path, commit: change.commit, old: change.old, new: change.new))
      }
    }
    return FileChanges(all: all, skipped: skipped, blobs: GitBlobs(git: git))
  }
}

extension GitHistory {
  /// The files of a commit, listed.
  ///
  /// - Throws: `CorpusError` when git refuses or does not know the commit.
  public func tree(of commit: String, catalog: LanguageCatalog) throws(CorpusError) -> CommitTree {
    try CommitTree(root: root, commit: commit, catalog: catalog)
  }
}
