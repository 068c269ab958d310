/// Everything that can go wrong while code is collected.
public enum CorpusError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The path does not exist or cannot be opened.
  case unreadable(path: String, reason: String)
  /// Nothing under the path is source code that may be used.
  case noSource(path: String, skipped: [SkipReason: Int])
  /// Git is not installed or could not be started.
  case gitUnavailable(reason: String)
  /// Git refused.
  case gitFailed(command: String, status: Int32, message: String)
  /// The path is not inside a git work tree.
  case notARepository(path: String)
  /// No commit of the first-parent line has this name, or several have it.
  case unknownCommit(path: String, name: String)
  /// Too few commits to hold some back.
  case historyTooShort(path: String, commits: Int, needed: Int)
  /// The history ends before what was asked for.
  case shallow(path: String, problem: String)
  /// Git's answer was not understood.
  case malformedGitOutput(command: String, detail: String)

  /// What happened, where, and what to do about it.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path): cannot be read: \(reason); check the path and its permissions"
    case .noSource(let path, let skipped):
      "\(path): no source code found\(Self.summary(skipped)); give a folder with code, or check .gitignore and "
        + ".gemfillignore"
    case .gitUnavailable(let reason):
      "git is not installed, or cannot be started: \(Self.line(reason)); install it (apt-get install git)"
    case .gitFailed(let command, let status, let message):
      "git \(command) failed with status \(status): \(Self.line(message))"
    case .notARepository(let path):
      "\(path): is not a git repository; history needs one"
    case .unknownCommit(let path, let name):
      "\(path): '\(name)' names no commit on the first-parent line of HEAD; give the digits of one, a tag, or a name "
        + "such as HEAD~3"
    case .historyTooShort(let path, let commits, let needed):
      "\(path): has \(commits) first-parent commits, a split by time needs at least \(needed)"
    case .shallow(let path, let problem):
      "\(path): is a shallow clone: \(problem); git fetch --unshallow brings the rest of its history"
    case .malformedGitOutput(let command, let detail):
      "git \(command) answered something unexpected: \(detail)"
    }
  }

  /// What git said, on one line.
  private static func line(_ message: String) -> String {
    message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private static func summary(_ skipped: [SkipReason: Int]) -> String {
    guard !skipped.isEmpty else { return "" }
    let parts = skipped.sorted {
      $0.value != $1.value ? $0.value > $1.value : $0.key.rawValue < $1.key.rawValue
    }
    return " (skipped: " + parts.map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ") + ")"
  }
}
