import Foundation

/// When files were last changed, by the history of their repository: newer code says more about how a team writes.
enum LastChanges {
  /// Commits that are looked at; files that none of them touched count as old as the oldest of them.
  static let commits = 2_000

  /// Fills in the times of the entries; without effect where there is no history.
  ///
  /// Entries without a name in git lie on disk: those that the commit does not have, or not with these bytes, are as
  /// new as the newest.
  ///
  /// - Parameters:
  ///   - root: the folder that the entries' paths are relative to.
  ///   - commit: where the history begins.
  static func note(in entries: inout [SourceEntry], root: String, commit: String) {
    let arguments = [
      "log", "--first-parent", "-m", "-n", "\(commits)", "-z", "--format=%x01%ct", "--name-only",
      "--no-renames",
      "--relative", "--no-ext-diff", "--no-textconv", commit, "--", ".",
    ]
    let git = GitCommand(root: root)
    guard let output = try? git.run(arguments) else { return }
    var times: [String: Int] = [:]
    var newest: Int?
    var time: Int?
    for field in output.split(whereSeparator: { $0 == 0 || $0 == 0x0A }) {
      if field.first == 1 {
        time = Int(String(decoding: field.dropFirst(), as: UTF8.self))
        newest = newest ?? time
      } else if let time, let path = String(validating: field, as: UTF8.self), times[path] == nil {
        times[path] = time
      }
    }
    guard let oldest = time, let newest else { return }
    let unwritten = uncommitted(among: entries.filter { $0.object == nil }, git: git)
    for index in entries.indices {
      let path = entries[index].path
      entries[index].changed = unwritten.contains(path) ? newest : times[path] ?? oldest
    }
  }

  /// Paths of files on disk that HEAD does not have, or not with these bytes.
  private static func uncommitted(among entries: [SourceEntry], git: GitCommand) -> Set<String> {
    guard !entries.isEmpty, let head = try? git.run(["rev-parse", "--verify", "HEAD"]),
      let listed = try? TreeListing(git: git, commit: String(decoding: head.dropLast(), as: UTF8.self))
    else { return [] }
    let committed = Dictionary(
      listed.entries.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    var paths: Set<String> = []
    var compared: [String] = []
    for entry in entries {
      if let known = committed[entry.path], known.size == entry.size {
        if !entry.path.utf8.contains(0x0A) { compared.append(entry.path) }
      } else {
        paths.insert(entry.path)
      }
    }
    let found = (try? GitHistory.objectNames(of: compared, git: git)) ?? []
    for (path, object) in zip(compared, found) where committed[path]?.object != object { paths.insert(path) }
    return paths
  }
}
