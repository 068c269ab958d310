import Corpus
import Registry

/// Whether an adapter has learnt from the later commits of a history that it is to be tested on.
enum LearntCode: Equatable {
  /// It learnt from the split or from older code.
  case beforeTheTest
  /// It learnt from this commit, which comes after the split.
  case holdsTheTest(commit: String)
  /// Its card does not tell.
  case unknown(reason: String)

  /// Judges by an adapter's card.
  ///
  /// - Parameters:
  ///   - dataCommit: the card's commits, joined by ':'.
  ///   - split: the last commit that may be learnt from, or the beginning of its name.
  ///   - commits: the first-parent line up to HEAD, oldest first.
  init(dataCommit: String, split: String, commits: [String]) {
    guard let border = commits.firstIndex(where: { $0.hasPrefix(split.lowercased()) }) else {
      self = .unknown(reason: "the split is not on the first-parent line of HEAD")
      return
    }
    var strange: String?
    for commit in dataCommit.split(separator: ":") {
      guard let place = commits.firstIndex(of: String(commit)) else {
        strange = String(commit.prefix(12))
        continue
      }
      if place > border {
        self = .holdsTheTest(commit: String(commit))
        return
      }
    }
    if dataCommit.isEmpty {
      self = .unknown(reason: "its card names no commit")
    } else if let strange {
      self = .unknown(reason: "it learnt from \(strange), which is not on the first-parent line of HEAD")
    } else {
      self = .beforeTheTest
    }
  }

  /// Judges every adapter of an evaluation; none when two releases are compared, whose states have no names.
  static func judge(
    _ adapters: [String], registry: ModelRegistry, _ arguments: Arguments
  ) throws -> [String: LearntCode] {
    guard !adapters.isEmpty, arguments.text("older") == nil,
      let history = GitHistory(root: arguments.required("PATH"))
    else { return [:] }
    let commits = try history.commits().map(\.id)
    let split =
      try arguments.text("split").map { try history.commit(named: $0) } ?? history.timeSplit().trainCommit
    var verdicts: [String: LearntCode] = [:]
    for name in adapters {
      let card = try AdapterCard(directory: registry.adapter(named: name).directory)
      verdicts[name] = LearntCode(dataCommit: card.dataCommit, split: split.id, commits: commits)
    }
    return verdicts
  }

  /// For the report: true, false, or nil when it is not known.
  var isTrainedOnTest: Bool? {
    switch self {
    case .beforeTheTest: false
    case .holdsTheTest: true
    case .unknown: nil
    }
  }

  /// What to tell about the adapter; nil when all is well.
  func warning(adapter name: String) -> String? {
    switch self {
    case .beforeTheTest: nil
    case .holdsTheTest(let commit):
      "adapter \(name) learnt from commit \(commit.prefix(12)), which holds the test; train with --at split"
    case .unknown(let reason):
      "it can't be checked whether adapter \(name) learnt from the test: \(reason)"
    }
  }
}
