import Foundation

/// When files were last changed, by the history of their repository: newer code says more about how a team writes.
enum LastChanges {
  /// Commits that are looked at; files that none of them touched count as old as the oldest of them.
  static let commits = 2_000

  /// Fills in the times of the entries; without effect where there is no history.
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
    guard let output = try? GitCommand(root: root).run(arguments) else { return }
    var times: [String: Int] = [:]
    var time: Int?
    for field in output.split(whereSeparator: { $0 == 0 || $0 == 0x0A }) {
      if field.first == 1 {
        time = Int(String(decoding: field.dropFirst(), as: UTF8.self))
      } else if let time, let path = String(validating: field, as: UTF8.self), times[path] == nil {
        times[path] = time
      }
    }
    guard let oldest = time else { return }
    for index in entries.indices { entries[index].changed = times[entries[index].path] ?? oldest }
  }
}
