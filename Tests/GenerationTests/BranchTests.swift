import Gemma
import Numerics
import Testing

@testable import Generation

@Suite struct BranchTests {
  private func engine(_ precision: WeightPrecision = .q8_0) throws -> Engine {
    let tokenizer = try Models.tokenizer()
    let model = try GemmaModel.random(
      Models.shape(vocabulary: tokenizer.vocabularySize, layers: 3), precision: precision, seed: 5)
    return try Engine(model: model, tokenizer: tokenizer, contextLength: 256)
  }

  private func prompt(_ engine: Engine, _ seed: UInt64) -> [Int32] {
    var random = SeededRandom(seed: seed)
    return [2] + Models.repetitive(40, below: engine.tokenizer.vocabularySize, &random)
  }

  @Test(arguments: 0..<4)
  func candidatesAreDistinctAndTheFirstIsThePlainOne(seed: Int) async throws {
    let engine = try engine()
    let prompt = prompt(engine, UInt64(seed))
    let plain = try await engine.generate(
      GenerationRequest(prompt: prompt, maxTokens: 12, timeBudgetMs: 60_000))
    let several = try await engine.generate(
      GenerationRequest(
        prompt: prompt, maxTokens: 12, timeBudgetMs: 60_000, options: DecodingOptions(candidates: 4)))
    #expect(several.tokens == plain.tokens && several.bytes == plain.bytes)
    #expect(several.meanLogProbability == plain.meanLogProbability)
    #expect(several.alternatives.count == 3)
    #expect(Set(several.alternatives.map(\.bytes) + [several.bytes]).count == 4)
    let order = several.alternatives.map(\.meanLogProbability)
    #expect(order == order.sorted(by: >))
  }

  @Test func eachBranchIsWhatItsFirstTokenLeadsTo() async throws {
    let engine = try engine()
    let prompt = prompt(engine, 7)
    let several = try await engine.generate(
      GenerationRequest(
        prompt: prompt, maxTokens: 8, timeBudgetMs: 60_000, options: DecodingOptions(candidates: 3)))
    #expect(Set(several.alternatives.map { $0.tokens[0] } + [several.tokens[0]]).count == 3)
    for text in several.alternatives.map(\.tokens) {
      let session = InferenceSession(engine.model, capacity: 256)
      var logits = try session.append(prompt + [text[0]], logits: .last)
      for token in text.dropFirst() {
        let size = engine.model.configuration.vocabularySize
        let best = withExtendedLifetime(session) { Kernels.best.argmax(logits, count: size) }
        #expect(Int(token) == best)
        logits = try session.append([token], logits: .last)
      }
    }
  }

  @Test func aSeedGivesTheSameTextsAndAnotherGivesOthers() async throws {
    let engine = try engine()
    let prompt = prompt(engine, 3)
    func texts(_ seed: UInt64, _ candidates: Int) async throws -> [[UInt8]] {
      let result = try await engine.generate(
        GenerationRequest(
          prompt: prompt, maxTokens: 10, timeBudgetMs: 60_000,
          options: DecodingOptions(
            sampling: Sampling(temperature: 1.2, topP: 0.98, seed: seed), candidates: candidates)))
      return [result.bytes] + result.alternatives.map(\.bytes)
    }
    let three = try await texts(1, 3)
    #expect(try await texts(1, 3) == three)
    #expect(Set(three).count == three.count)
    // The first candidate is the text of the seed alone.
    #expect(try await texts(1, 1) == [three[0]])
    #expect(try await texts(2, 3) != three)
  }

  @Test func rulesAndCancellationEndEveryBranch() async throws {
    let engine = try engine()
    let prompt = prompt(engine, 2)
    let ruled = try await engine.generate(
      GenerationRequest(
        prompt: prompt, maxTokens: 40, timeBudgetMs: 60_000, options: DecodingOptions(candidates: 3),
        shouldStop: { $0.count >= 4 }))
    for text in [ruled.bytes] + ruled.alternatives.map(\.bytes) { #expect(text.count < 40) }
    let cancelled = try await Task {
      try await engine.generate(
        GenerationRequest(
          prompt: prompt, maxTokens: 40, timeBudgetMs: 60_000, options: DecodingOptions(candidates: 3),
          shouldStop: { _ in
            withUnsafeCurrentTask { $0?.cancel() }
            return false
          }))
    }.value
    #expect(cancelled.end == .cancelled && cancelled.tokenCount == 1)
  }
}
