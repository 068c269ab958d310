import Foundation
import Gemma
import Generation
import Numerics
import Tokenizer
import Weights

/// What somebody who types waits for: each request has one more token before the cursor than the last one, and the
/// engine cuts its keys and values back, evaluates what is new and generates a few tokens greedily.
struct KeystrokeBench {
  /// One request, as the engine and a clock around it saw it.
  struct Keystroke {
    let milliseconds: Double
    let result: InfillResult
  }

  private let engine: Engine
  private let words: [[UInt8]]
  private var prefix: [UInt8]
  private let suffix: [UInt8]
  private let generate: Int
  private var random = SeededRandom(seed: 3)

  /// Writes a text of `prefix` and `suffix` tokens around the cursor, made of words that are one token each.
  ///
  /// - Throws: `Failure` where the vocabulary has no such words; as `Engine.init`.
  init(model: GemmaModel, prefix: Int, suffix: Int, generate: Int) throws {
    let tokenizer = try BenchModes.tokenizer(of: model)
    words = Self.words(tokenizer)
    guard words.count >= 16 else {
      throw Failure("\(model.path): its vocabulary has \(words.count) words of letters; 16 are needed")
    }
    engine = try Engine(model: model, tokenizer: tokenizer, contextLength: prefix + suffix + generate + 256)
    self.generate = generate
    self.prefix = []
    var text: [UInt8] = []
    for _ in 0..<suffix { text += Self.word(words, &random) }
    self.suffix = text
    for _ in 0..<prefix { self.prefix += Self.word(words, &random) }
    let (before, behind) = (tokenizer.encode(self.prefix).count, tokenizer.encode(text).count)
    guard before == prefix, behind == suffix else {
      throw Failure(
        "\(model.path): words that are one token each became \(before) and \(behind) tokens together")
    }
  }

  /// Types one token and asks for a completion.
  ///
  /// - Throws: as `Engine.infill`.
  mutating func type() async throws -> Keystroke {
    prefix += Self.word(words, &random)
    // Random weights repeat themselves more than any code: drafts would flatter the figures.
    let request = InfillRequest(
      path: "", prefix: prefix, suffix: suffix, maxTokens: generate, timeBudgetMs: 600_000,
      options: DecodingOptions(speculates: false))
    let start = ContinuousClock.now
    let result = try await engine.infill(request)
    return Keystroke(milliseconds: (ContinuousClock.now - start) / .milliseconds(1), result: result)
  }

  /// Types 15 tokens after three that nobody counts, and prints the medians.
  mutating func report(_ console: Console) async throws {
    console.progress("evaluating \(prefix.count + suffix.count) bytes of text")
    let first = try await type()
    for _ in 0..<2 { _ = try await type() }
    var strokes: [Keystroke] = []
    for index in 1...15 {
      console.progress("keystroke \(index) of 15")
      strokes.append(try await type())
    }
    console.endProgress()
    let total = Self.median(strokes.map(\.milliseconds))
    let prompt = Self.median(strokes.map(\.result.prefillMs))
    let decode = Self.median(strokes.map(\.result.decodeMs))
    let evaluated = Self.median(strokes.map { Double($0.result.evaluatedPromptTokens) })
    let generated = Self.median(strokes.map { Double($0.result.tokenCount) })
    console.table(
      ["", "prompt tokens evaluated", "prompt ms", "tokens generated", "generation ms", "total ms"],
      [
        [
          "first request", "\(first.result.evaluatedPromptTokens)",
          BenchCommand.format(first.result.prefillMs, 1), "\(first.result.tokenCount)",
          BenchCommand.format(first.result.decodeMs, 1), BenchCommand.format(first.milliseconds, 1),
        ],
        [
          "one more token typed", BenchCommand.format(evaluated, 0), BenchCommand.format(prompt, 2),
          BenchCommand.format(generated, 0), BenchCommand.format(decode, 2), BenchCommand.format(total, 2),
        ],
      ], alignment: [.left, .right, .right, .right, .right, .right])
    console.emit(json: [
      "first_ms": .double(first.milliseconds), "first_evaluated": .int(first.result.evaluatedPromptTokens),
      "evaluated": .double(evaluated), "prompt_ms": .double(prompt), "generated": .double(generated),
      "decode_ms": .double(decode), "total_ms": .double(total),
      "all_ms": .array(strokes.map { .double($0.milliseconds) }),
    ])
  }

  /// The middle of `values`; 0 where there are none.
  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }

  /// Up to 512 texts of a space and letters that are one token each.
  private static func words(_ tokenizer: Tokenizer) -> [[UInt8]] {
    let mark = Array("▁".utf8)
    var words: [[UInt8]] = []
    for token in 0..<tokenizer.vocabularySize where words.count < 512 {
      let piece = tokenizer.vocabulary.piece(token)
      let letters = piece.dropFirst(mark.count)
      guard piece.starts(with: mark), letters.count >= 2, letters.allSatisfy({ (0x61...0x7A).contains($0) })
      else { continue }
      let word = [0x20] + letters
      if tokenizer.encode(word) == [Int32(token)] { words.append(word) }
    }
    return words
  }

  private static func word(_ words: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
    words[Int(random.next() % UInt64(words.count))]
  }
}
