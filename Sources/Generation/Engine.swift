import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// A loaded model that generates and scores text, one piece of work at a time, reusing keys and values across requests.
///
/// Sequences with their keys and values are remembered in a tree of beginnings (`SequenceMemory`). A request takes the
/// longest beginning that its prompt shares with any of them and evaluates only the rest, so that in suffix-first order
/// one more typed character costs the re-tokenised end of the line.
public actor Engine: InfillModel {
  /// Vocabulary of the model.
  public nonisolated let tokenizer: Tokenizer
  /// Prompt builder.
  public nonisolated let format: PromptFormat
  /// The frozen weights.
  public nonisolated let model: GemmaModel
  /// Order of serving prompts.
  public nonisolated let order: PromptOrder
  /// Longest prompt plus generation, in tokens.
  public nonisolated let contextLength: Int

  private nonisolated let executor = EngineExecutor()
  let session: InferenceSession
  var memory: SequenceMemory
  let speculator: Speculator
  private var shortlist: VocabularyShortlist?
  private var adapters: [String: (factors: LoRAAdapter, identity: String?)] = [:]
  private var prompts: ServingPrompts
  private lazy var tokenBytes = TokenBytes(tokenizer)

  /// The engine's own queue.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Bytes of keys and values that an engine remembers unless told otherwise.
  public static let usualCacheBytes = 512 << 20

  /// Wraps a loaded model; the remembered sequences keep `cacheBytes` bytes of keys and values, each value in
  /// the form of `keyValues` (nil: 16 bits beside quantised weights, 32 beside exact ones).
  ///
  /// - Throws: `GenerationError.noInfillTokens`, `.vocabularyTooLarge`.
  public init(
    model: GemmaModel, tokenizer: Tokenizer, order: PromptOrder = .suffixFirst, contextLength: Int = 2_048,
    cacheBytes: Int = Engine.usualCacheBytes, keyValues: KVFormat? = nil
  ) throws {
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw GenerationError.vocabularyTooLarge(
        model: model.path, pieces: tokenizer.vocabularySize, rows: model.configuration.vocabularySize)
    }
    self.model = model
    self.order = order
    self.contextLength = min(contextLength, model.configuration.maxPositions)
    format = try PromptFormat(tokenizer, model: model.path)
    self.tokenizer = format.tokenizer
    prompts = ServingPrompts(format)
    let pages = KVPagePool(model.configuration, format: keyValues ?? model.usualKeyValueFormat)
    session = InferenceSession(model, capacity: self.contextLength, pages: pages)
    memory = SequenceMemory(pages, budget: max(0, cacheBytes))
    speculator = Speculator(barriers: format.stopTokens.union(format.sentinels))
  }

  /// Loads a GGUF file, or a directory with `config.json`, safetensors and `tokenizer.model` or `tokenizer.json`; with
  /// `caching`, the packed matrices are kept for the next start.
  ///
  /// - Throws: `WeightsError`, `GemmaError`, `TokenizerError`, `GenerationError`.
  public static func load(
    path: String, precision: WeightPrecision = .native, order: PromptOrder = .suffixFirst,
    caching: PackedCaching = .off
  ) throws -> Engine {
    let model = try GemmaModel.load(path: path, precision: precision, caching: caching)
    var isDirectory: ObjCBool = false
    let tokenizer =
      FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
      ? try Tokenizer(directory: path)
      : try Tokenizer(gguf: GGUFFile(path: path))
    return try Engine(model: model, tokenizer: tokenizer, order: order)
  }

  /// Makes an adapter available to requests under `name`, replacing one of the same name. `identity` tells it from any
  /// other adapter, such as the SHA-256 of its file; without one its sequences are not written to disk.
  public func use(_ adapter: LoRAAdapter, named name: String, identity: String? = nil) {
    adapters[name] = (adapter, identity)
    memory.forget(adapter: name)
  }

  /// What tells the adapter of that name from any other; nil where it is not loaded or was loaded without.
  func identity(ofAdapter name: String) -> String? { adapters[name]?.identity }

  /// Drafts come from this text of the repository too, where a request mixes no other in; nil for none.
  public func draft(from corpus: FollowerIndex?) {
    speculator.finder.corpus = corpus
  }

  /// Decodes greedily over `shortlist`, asking the whole vocabulary where that is unsure; nil for always the whole.
  ///
  /// - Throws: `GemmaError.shortlist` where it belongs to a model of another shape.
  public func use(_ shortlist: VocabularyShortlist?) throws {
    try shortlist?.check(against: model)
    self.shortlist = shortlist
  }

  /// Forgets the keys and values of a document that has been closed.
  public func close(document: String) {
    memory.forget(document: document)
  }

  /// Fills the hole.
  ///
  /// - Throws: `GenerationError.unknownAdapter`, `.option`, `GemmaError.contextOverflow`.
  public nonisolated func infill(_ request: InfillRequest) async throws -> InfillResult {
    try await infill(request, asked: .now)
  }

  func infill(_ request: InfillRequest, asked: ContinuousClock.Instant) throws -> InfillResult {
    let taken = ContinuousClock.now
    let (prompt, requiredStart) = prompts.prompt(for: request, order: order)
    return try generate(
      GenerationRequest(
        prompt: prompt, requiredStart: requiredStart, maxTokens: request.maxTokens,
        timeBudgetMs: request.timeBudgetMs,
        adapter: request.adapter, document: request.path, options: request.options,
        mixture: request.mixture, shouldStop: request.shouldStop), asked: asked, taken: taken)
  }

  /// Generates text behind a prompt of token ids.
  ///
  /// - Throws: `GenerationError.unknownAdapter`, `.option`, `.emptyPrompt`, `GemmaError.contextOverflow`, `.token`.
  public nonisolated func generate(_ request: GenerationRequest) async throws -> InfillResult {
    try await generate(request, asked: .now, taken: nil)
  }

  private func generate(
    _ request: GenerationRequest, asked: ContinuousClock.Instant, taken: ContinuousClock.Instant?
  ) throws -> InfillResult {
    let taken = taken ?? .now
    try request.options.check(vocabularySize: model.configuration.vocabularySize)
    guard !request.prompt.isEmpty else { throw GenerationError.emptyPrompt }
    guard request.prompt.count <= contextLength else {
      throw GemmaError.contextOverflow(positions: request.prompt.count, limit: contextLength)
    }
    let constraint =
      request.requiredStart.isEmpty ? nil : ByteConstraint(request.requiredStart, tokenBytes)
    let ends = request.options.stopTokens ?? format.stopTokens
    let run = TextRun(tokenizer, stops: ends, constraint: constraint)
    let job = DecodingJob(
      options: request.options, mixing: mixing(request.mixture), maxTokens: request.maxTokens,
      contextLength: contextLength,
      deadline: taken + .milliseconds(request.timeBudgetMs), shouldStop: request.shouldStop)
    var costs = RequestCosts(queue: taken - asked)
    guard !Task.isCancelled else { return costs.result(run, end: .cancelled) }
    costs.reused = try recall(request.prompt, adapter: request.adapter)
    let decoder = TextDecoder(
      session, sequence: Array(request.prompt.prefix(costs.reused)), run: run, job: job,
      speculator: drafts(request.options) ? speculator : nil,
      shortlist: shortlist(forAdapter: request.adapter))
    defer {
      memory.remember(
        decoder.sequence, session.cache, adapter: request.adapter, document: request.document)
    }
    let interruption = try decoder.evaluate(prompt: request.prompt)
    costs.evaluated = min(decoder.sequence.count, request.prompt.count) - costs.reused
    let prefilled = ContinuousClock.now
    costs.prefill = prefilled - taken
    if let interruption { return costs.result(run, end: interruption) }
    if request.options.candidates > 1, request.maxTokens > 0 {
      return try generateBranches(request, job, run, decoder, costs, since: prefilled)
    }
    let end = try decoder.decode()
    costs.decode = .now - prefilled
    speculator.finder.remember(request.prompt.suffix(DraftFinder.longestMatch) + decoder.run.tokens)
    var result = costs.result(decoder.run, end: end)
    result.speculation = decoder.speculation
    result.fullHeadTokens = decoder.fullHeadTokens
    return result
  }

  /// A mixture with the ids that it must know of: those that no text holds.
  func mixing(_ mixture: NgramMixture?) -> Mixing? {
    mixture.map {
      Mixing(
        $0, ends: format.stopTokens, barriers: format.stopTokens,
        size: model.configuration.vocabularySize)
    }
  }

  /// Drafts give what plain decoding gives only where a token's logits do not depend on its company: with quantised weights.
  private func drafts(_ options: DecodingOptions) -> Bool {
    options.candidates == 1 && model.isQuantized
  }

  /// The shortlist holds rows of the base's head; an adapter that brings rows of its own needs the whole head.
  private func shortlist(forAdapter name: String?) -> VocabularyShortlist? {
    factors(ofAdapter: name)?.tokenRows.isEmpty ?? true ? shortlist : nil
  }

  private func generateBranches(
    _ request: GenerationRequest, _ job: DecodingJob, _ run: TextRun, _ trunk: TextDecoder,
    _ costs: RequestCosts, since prefilled: ContinuousClock.Instant
  ) throws -> InfillResult {
    let branches = BranchDecoder(session, prompt: trunk.sequence, job: job)
    let candidates = try branches.decode(trunk.lastLogits(), run: run)
    var costs = costs
    costs.decode = .now - prefilled
    if let main = branches.main {
      memory.remember(main.tokens, main.sequence, adapter: request.adapter, document: request.document)
    }
    var result = costs.result(branches.mainRun ?? run, end: candidates.first?.end ?? .tokenLimit)
    result.alternatives = Array(candidates.dropFirst())
    return result
  }

  /// Gives the session the remembered sequence that shares the longest beginning with `prompt`, cut back to there: how many
  /// positions that is. At least the last prompt token is left to evaluate, since its logits are needed.
  func recall(_ prompt: [Int32], adapter: String?) throws -> Int {
    if let adapter, adapters[adapter] == nil { throw GenerationError.unknownAdapter(adapter) }
    session.adapter = adapter.flatMap { adapters[$0]?.factors }
    let found = memory.recall(prompt, adapter: adapter, most: prompt.count - 1)
    session.cache = found?.sequence ?? KVSequence(session.cache.pool, capacity: contextLength)
    return found?.shared ?? 0
  }

  /// Gives the session back a sequence on which other work has been done in between.
  func resume(_ sequence: KVSequence, factors: LoRAAdapter?) {
    session.adapter = factors
    session.cache = sequence
  }

  /// The factors of a loaded adapter.
  func factors(ofAdapter name: String?) -> LoRAAdapter? { name.flatMap { adapters[$0]?.factors } }
}
