import Corpus
import Syntax

/// Where test examples come from: what was written after the state that is trained on.
public enum TestSource: Sendable {
  /// Later commits of a repository.
  case history(GitHistory, [GitHistory.Commit])
  /// A newer release beside the older one that is trained on.
  case release(any SourceTree, older: any SourceTree)
}
