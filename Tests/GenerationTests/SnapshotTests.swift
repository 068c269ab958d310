import Foundation
import Gemma
import Numerics
import Testing
import Weights

@testable import Generation

@Suite struct SnapshotTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  private func place(_ name: String = "a.sequence") throws -> String {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder.appendingPathComponent(name).path
  }

  private func engine(
    layers: Int = 3, seed: UInt64 = 5, keyValues: KVFormat? = nil, precision: WeightPrecision = .q8_0
  ) throws -> Engine {
    let tokenizer = try Models.tokenizer()
    let model = try GemmaModel.random(
      Models.shape(vocabulary: tokenizer.vocabularySize, layers: layers), precision: precision, seed: seed)
    return try Engine(model: model, tokenizer: tokenizer, contextLength: 256, keyValues: keyValues)
  }

  private func request(_ engine: Engine, adapter: String? = nil) -> GenerationRequest {
    var random = SeededRandom(seed: 4)
    return GenerationRequest(
      prompt: [2] + Models.tokens(90, below: engine.tokenizer.vocabularySize, &random), maxTokens: 6,
      timeBudgetMs: 60_000, adapter: adapter, document: "a.py")
  }

  @Test(arguments: [nil, KVFormat.int8, .float32])
  func aSequenceSurvivesARestart(keyValues: KVFormat?) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try place()
    let first = try engine(keyValues: keyValues)
    let before = try await first.generate(request(first))
    #expect(try await first.saveSequence(of: "a.py", to: path, modelIdentity: "m"))
    let second = try Engine(
      model: first.model, tokenizer: first.tokenizer, contextLength: 256, keyValues: keyValues)
    // All generated tokens but the last have keys and values.
    #expect(try await second.loadSequence(from: path, modelIdentity: "m") == 91 + before.tokenCount - 1)
    let after = try await second.generate(request(second))
    #expect(after.evaluatedPromptTokens == 1)
    #expect(after.tokens == before.tokens && after.meanLogProbability == before.meanLogProbability)
  }

  @Test func whatIsNotThereIsNotWritten() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let engine = try engine()
    #expect(try await !engine.saveSequence(of: "a.py", to: place(), modelIdentity: "m"))
    #expect(!FileManager.default.fileExists(atPath: try place()))
    _ = try await engine.generate(request(engine))
    await #expect(throws: WeightsError.self) {
      try await engine.saveSequence(of: "a.py", to: "/proc/nowhere/a", modelIdentity: "m")
    }
  }

  @Test func aSequenceOfAnotherModelAdapterOrLayoutIsRefused() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try place()
    let engine = try engine()
    await engine.use(Models.adapter(engine.model.configuration, seed: 1), named: "x", identity: "1")
    await engine.use(Models.adapter(engine.model.configuration, seed: 2), named: "y", identity: "2")
    await engine.use(Models.adapter(engine.model.configuration, seed: 3), named: "nameless")
    let before = try await engine.generate(request(engine, adapter: "x"))
    try await engine.saveSequence(of: "a.py", to: path, modelIdentity: "m")
    for (model, adapter) in [("n", "x"), ("m", "y"), ("m", "nameless"), ("m", "nobody"), ("m", nil)] {
      await #expect(throws: (any Error).self) {
        try await engine.loadSequence(from: path, modelIdentity: model, adapter: adapter)
      }
    }
    for other in [
      try self.engine(layers: 2), try self.engine(keyValues: .int8), try self.engine(precision: .q4_0),
    ] {
      await other.use(Models.adapter(other.model.configuration, seed: 1), named: "x", identity: "1")
      await #expect(throws: WeightsError.self) {
        try await other.loadSequence(from: path, modelIdentity: "m", adapter: "x")
      }
    }
    let short = try Engine(model: engine.model, tokenizer: engine.tokenizer, contextLength: 64)
    await short.use(Models.adapter(short.model.configuration, seed: 1), named: "x", identity: "1")
    await #expect(throws: GenerationError.self) {
      try await short.loadSequence(from: path, modelIdentity: "m", adapter: "x")
    }
    // It serves its own adapter alone.
    let fresh = try self.engine()
    await fresh.use(Models.adapter(fresh.model.configuration, seed: 1), named: "x", identity: "1")
    try await fresh.loadSequence(from: path, modelIdentity: "m", adapter: "x")
    #expect(try await fresh.generate(request(fresh)).reusedPromptTokens == 0)
    let after = try await fresh.generate(request(fresh, adapter: "x"))
    #expect(after.evaluatedPromptTokens == 1 && after.tokens == before.tokens)
    _ = try await engine.generate(request(engine, adapter: "nameless"))
    await #expect(throws: GenerationError.self) {
      try await engine.saveSequence(of: "a.py", to: path, modelIdentity: "m")
    }
  }

  @Test func damageIsFoundAndChangesNothing() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try place()
    let engine = try engine(layers: 1)
    _ = try await engine.generate(request(engine))
    try await engine.saveSequence(of: "a.py", to: path, modelIdentity: "m")
    let sound = try Data(contentsOf: URL(fileURLWithPath: path))
    let fresh = try Engine(model: engine.model, tokenizer: engine.tokenizer, contextLength: 256)
    var random = SeededRandom(seed: 2)
    for round in 0..<60 {
      var damaged = sound
      if round % 4 == 0 {
        damaged = sound.prefix(Int(random.next() % UInt64(sound.count)))
      } else {
        // Half of the damage in the header and the tokens. Zeroes between regions mean nothing: they are passed over.
        let range = round % 2 == 0 ? 8_192 : sound.count
        var at = Int(random.next() % UInt64(range))
        while damaged[at] == 0 { at = Int(random.next() % UInt64(range)) }
        damaged[at] ^= UInt8(1 + random.next() % 255)
      }
      try damaged.write(to: URL(fileURLWithPath: path))
      await #expect(throws: WeightsError.self) {
        try await fresh.loadSequence(from: path, modelIdentity: "m")
      }
    }
    #expect(try await fresh.generate(request(fresh)).reusedPromptTokens == 0)
  }
}
