/// One request for the text of a hole. All text is UTF-8 bytes, so that a hole may stand inside a broken file.
public struct InfillRequest: Sendable {
  /// Repository-relative path of the file; the prompt shows its last three components.
  public var path: String
  /// Pieces of other files, the most useful last; the prompt shows them before the file. Where they change, the whole
  /// prompt is evaluated again.
  public var context: [PromptSnippet]
  /// Window of text before the hole.
  public var prefix: [UInt8]
  /// Window of text behind the hole.
  public var suffix: [UInt8]
  /// Most tokens to generate.
  public var maxTokens: Int
  /// Wall-clock budget in milliseconds, from the moment the engine takes the request up.
  public var timeBudgetMs: Int
  /// Name of a loaded adapter; nil for the bare base.
  public var adapter: String?
  /// How tokens are chosen.
  public var options: DecodingOptions
  /// What followed the same tokens before has its say too; nil for the model alone.
  public var mixture: NgramMixture?
  /// Called after each token with all bytes generated so far; true ends generation there. With several candidates it is
  /// asked about each of them in turn.
  public var shouldStop: @Sendable (_ generated: [UInt8]) -> Bool

  /// Creates a request.
  public init(
    path: String, context: [PromptSnippet] = [], prefix: [UInt8], suffix: [UInt8], maxTokens: Int = 24,
    timeBudgetMs: Int = 1_000,
    adapter: String? = nil, options: DecodingOptions = DecodingOptions(), mixture: NgramMixture? = nil,
    shouldStop: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
  ) {
    self.path = path
    self.context = context
    self.prefix = prefix
    self.suffix = suffix
    self.maxTokens = maxTokens
    self.timeBudgetMs = timeBudgetMs
    self.adapter = adapter
    self.options = options
    self.mixture = mixture
    self.shouldStop = shouldStop
  }
}

/// A model that fills holes and scores text: the engine itself, or a fake in tests.
public protocol InfillModel: Sendable {
  /// Fills the hole, greedily unless the options say otherwise. Honours task cancellation within one token (`end == .cancelled`, no throw).
  func infill(_ request: InfillRequest) async throws -> InfillResult

  /// Sum of the natural log probabilities of `middle` and the end token, given the prompt of the hole.
  /// The request's limits are ignored.
  func middleLogProbability(_ middle: [UInt8], in request: InfillRequest, order: PromptOrder) async throws
    -> Double

  /// Sum of natural log probabilities of `continuation` as plain text after `context` (no FIM tokens).
  func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double
}

/// In which order a FIM prompt shows what stands around the hole.
public enum PromptOrder: String, Sendable, Codable, CaseIterable {
  /// `<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>`
  case prefixFirst = "psm"
  /// `<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P`, the order in which typing only appends to the KV cache.
  case suffixFirst = "spm"
}
