import Carving
import Completion
import Context
import Evaluation
import Generation
import Syntax

/// A model as an editor meets it: asked with the key, its text cut and judged by the policy of `CompletionService` before
/// it is shown. Where nothing would be shown the answer is empty.
struct ServedContender: Contender {
  let name: String
  private let bare: ModelContender
  private let service: CompletionService
  private let adapter: String?
  private let showsContext: Bool
  private let mixture: NgramMixture?

  init(
    name: String, model: any InfillModel, catalog: LanguageCatalog, adapter: String?, showsContext: Bool,
    mixture: NgramMixture?
  ) {
    self.mixture = mixture
    self.name = name + Self.suffix
    self.adapter = adapter
    self.showsContext = showsContext
    bare = ModelContender(
      name: name, model: model, adapter: adapter, showsContext: showsContext, mixture: mixture)
    var options = CompletionService.Options()
    // No limit of time: the same answer on every machine.
    options.timeBudgetMs = 600_000
    service = CompletionService(model: model, catalog: catalog, options: options)
  }

  /// Behind the name of the bare contender.
  static let suffix = ", as served"

  /// The policy changes no probability.
  func negativeLogLikelihood(of example: FIMExample, order: PromptOrder) async throws -> Double {
    try await bare.negativeLogLikelihood(of: example, order: order)
  }

  func complete(_ example: FIMExample, maxTokens: Int) async throws -> Completion {
    let prefix = Array(example.prefix.utf8)
    let snippets = showsContext ? example.context : []
    let provider: ContextProvider? = snippets.isEmpty ? nil : { @Sendable _ in snippets }
    let document = "\(example.path):\(example.middleStart)"
    let answer = try await service.complete(
      CompletionRequest(
        document: document, path: example.path, text: prefix + Array(example.suffix.utf8),
        cursor: prefix.count, trigger: .invoked, adapter: adapter, maxTokens: maxTokens,
        context: provider, mixture: mixture))
    await service.forget(document: document)
    if answer.hidden == .cancelled { throw CancellationError() }
    let ended = answer.end != InfillResult.End.tokenLimit.rawValue
    return Completion(bytes: answer.text, endedItself: ended, tokenCount: answer.tokenCount)
  }
}
