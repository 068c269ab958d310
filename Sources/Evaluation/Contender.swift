import Carving
import Context
import Generation

/// Something that can be asked to fill a hole and to say how likely the true text of a hole is.
public protocol Contender: Sendable {
  /// Name in tables and result files.
  var name: String { get }

  /// Negative natural log likelihood of the example's middle and of the hole ending behind it.
  func negativeLogLikelihood(of example: FIMExample, order: PromptOrder) async throws -> Double

  /// Fills the example's hole greedily.
  func complete(_ example: FIMExample, maxTokens: Int) async throws -> Completion
}

/// A filled hole.
public struct Completion: Sendable, Equatable {
  /// The text, in UTF-8 bytes.
  public var bytes: [UInt8]
  /// True when the contender ended the hole by itself.
  public var endedItself: Bool
  /// Generated tokens.
  public var tokenCount: Int

  /// Creates a completion.
  public init(bytes: [UInt8], endedItself: Bool, tokenCount: Int) {
    self.bytes = bytes
    self.endedItself = endedItself
    self.tokenCount = tokenCount
  }
}

/// A language model, bare or with an adapter.
public struct ModelContender: Contender {
  /// Name in tables and result files.
  public let name: String
  private let model: any InfillModel
  private let adapter: String?
  private let showsContext: Bool
  private let mixture: NgramMixture?

  /// Creates a contender; `adapter` names one that is loaded in `model`, nil means the bare base. With `showsContext`
  /// its prompts begin with the snippets of other files that an example carries: for adapters that were trained with them.
  /// With a `mixture`, counting has its say in loss and completions.
  public init(
    name: String, model: any InfillModel, adapter: String? = nil, showsContext: Bool = false,
    mixture: NgramMixture? = nil
  ) {
    self.mixture = mixture
    self.showsContext = showsContext
    self.name = name
    self.model = model
    self.adapter = adapter
  }

  /// Scores the middle and the end token in the given prompt order.
  public func negativeLogLikelihood(of example: FIMExample, order: PromptOrder) async throws -> Double {
    let request = request(for: example, maxTokens: 1)
    return -(try await model.middleLogProbability(Array(example.middle.utf8), in: request, order: order))
  }

  /// Fills the hole up to the end token or `maxTokens`; without a time limit, so that the result is the same on any machine.
  public func complete(_ example: FIMExample, maxTokens: Int) async throws -> Completion {
    let result = try await model.infill(request(for: example, maxTokens: maxTokens))
    if result.end == .cancelled { throw CancellationError() }
    return Completion(
      bytes: result.bytes, endedItself: result.end == .endToken || result.end == .stopRule,
      tokenCount: result.tokenCount)
  }

  private func request(for example: FIMExample, maxTokens: Int) -> InfillRequest {
    InfillRequest(
      path: example.path, context: showsContext ? example.context.map(PromptSnippet.init) : [],
      prefix: Array(example.prefix.utf8), suffix: Array(example.suffix.utf8), maxTokens: maxTokens,
      timeBudgetMs: 600_000, adapter: adapter, mixture: mixture)
  }
}

extension PromptSnippet {
  /// A snippet as a prompt shows it.
  init(_ snippet: ContextSnippet) {
    self.init(path: snippet.path, text: Array(snippet.text.utf8))
  }
}
