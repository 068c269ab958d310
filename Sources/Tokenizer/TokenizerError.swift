/// Why no tokenizer can be made of a file.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be read; the text says why and what to do.
  case unreadable(String)
  /// The file breaks its own format or contradicts itself.
  case malformed(path: String, place: String, problem: String)
  /// The file is sound but describes a tokenizer of another kind.
  case unsupported(path: String, problem: String, remedy: String)

  /// The message: what, where and what to do next.
  public var description: String {
    switch self {
    case .unreadable(let text): text
    case .malformed(let path, let place, let problem):
      "the vocabulary in \(path) is damaged at \(place): \(problem); fetch or export the file again"
    case .unsupported(let path, let problem, let remedy):
      "the tokenizer in \(path) cannot be used: \(problem); \(remedy)"
    }
  }
}
