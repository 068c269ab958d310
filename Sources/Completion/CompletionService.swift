import Context
import Generation
import Syntax

/// Turns a document and a cursor into what is shown: window, cache of answers, model, policy.
///
/// Several requests may be under way; the engine orders them. Cancelling the calling task ends generation within a
/// token and gives an empty answer with `hidden == .cancelled`.
public actor CompletionService {
  /// Limits of a service.
  public struct Options: Sendable {
    /// Window of text that the model sees.
    public var window = ContextWindow.Limits()
    /// Most tokens of an automatic suggestion.
    public var maxTokens = 24
    /// Most tokens when the user asked.
    public var maxTokensInvoked = 64
    /// Time for one generation.
    public var timeBudgetMs = 400
    /// Automatic suggestions with a smaller mean natural log probability per token are not shown. At 160 places of
    /// Python packages an early base, without counts mixed in, was right in 2 % of the suggestions below −1 and in 23 % of those above −0.7.
    public var minimumMeanLogProbability: Float = -1.2
    /// Larger documents get no suggestions.
    public var maxDocumentBytes = 4_000_000

    /// Creates the default limits.
    public init() {}
  }

  /// Limits in use.
  public var options: Options

  private nonisolated let executor = ServiceExecutor()
  private let model: any InfillModel
  private let syntax: @Sendable (String) -> CompletionSyntax
  private var cache = AnswerCache()
  private var windows = WindowMemory()
  private var random = SystemRandomNumberGenerator()
  private let clock = ContinuousClock()

  /// The service's own queue.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Creates a service that looks languages up in `catalog`.
  public init(model: any InfillModel, catalog: LanguageCatalog, options: Options = Options()) {
    self.init(model: model, options: options) { path in
      CompletionSyntax(language: catalog.language(forPath: path))
    }
  }

  /// Creates a service with its own way to find the syntax rules for a path.
  public init(
    model: any InfillModel, options: Options = Options(),
    syntax: @escaping @Sendable (_ path: String) -> CompletionSyntax
  ) {
    self.model = model
    self.options = options
    self.syntax = syntax
  }

  /// Drops what is remembered about a closed document.
  public func forget(document: String) {
    cache.forget(document: document)
    windows.forget(document: document)
  }

  /// Answers a request. A cursor outside the text is moved to its end. Throws what the model throws.
  public func complete(_ request: CompletionRequest) async throws -> CompletionAnswer {
    let start = clock.now
    guard request.text.count <= options.maxDocumentBytes else { return none(.documentTooLarge, since: start) }
    let (text, place) = LineEnds.normalised(request.text, cursor: request.cursor)
    let cursor = CursorContext(text: text, cursor: place)
    if request.trigger == .automatic, cursor.touchesWordAtRight { return none(.insideWord, since: start) }

    if let hit = cache.find(request, text: text, cursor: place) {
      var answer = CompletionAnswer(
        identifier: hit.identifier, text: hit.remainder,
        hidden: hit.remainder.isEmpty ? .nothingGenerated : nil,
        source: hit.isExact ? .cache : .typedThrough)
      answer.singleLine = cursor.singleLineOnly
      answer.latency.contextMs = milliseconds(since: start)
      answer.latency.totalMs = answer.latency.contextMs
      return answer
    }

    let (window, hasMoved) = windows.window(
      document: request.document, text: text, cursor: place, limits: options.window)
    let rules = syntax(request.path)
    let context =
      await request.context?(
        ContextPlace(
          path: request.path, text: text, cursor: place,
          window: window.prefix.lowerBound..<window.suffix.upperBound, windowMoved: hasMoved,
          windowBytes: options.window.prefixBytes + options.window.suffixBytes)) ?? []
    let contextMs = milliseconds(since: start)
    let result = try await generate(
      request, context: context, text: text, window: window, cursor: cursor, rules: rules)

    let generated = clock.now
    var answer = show(result, cursor: cursor, rules: rules)
    if request.trigger == .automatic, answer.hidden == nil,
      answer.meanLogProbability < options.minimumMeanLogProbability
    {
      answer.text = []
      answer.hidden = .unsure
    }
    answer.context = context
    answer.prefixBytes = window.prefix.count
    answer.suffixBytes = window.suffix.count
    answer.latency.contextMs = contextMs
    answer.latency.postMs = milliseconds(since: generated)
    answer.latency.totalMs = milliseconds(since: start)
    if answer.hidden != .cancelled {
      cache.store(
        AnswerCache.Entry(
          identifier: answer.identifier, text: text, cursor: place, adapter: request.adapter,
          trigger: request.trigger, completion: answer.text),
        document: request.document)
    }
    return answer
  }

  private func generate(
    _ request: CompletionRequest, context: [ContextSnippet], text: [UInt8], window: ContextWindow,
    cursor: CursorContext,
    rules: CompletionSyntax
  ) async throws -> InfillResult {
    let stop = StopRule(cursor: cursor, syntax: rules, singleLine: cursor.singleLineOnly)
    let limit = request.trigger == .invoked ? options.maxTokensInvoked : options.maxTokens
    return try await model.infill(
      InfillRequest(
        path: request.path,
        context: context.map { PromptSnippet(path: $0.path, text: Array($0.text.utf8)) },
        prefix: Array(text[window.prefix]), suffix: Array(text[window.suffix]),
        maxTokens: request.maxTokens ?? limit, timeBudgetMs: options.timeBudgetMs, adapter: request.adapter,
        // Mostly the cursor stands inside a word, which a model knows by its whole tokens only.
        options: DecodingOptions(heals: true), mixture: request.mixture,
        shouldStop: { stop.isReached(by: $0) }))
  }

  private func show(_ result: InfillResult, cursor: CursorContext, rules: CompletionSyntax)
    -> CompletionAnswer
  {
    var answer = CompletionAnswer(identifier: newIdentifier(), text: [], hidden: nil, source: .model)
    if result.end == .cancelled || Task.isCancelled {
      answer.hidden = .cancelled
    } else {
      let shown = ShownText(cursor: cursor, syntax: rules, singleLine: cursor.singleLineOnly)
      switch shown.make(from: result.bytes, end: result.end) {
      case .success(let text): answer.text = text
      case .failure(let hidden): answer.hidden = hidden.reason
      }
    }
    answer.generated = result.bytes
    answer.end = result.end.rawValue
    answer.singleLine = cursor.singleLineOnly
    answer.tokenCount = result.tokenCount
    answer.meanLogProbability = result.meanLogProbability
    answer.minLogProbability = result.minLogProbability
    answer.evaluatedPromptTokens = result.evaluatedPromptTokens
    answer.reusedPromptTokens = result.reusedPromptTokens
    answer.latency.queueMs = result.queueMs
    answer.latency.prefillMs = result.prefillMs
    answer.latency.decodeMs = result.decodeMs
    return answer
  }

  private func none(_ reason: HiddenReason, since start: ContinuousClock.Instant) -> CompletionAnswer {
    var answer = CompletionAnswer(identifier: newIdentifier(), text: [], hidden: reason, source: .none)
    answer.latency.contextMs = milliseconds(since: start)
    answer.latency.totalMs = answer.latency.contextMs
    return answer
  }

  private func newIdentifier() -> String {
    let digits = String(random.next() as UInt64, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private func milliseconds(since start: ContinuousClock.Instant) -> Double {
    (clock.now - start) / .milliseconds(1)
  }
}

/// Line ends of documents. The model and every rule see `\n` only.
enum LineEnds {
  /// The text with `\n` line ends and the cursor's offset in it.
  static func normalised(_ text: [UInt8], cursor: Int) -> (text: [UInt8], cursor: Int) {
    let cursor = max(0, min(cursor, text.count))
    guard text.contains(Bytes.carriageReturn) else { return (text, cursor) }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var moved = cursor
    for index in text.indices {
      let next = index + 1 < text.count ? text[index + 1] : 0
      if text[index] == Bytes.carriageReturn, next == Bytes.newline {
        if index < cursor { moved -= 1 }
      } else {
        result.append(text[index] == Bytes.carriageReturn ? Bytes.newline : text[index])
      }
    }
    return (result, max(0, moved))
  }
}
