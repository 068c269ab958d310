import Context
import Generation
import Synchronization

/// The tokens of a folder's files as an n-gram index for completions, kept up to date by the folder's `WorkspaceContext`.
///
/// Files are tokenised and indexed on the thread that reads them, which gives way to completions; an index is used until the next
/// one is whole.
public final class RepositoryNgrams: WorkspaceContext.Observer {
  private struct State {
    var tokens: [String: [Int32]] = [:]
    var hasChanged = false
    /// When the last index was whole, and how long it took to make.
    var made: (at: ContinuousClock.Instant, taking: Duration)?

    /// Sorting a large folder takes seconds: not after each pause in somebody's typing. What is not indexed now is with the next change.
    var isDue: Bool {
      guard hasChanged else { return false }
      guard let made, made.taking > .milliseconds(100) else { return true }
      return .now - made.at > made.taking * 20
    }
  }

  private let state = Mutex(State())
  private let current = Mutex<FollowerIndex?>(nil)
  private let encode: @Sendable ([UInt8]) -> [Int32]

  /// Begins without files; `encode` gives the token ids of a text.
  public init(encode: @escaping @Sendable ([UInt8]) -> [Int32]) {
    self.encode = encode
  }

  /// The latest index; nil before the first.
  public var index: FollowerIndex? { current.withLock { $0 } }

  /// What a request mixes in: the index where there is one, and the prompt.
  public var mixture: NgramMixture { NgramMixture(repository: index) }

  /// Takes a file's text.
  public func read(path: String, text: [UInt8]?) {
    let tokens = text.map(encode)
    state.withLock {
      guard $0.tokens[path] != tokens else { return }
      $0.tokens[path] = tokens
      $0.hasChanged = true
    }
  }

  /// Indexes what there is, files in the order of their paths.
  public func finished(paths: Set<String>) {
    let texts: [[Int32]]? = state.withLock { state in
      for path in state.tokens.keys where !paths.contains(path) {
        state.tokens[path] = nil
        state.hasChanged = true
      }
      guard state.isDue else { return nil }
      state.hasChanged = false
      return state.tokens.sorted { $0.key < $1.key }.map(\.value)
    }
    guard let texts else { return }
    let began = ContinuousClock.now
    let index = FollowerIndex(texts: texts)
    current.withLock { $0 = index }
    state.withLock { $0.made = (.now, .now - began) }
  }
}
