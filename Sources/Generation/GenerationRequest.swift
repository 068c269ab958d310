/// One request for text behind a prompt of token ids: what an infill request becomes, and how chats are answered.
public struct GenerationRequest: Sendable {
  /// Token ids, the begin token first. Not empty.
  public var prompt: [Int32]
  /// Bytes with which the text begins; they are not returned. The end of the prompt, where it was cut back.
  public var requiredStart: [UInt8]
  /// Most tokens to generate; 0 evaluates the prompt, so that a later request finds it done.
  public var maxTokens: Int
  /// Wall-clock budget in milliseconds, from the moment the engine takes the request up.
  public var timeBudgetMs: Int
  /// Name of a loaded adapter; nil for the bare base.
  public var adapter: String?
  /// The document to which the prompt belongs; see `Engine.close(document:)`.
  public var document: String?
  /// How tokens are chosen.
  public var options: DecodingOptions
  /// What followed the same tokens before has its say too; nil for the model alone.
  public var mixture: NgramMixture?
  /// Called after each token with all bytes generated so far; true ends generation there.
  public var shouldStop: @Sendable (_ generated: [UInt8]) -> Bool

  /// Creates a request.
  public init(
    prompt: [Int32], requiredStart: [UInt8] = [], maxTokens: Int = 24, timeBudgetMs: Int = 1_000,
    adapter: String? = nil, document: String? = nil, options: DecodingOptions = DecodingOptions(),
    mixture: NgramMixture? = nil,
    shouldStop: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
  ) {
    self.prompt = prompt
    self.requiredStart = requiredStart
    self.maxTokens = maxTokens
    self.timeBudgetMs = timeBudgetMs
    self.adapter = adapter
    self.document = document
    self.options = options
    self.mixture = mixture
    self.shouldStop = shouldStop
  }
}
