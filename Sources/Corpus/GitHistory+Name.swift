import Foundation

extension GitHistory {
  /// The name under which a folder's files are on record: HEAD's object name, with "-dirty" behind it when the commit does
  /// not have these files. Nil when the folder is not the top of its work tree.
  ///
  /// Contents are compared by the names that git gives to raw bytes, because `git status` may start the filters that
  /// a repository configures.
  ///
  /// - Throws: `CorpusError.gitFailed` when there is no commit.
  public func commitName(of tree: FolderTree) throws(CorpusError) -> String? {
    let git = GitCommand(root: tree.place)
    let top = String(decoding: try git.run(["rev-parse", "--show-toplevel"]).dropLast(), as: UTF8.self)
    guard top == tree.place, let head = try commits().last else { return nil }
    var committed = Dictionary(
      try TreeListing(git: git, commit: head.id).entries.map { ($0.path, $0.object) },
      uniquingKeysWith: { first, _ in first })
    let found = try Self.objectNames(of: tree.entries.map(\.path), git: git)
    let isWritten = zip(tree.entries, found).allSatisfy { committed.removeValue(forKey: $0.path) == $1 }
    guard isWritten, found.count == tree.entries.count else { return head.id + "-dirty" }
    // What the commit has besides may be kept out by rules about paths, but must be there.
    let isComplete = committed.keys.allSatisfy { FileSystem.kind(of: tree.place + "/" + $0) != nil }
    return isComplete ? head.id : head.id + "-dirty"
  }

  /// The names of the files' bytes as blobs, without any filter; fewer than there are paths when git stopped early.
  static func objectNames(of paths: [String], git: GitCommand) throws(CorpusError) -> [String] {
    // A name with a line end cannot be asked for in a list of lines.
    guard !paths.isEmpty, !paths.contains(where: { $0.utf8.contains(0x0A) }) else { return [] }
    let input = try GitCommand.inputFile(paths)
    defer { try? FileManager.default.removeItem(at: input) }
    var output: [UInt8] = []
    do throws(CorpusError) {
      try git.stream(["hash-object", "--no-filters", "--stdin-paths"], input: input) {
        output = [UInt8]($0.readDataToEndOfFile())
      }
    } catch .gitFailed {
      // A file went away or cannot be read: then it is not what was committed.
      return []
    }
    return output.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
  }
}
