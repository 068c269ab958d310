import Foundation
import Gemma
import Numerics
import Weights

/// `gemfill bench --requests`: one measurement per line of standard input, with the model loaded once, so that
/// `Benchmarks/engine` can measure two engines turn by turn. Each line is answered by one line of JSON:
///
/// | line | measured |
/// |---|---|
/// | `limits` | this machine's read bandwidth for a block of the model's size, int8 and f32 peaks |
/// | `prefill N` | N prompt tokens into an empty cache |
/// | `decode P N` | N tokens after P prompt tokens, greedily |
/// | `shortlist R P N` | the same with only the first R rows of the output head, without asking the others |
/// | `keystroke P S N` | one more token typed between P and S tokens, N generated, through the engine |
/// | `cutback P K` | P tokens, the last K forgotten, one appended; and how far the logits are from fresh ones |
/// | `greedy N ID...` | the N most probable tokens after the ids |
/// | `logits K ID...` | the first K logits after the ids |
/// | `encode BYTE...` | the tokens of a text |
/// | `adapter R P N` | N tokens after P with random factors of rank R, and without |
final class BenchRequests {
  private let model: GemmaModel
  private let pool: WorkerPool
  private var session: InferenceSession?
  private var shortlist: VocabularyShortlist?
  private var keystrokes: (key: [Int], bench: KeystrokeBench)?

  init(model: GemmaModel, pool: WorkerPool) {
    self.model = model
    self.pool = pool
  }

  /// Answers until standard input ends.
  func serve(_ console: Console) async throws {
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard let name = words.first else { continue }
      var answer: JSONValue
      do {
        answer = try await self.answer(name, try words.dropFirst().map(Self.number))
      } catch {
        answer = ["error": .string("\(error)")]
      }
      answer["request"] = .string(name)
      console.write(bytes: answer.serialized() + [0x0A])
    }
  }

  private static func number(_ word: String) throws -> Int {
    guard let number = Int(word), number >= 0, number < 1 << 20 else {
      throw Failure("'\(word)' is not a number from 0 to \((1 << 20) - 1)")
    }
    return number
  }

  private func answer(_ name: String, _ numbers: [Int]) async throws -> JSONValue {
    let mayBeZero = name == "encode" || name == "greedy" || name == "logits"
    guard mayBeZero || numbers.allSatisfy({ $0 > 0 }), name != "adapter" || numbers.first ?? 1 <= 256 else {
      throw Failure("'\(name)' needs numbers above 0, and a rank up to 256")
    }
    return switch (name, numbers.count) {
    case ("limits", 0): limits()
    case ("prefill", 1): try prefill(numbers[0])
    case ("decode", 2): try decode(prompt: numbers[0], count: numbers[1])
    case ("shortlist", 3): try decode(rows: numbers[0], prompt: numbers[1], count: numbers[2])
    case ("keystroke", 3): try await keystroke(numbers)
    case ("cutback", 2): try cutBack(context: numbers[0], forgotten: numbers[1])
    case ("greedy", 2...): try greedy(numbers[0], after: numbers.dropFirst().map { Int32($0) })
    case ("logits", 2...): try firstLogits(numbers[0], after: numbers.dropFirst().map { Int32($0) })
    case ("encode", 1...): try encode(numbers)
    case ("adapter", 3):
      try AdapterBench(model: model, pool: pool, rank: numbers[0], prompt: numbers[1], generate: numbers[2])
        .figures()
    default: throw Failure("'\(name)' with \(numbers.count) numbers is not a request")
    }
  }

  private func limits() -> JSONValue {
    [
      "read_bandwidth": .double(
        MachineLimits.readBandwidth(megabytes: max(1, model.bytesPerToken >> 20), pool: pool)),
      "int8": .double(MachineLimits.int8Operations(pool: pool)),
      "dense": .double(MachineLimits.denseOperations(pool: pool)),
      "bytes_per_token": .int(model.bytesPerToken),
      "body_weights": .int(model.parameterCount - model.embedding.outputs * model.embedding.inputs),
      "kernels": .string(Kernels.best.name), "blas": .string(BLAS.shared.description),
      "threads": .int(pool.threadCount),
    ]
  }

  /// An empty session with room for `positions`.
  private func emptied(_ positions: Int) -> InferenceSession {
    if let session, session.cache.capacity >= positions {
      session.cache.truncate(to: 0)
      return session
    }
    let new = InferenceSession(model, capacity: positions, pool: pool)
    session = new
    return new
  }

  private func prefill(_ count: Int) throws -> JSONValue {
    let session = emptied(count)
    let ids = BenchModes.tokens(count, of: model)
    let start = ContinuousClock.now
    try session.append(ids, logits: .last)
    return ["seconds": .double((ContinuousClock.now - start) / .seconds(1))]
  }

  private func decode(prompt: Int, count: Int) throws -> JSONValue {
    let session = emptied(prompt + count)
    var logits = try session.append(BenchModes.tokens(prompt, of: model), logits: .last)
    let start = ContinuousClock.now
    for _ in 0..<count { logits = try session.append([best(logits)], logits: .last) }
    return ["seconds": .double((ContinuousClock.now - start) / .seconds(1))]
  }

  private func decode(rows: Int, prompt: Int, count: Int) throws -> JSONValue {
    if shortlist?.ids.count != rows {
      shortlist = try VocabularyShortlist((0..<Int32(rows)).map(\.self), leastShare: 0, model: model)
    }
    guard let shortlist else { return [:] }
    let session = emptied(prompt + count)
    let logits = FloatBuffer(rows)
    var token: Int32 = 1
    try session.append(BenchModes.tokens(prompt, of: model), logits: .none)
    let start = ContinuousClock.now
    for _ in 0..<count {
      try session.append([token], logits: .none)
      session.logits(row: 0, head: shortlist.head, into: logits.pointer)
      token = shortlist.decide(logits.pointer)?.token ?? 1
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let bytes = model.bytesPerToken - model.head.byteCount + shortlist.head.byteCount
    return ["seconds": .double(seconds), "bytes_per_token": .int(bytes)]
  }

  private func keystroke(_ numbers: [Int]) async throws -> JSONValue {
    var bench: KeystrokeBench
    if let keystrokes, keystrokes.key == numbers {
      bench = keystrokes.bench
    } else {
      bench = try KeystrokeBench(model: model, prefix: numbers[0], suffix: numbers[1], generate: numbers[2])
    }
    let stroke = try await bench.type()
    keystrokes = (numbers, bench)
    return [
      "seconds": .double(stroke.milliseconds / 1_000),
      "prompt_seconds": .double(stroke.result.prefillMs / 1_000),
      "decode_seconds": .double(stroke.result.decodeMs / 1_000),
      "evaluated": .int(stroke.result.evaluatedPromptTokens), "generated": .int(stroke.result.tokenCount),
    ]
  }

  private func cutBack(context: Int, forgotten: Int) throws -> JSONValue {
    guard forgotten < context else { throw Failure("only \(context) tokens to forget \(forgotten) of") }
    let ids = BenchModes.tokens(context, of: model)
    let kept = context - forgotten
    let next = BenchModes.tokens(1, of: model, seed: 2)
    let session = emptied(context + 1)
    try session.append(ids, logits: .none)
    let start = ContinuousClock.now
    session.cache.truncate(to: kept)
    let reused = copy(try session.append(next, logits: .last))
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    session.cache.truncate(to: 0)
    let fresh = copy(try session.append(Array(ids.prefix(kept)) + next, logits: .last))
    let difference = zip(reused, fresh).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    return ["seconds": .double(seconds), "evaluated": 1, "largest_difference": .double(Double(difference))]
  }

  private func greedy(_ count: Int, after ids: [Int32]) throws -> JSONValue {
    let session = emptied(ids.count + count)
    var logits = try session.append(ids, logits: .last)
    var tokens: [Int32] = []
    while tokens.count < count {
      tokens.append(best(logits))
      logits = try session.append(tokens.suffix(1), logits: .last)
    }
    return ["tokens": .array(tokens.map { .int(Int($0)) })]
  }

  private func firstLogits(_ count: Int, after ids: [Int32]) throws -> JSONValue {
    let logits = copy(try emptied(ids.count).append(ids, logits: .last))
    return ["logits": .array(logits.prefix(count).map { .double(Double($0)) })]
  }

  private func encode(_ bytes: [Int]) throws -> JSONValue {
    let text = try bytes.map { (value) throws -> UInt8 in
      guard let byte = UInt8(exactly: value) else { throw Failure("\(value) is not a byte") }
      return byte
    }
    let tokens = try BenchModes.tokenizer(of: model).encode(text)
    return ["tokens": .array(tokens.map { .int(Int($0)) })]
  }

  private func best(_ logits: UnsafePointer<Float>) -> Int32 {
    Int32(Kernels.best.argmax(logits, count: model.configuration.vocabularySize))
  }

  private func copy(_ logits: UnsafePointer<Float>) -> [Float] {
    Array(UnsafeBufferPointer(start: logits, count: model.configuration.vocabularySize))
  }
}
