import Gemma
import Numerics
import Testing

@testable import Generation

/// Greedy generation with drafts must be what it is without, token for token and probability for probability.
@Suite struct SpeculationTests {
  private struct Outcome {
    let run: TextRun
    let statistics: SpeculationStatistics
    let sequence: [Int32]
  }

  private func generate(
    _ model: GemmaModel, _ prompt: [Int32], _ speculator: Speculator?, maxTokens: Int = 48,
    adapter: LoRAAdapter? = nil, stops: Set<Int32> = [],
    shouldStop: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
  ) throws -> Outcome {
    let session = InferenceSession(model, capacity: 256)
    session.adapter = adapter
    let job = DecodingJob(
      options: DecodingOptions(), maxTokens: maxTokens, contextLength: 256,
      deadline: .now + .seconds(600), shouldStop: shouldStop)
    let decoder = TextDecoder(
      session, sequence: [], run: TextRun(try Models.tokenizer(), stops: stops), job: job,
      speculator: speculator)
    _ = try decoder.evaluate(prompt: prompt)
    _ = try decoder.decode()
    #expect(session.cache.count == decoder.sequence.count)
    return Outcome(run: decoder.run, statistics: decoder.speculation, sequence: decoder.sequence)
  }

  @Test(arguments: [WeightPrecision.q8_0, .q4_0], 0..<6)
  func draftsChangeNothingButTheCost(precision: WeightPrecision, seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed) &+ 100)
    let vocabulary = [40, 160, 600][seed % 3]
    let model = try GemmaModel.random(
      Models.shape(vocabulary: vocabulary, layers: 3 + seed % 4), precision: precision,
      seed: UInt64(seed))
    let speculator = Speculator(barriers: [1])
    var accepted = 0
    for round in 0..<6 {
      let prompt = Models.repetitive(4 + Int(random.next() % 60), below: vocabulary, &random)
      let plain = try generate(model, prompt, nil)
      // What is remembered of a text makes its second generation mostly drafts.
      if round % 2 == 1 { speculator.finder.remember(prompt.suffix(8) + plain.run.tokens) }
      let drafted = try generate(model, prompt, speculator)
      #expect(drafted.run.tokens == plain.run.tokens)
      #expect(drafted.run.meanLogProbability == plain.run.meanLogProbability)
      #expect(drafted.run.smallest == plain.run.smallest)
      #expect(drafted.sequence == plain.sequence)
      accepted += drafted.statistics.accepted
      #expect(drafted.statistics.accepted <= drafted.statistics.drafted)
    }
    #expect(accepted > 0)
  }

  @Test func draftsEndWherePlainGenerationEnds() throws {
    var random = SeededRandom(seed: 3)
    let model = try GemmaModel.random(Models.shape(vocabulary: 60), precision: .q8_0, seed: 9)
    for limit in [1, 2, 3, 7, 20] {
      let prompt = Models.repetitive(30, below: 60, &random)
      let speculator = Speculator(barriers: [])
      let plain = try generate(model, prompt, nil, maxTokens: 40)
      speculator.finder.remember(prompt.suffix(8) + plain.run.tokens)
      let stopped = try generate(model, prompt, speculator, maxTokens: limit)
      #expect(stopped.run.tokens == Array(plain.run.tokens.prefix(limit)))
      // A stop token, and a rule, are heeded in the middle of a draft.
      let stop = plain.run.tokens[10]
      let ended = try generate(model, prompt, speculator, maxTokens: 40, stops: [stop])
      #expect(ended.run.tokens == Array(plain.run.tokens.prefix { $0 != stop }) + [stop])
      let length = plain.run.bytes.count / 2
      let ruled = try generate(model, prompt, speculator, maxTokens: 40) { $0.count >= length }
      let again = try generate(model, prompt, nil, maxTokens: 40) { $0.count >= length }
      #expect(ruled.run.tokens == again.run.tokens)
    }
  }

  @Test func draftsUnderAnAdapterChangeNothingEither() throws {
    var random = SeededRandom(seed: 8)
    let shape = Models.shape(vocabulary: 80)
    let model = try GemmaModel.random(shape, precision: .q8_0, seed: 4)
    let adapter = Models.adapter(shape, seed: 2)
    for _ in 0..<5 {
      let prompt = Models.repetitive(40, below: 80, &random)
      let plain = try generate(model, prompt, nil, adapter: adapter)
      let speculator = Speculator(barriers: [])
      speculator.finder.remember(prompt.suffix(8) + plain.run.tokens)
      let drafted = try generate(model, prompt, speculator, adapter: adapter)
      #expect(drafted.run.tokens == plain.run.tokens)
      #expect(drafted.statistics.accepted > 0)
    }
  }
}
