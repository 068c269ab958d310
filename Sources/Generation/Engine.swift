import Foundation
import Gemma
import Tokenizer
import Weights

/// A loaded model that fills holes and scores text, one request at a time, reusing keys and values across requests.
///
/// Each of a few sessions remembers the token sequence that its cache holds. A request takes the session that shares
/// the longest beginning with its prompt, cuts it back to there and evaluates only the rest, so that in suffix-first
/// order one more typed character costs the re-tokenised end of the line.
public actor Engine: InfillModel {
  private struct Slot {
    var session: InferenceSession
    var tokens: [Int32] = []
    var adapter: String?
    var lastUse = 0
  }

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
  private var slots: [Slot] = []
  private var adapters: [String: LoRAAdapter] = [:]
  private let slotLimit: Int
  private var clock = 0

  /// The engine's own queue.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Wraps a loaded model; `slots` sequences keep their keys and values.
  ///
  /// - Throws: `GenerationError.noInfillTokens`, `.vocabularyTooLarge`.
  public init(
    model: GemmaModel, tokenizer: Tokenizer, order: PromptOrder = .suffixFirst, contextLength: Int = 2_048,
    slots: Int = 4
  ) throws {
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw GenerationError.vocabularyTooLarge(
        model: model.path, pieces: tokenizer.vocabularySize, rows: model.configuration.vocabularySize)
    }
    self.model = model
    self.tokenizer = tokenizer
    self.order = order
    self.contextLength = min(contextLength, model.configuration.maxPositions)
    slotLimit = max(1, slots)
    format = try PromptFormat(tokenizer, model: model.path)
  }

  /// Loads a GGUF file, or a directory with `config.json`, safetensors and `tokenizer.model`.
  ///
  /// - Throws: `WeightsError`, `GemmaError`, `TokenizerError`, `GenerationError`.
  public static func load(
    path: String, precision: WeightPrecision = .native, order: PromptOrder = .suffixFirst
  ) throws -> Engine {
    let model = try GemmaModel.load(path: path, precision: precision)
    var isDirectory: ObjCBool = false
    let tokenizer =
      FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
      ? try Tokenizer(sentencePieceModel: path + "/tokenizer.model")
      : try Tokenizer(gguf: GGUFFile(path: path))
    return try Engine(model: model, tokenizer: tokenizer, order: order)
  }

  /// Makes an adapter available to requests under `name`, replacing one of the same name.
  public func use(_ adapter: LoRAAdapter, named name: String) {
    adapters[name] = adapter
    for index in slots.indices where slots[index].adapter == name { slots[index].tokens = [] }
  }

  /// Fills the hole greedily.
  ///
  /// - Throws: `GenerationError.unknownAdapter`, `GemmaError.contextOverflow`.
  public nonisolated func infill(_ request: InfillRequest) async throws -> InfillResult {
    try await infill(request, asked: .now)
  }

  private func infill(_ request: InfillRequest, asked: ContinuousClock.Instant) throws -> InfillResult {
    let taken = ContinuousClock.now
    let queueMs = milliseconds(taken - asked)
    var run = GreedyRun(format: format)
    guard !Task.isCancelled else { return run.result(end: .cancelled, queueMs: queueMs) }
    let prompt = format.prompt(
      path: request.path, prefix: request.prefix, suffix: request.suffix, order: order)
    let slot = try takeSlot(for: prompt, adapter: request.adapter)
    run.reused = slots[slot].tokens.count
    run.evaluated = prompt.count - run.reused
    guard
      var logits = try evaluatePrompt(
        prompt, slot,
        until: { Task.isCancelled || self.milliseconds(.now - taken) > Double(request.timeBudgetMs) })
    else {
      run.evaluated = slots[slot].tokens.count - run.reused
      run.prefillMs = milliseconds(.now - taken)
      return run.result(end: Task.isCancelled ? .cancelled : .timeLimit, queueMs: queueMs)
    }
    let decodeStart = ContinuousClock.now
    run.prefillMs = milliseconds(decodeStart - taken)
    let size = model.configuration.vocabularySize
    var end = InfillResult.End.tokenLimit
    while run.tokens.count < request.maxTokens {
      if Task.isCancelled {
        end = .cancelled
        break
      }
      if milliseconds(.now - taken) > Double(request.timeBudgetMs) {
        end = .timeLimit
        break
      }
      guard let token = run.take(logits, size: size) else {
        end = .endToken
        break
      }
      if request.shouldStop(run.bytes) {
        end = .stopRule
        break
      }
      guard run.tokens.count < request.maxTokens, slots[slot].tokens.count < contextLength else { break }
      logits = try append([token], slot, logits: .last)
    }
    run.decodeMs = milliseconds(.now - decodeStart)
    return run.result(end: end, queueMs: queueMs)
  }

  /// Evaluates what `slot` lacks of `prompt` in pieces, between which `until` may end it: nil then, with the pieces done
  /// kept for the next request.
  private func evaluatePrompt(
    _ prompt: [Int32], _ slot: Int, until isOver: () -> Bool
  ) throws -> UnsafePointer<Float>? {
    while true {
      let done = slots[slot].tokens.count
      let end = min(prompt.count, done + Self.promptPiece)
      let isLast = end == prompt.count
      let logits = try append(Array(prompt[done..<end]), slot, logits: isLast ? .last : .none)
      if isLast { return logits }
      if isOver() { return nil }
    }
  }

  /// Prompt tokens between two looks at cancellation and the time budget.
  private static let promptPiece = 128

  /// Sum of the natural log probabilities of `middle` and the end token, given the prompt of the hole.
  ///
  /// - Throws: as `infill`.
  public func middleLogProbability(
    _ middle: [UInt8], in request: InfillRequest, order: PromptOrder
  ) async throws -> Double {
    let prompt = format.prompt(
      path: request.path, prefix: request.prefix, suffix: request.suffix, order: order)
    return try score(
      tokenizer.encode(middle) + [tokenizer.endToken], after: prompt, adapter: request.adapter)
  }

  /// Sum of natural log probabilities of `continuation` as plain text after `context`.
  ///
  /// - Throws: as `infill`.
  public func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double {
    let prompt = [tokenizer.beginToken] + tokenizer.encode(context)
    return try score(tokenizer.encode(continuation), after: prompt, adapter: nil)
  }

  private func score(_ targets: [Int32], after prompt: [Int32], adapter: String?) throws -> Double {
    guard !targets.isEmpty else { return 0 }
    let slot = try takeSlot(for: prompt, adapter: adapter)
    // Only the last prompt token and the targets need logits.
    let fresh = Array(prompt[slots[slot].tokens.count...])
    if fresh.count > 1 { try append(fresh.dropLast(), slot, logits: .none) }
    let inputs = fresh.suffix(1) + targets.dropLast()
    let size = model.configuration.vocabularySize
    var sum = 0.0
    for begin in stride(from: 0, to: targets.count, by: Self.promptPiece) {
      let piece = Array(inputs.dropFirst(begin).prefix(Self.promptPiece))
      let logits = try append(piece, slot, logits: .all)
      for (index, target) in targets[begin..<(begin + piece.count)].enumerated() {
        sum += Double(LogitRow(logits + index * size, count: size).logProbability(of: target))
      }
    }
    // The next request for this hole starts from the prompt again.
    slots[slot].tokens = prompt
    return sum
  }

  /// The slot that shares the longest beginning with `prompt`, cut back to there; at least the last prompt token is
  /// left to evaluate, since its logits are needed.
  private func takeSlot(for prompt: [Int32], adapter: String?) throws -> Int {
    clock += 1
    if let adapter, adapters[adapter] == nil { throw GenerationError.unknownAdapter(adapter) }
    var best: (slot: Int, shared: Int)?
    for (index, slot) in slots.enumerated() where slot.adapter == adapter {
      let shared = zip(slot.tokens, prompt).prefix { $0 == $1 }.count
      if shared > best?.shared ?? 0 { best = (index, shared) }
    }
    // A shared head (bos and path) alone is not worth overwriting another document's cache.
    let worthwhile = best.map { $0.shared * 2 >= min(prompt.count, slots[$0.slot].tokens.count) } ?? false
    let index: Int
    if let best, worthwhile || slots.count >= slotLimit && best.shared > 0 && isOldest(best.slot) {
      index = best.slot
    } else if slots.count < slotLimit {
      slots.append(Slot(session: InferenceSession(model, capacity: contextLength)))
      index = slots.count - 1
    } else {
      index = slots.indices.min { slots[$0].lastUse < slots[$1].lastUse } ?? 0
    }
    if slots[index].adapter != adapter { slots[index].tokens = [] }
    slots[index].adapter = adapter
    slots[index].session.adapter = adapter.flatMap { adapters[$0] }
    slots[index].lastUse = clock
    let shared = zip(slots[index].tokens, prompt).prefix { $0 == $1 }.count
    let keep = min(shared, max(0, prompt.count - 1))
    slots[index].tokens = Array(prompt.prefix(keep))
    slots[index].session.cache.truncate(to: keep)
    return index
  }

  private func isOldest(_ slot: Int) -> Bool {
    slots.allSatisfy { $0.lastUse >= slots[slot].lastUse }
  }

  @discardableResult
  private func append(
    _ tokens: [Int32], _ slot: Int, logits: InferenceSession.LogitRows
  ) throws -> UnsafePointer<Float> {
    slots[slot].session.cache.truncate(to: slots[slot].tokens.count)
    let pointer = try slots[slot].session.append(tokens, logits: logits)
    slots[slot].tokens += tokens
    return pointer
  }

  private func milliseconds(_ duration: Duration) -> Double {
    duration / .milliseconds(1)
  }
}
