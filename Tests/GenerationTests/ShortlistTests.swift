import Foundation
import Gemma
import Numerics
import Testing
import Weights

@testable import Generation

@Suite struct ShortlistTests {
  private func row(_ session: InferenceSession, _ head: Linear) -> [Float] {
    let out = FloatBuffer(head.outputs)
    session.logits(row: 0, head: head, into: out.pointer)
    return out.array
  }

  @Test(arguments: [WeightPrecision.q8_0, .q4_0, .float32])
  func theRowsOfTheShortlistAreThoseOfTheHead(precision: WeightPrecision) throws {
    var random = SeededRandom(seed: 1)
    let model = try GemmaModel.random(Models.shape(vocabulary: 200), precision: precision)
    let ids = (0..<200).filter { _ in random.uniform() < 0.3 }.map { Int32($0) }
    let shortlist = try VocabularyShortlist(ids, leastShare: 0, model: model)
    let session = InferenceSession(model, capacity: 32)
    try session.append(Models.tokens(9, &random), logits: .none)
    try session.append([5], logits: .none)
    let all = row(session, model.head)
    let some = row(session, shortlist.head)
    for (value, id) in zip(some, ids) {
      if precision == .float32 {
        #expect(abs(value - all[Int(id)]) < 1e-3)  // another order of sums
      } else {
        #expect(value == all[Int(id)])
      }
    }
  }

  @Test(arguments: 0..<4)
  func aDecisionThatIsNeverSureIsThatOfTheWholeVocabulary(seed: Int) async throws {
    let tokenizer = try Models.tokenizer()
    let model = try GemmaModel.random(
      Models.shape(vocabulary: tokenizer.vocabularySize, layers: 2), precision: .q8_0, seed: UInt64(seed))
    let engine = try Engine(model: model, tokenizer: tokenizer, contextLength: 256)
    var random = SeededRandom(seed: UInt64(seed))
    let request = GenerationRequest(
      prompt: [2] + Models.repetitive(30, below: tokenizer.vocabularySize, &random), maxTokens: 20,
      timeBudgetMs: 60_000)
    let plain = try await engine.generate(request)
    let ids = (0..<Int32(tokenizer.vocabularySize)).filter { $0 % 3 == 0 }
    try await engine.use(VocabularyShortlist(ids, leastShare: 1, model: model))
    let asked = try await engine.generate(request)
    #expect(asked.tokens == plain.tokens && asked.fullHeadTokens == plain.tokenCount)
    #expect(asked.meanLogProbability == plain.meanLogProbability)
    // A list of all tokens decides everything, and decides it alike.
    try await engine.use(
      VocabularyShortlist((0..<Int32(tokenizer.vocabularySize)).map { $0 }, leastShare: 0, model: model))
    let whole = try await engine.generate(request)
    #expect(whole.tokens == plain.tokens && whole.fullHeadTokens == 0)
    // A list that is always sure takes only its own tokens.
    try await engine.use(VocabularyShortlist(ids, leastShare: 0, model: model))
    let own = try await engine.generate(request)
    #expect(own.tokens.allSatisfy { $0 % 3 == 0 } && own.fullHeadTokens == 0)
    var without = request
    without.options.usesShortlist = false
    #expect(try await engine.generate(without).tokens == plain.tokens)
  }

  @Test func anAdapterWithTokenRowsOfItsOwnIsAskedThroughTheWholeHead() async throws {
    let tokenizer = try Models.tokenizer()
    let shape = Models.shape(vocabulary: tokenizer.vocabularySize, layers: 2)
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let engine = try Engine(model: model, tokenizer: tokenizer, contextLength: 256)
    var random = SeededRandom(seed: 3)
    let rows = FloatBuffer((0..<shape.hiddenSize).map { _ in random.uniform(within: 2) })
    let plain = Models.adapter(shape, seed: 4)
    await engine.use(LoRAAdapter(factors: plain.factors, tokenRows: [300: rows]), named: "rows")
    var request = GenerationRequest(
      prompt: [2] + Models.repetitive(30, below: 200, &random), maxTokens: 12, timeBudgetMs: 60_000)
    request.adapter = "rows"
    let whole = try await engine.generate(request)
    try await engine.use(
      VocabularyShortlist(
        (0..<Int32(tokenizer.vocabularySize)).filter { $0 % 3 == 0 }, leastShare: 0, model: model))
    let listed = try await engine.generate(request)
    #expect(listed.tokens == whole.tokens && listed.meanLogProbability == whole.meanLogProbability)
  }

  @Test func draftsAndShortlistTogetherGiveWhatTheShortlistGives() async throws {
    let base = try Engine.load(path: Models.basePath)
    var learner = ShortlistLearner(base.tokenizer)
    let code = "def add(first, second):\n    return first + second\n\n\nclass Sum:\n    def __init__(self):\n"
    learner.count(base.tokenizer.encode(code))
    try await base.use(
      VocabularyShortlist(learner.ids(limit: 2_000), leastShare: 0.5, model: base.model))
    for length in stride(from: 30, to: code.utf8.count, by: 9) {
      var request = InfillRequest(
        path: "a.py", prefix: Array(code.utf8.prefix(length)), suffix: [], maxTokens: 24, timeBudgetMs: 60_000
      )
      let drafted = try await base.infill(request)
      request.options.speculates = false
      let plain = try await base.infill(request)
      #expect(drafted.tokens == plain.tokens && drafted.fullHeadTokens == plain.fullHeadTokens)
    }
  }

  @Test func whatTextNeedsIsAlwaysThere() throws {
    let tokenizer = try Models.tokenizer()
    var learner = ShortlistLearner(tokenizer)
    learner.count(tokenizer.encode("for value in values: total += value"))
    let ids = learner.ids(limit: 1_200)
    #expect(ids == ids.sorted() && Set(ids).count == ids.count && ids.count <= 1_200)
    #expect(ids.contains(tokenizer.endToken))
    for byte in UInt8.min...UInt8.max {
      #expect(ids.contains { tokenizer.bytes(of: $0) == [byte] }, "byte \(byte)")
    }
    #expect(learner.coverage(of: ids) == 1)
    #expect(learner.coverage(of: learner.ids(limit: 0)) < 1)
    #expect(Set(learner.ids(limit: 0)).isSubset(of: ids))
  }

  @Test(arguments: 0..<10)
  func theLeastShareReachesTheAgreementAskedFor(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let samples = (0..<1_000).map { _ in
      let share = Float(random.uniform())
      return ShortlistLearner.Sample(agrees: random.uniform() < 0.8 + 0.2 * Double(share), share: share)
    }
    for wanted in [0.9, 0.95, 0.99, 0.999, 1] {
      let share = ShortlistLearner.leastShare(samples, agreement: wanted)
      let reached = ShortlistLearner.agreement(samples, leastShare: share)
      #expect(reached.tokens >= wanted)
      // A little less would not do.
      if share > 0 {
        #expect(ShortlistLearner.agreement(samples, leastShare: share.nextDown.nextDown).tokens < wanted)
      }
    }
  }

  @Test func itSurvivesTheDiskAndDamageIsFound() throws {
    let model = try GemmaModel.random(Models.shape(vocabulary: 200), precision: .q8_0)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("a.shortlist").path
    let ids: [Int32] = [0, 1, 2, 50, 199]
    try VocabularyShortlist(ids, leastShare: 0.25, model: model)
      .write(to: path, modelSHA256: "abc", vocabularySize: 200)
    let read = try VocabularyShortlist(path: path, modelSHA256: "abc", model: model)
    #expect(read.ids == ids && read.leastShare == 0.25)
    #expect(throws: WeightsError.self) {
      try VocabularyShortlist(path: path, modelSHA256: "abd", model: model)
    }
    let other = try GemmaModel.random(Models.shape(vocabulary: 100), precision: .q8_0)
    #expect(throws: WeightsError.self) {
      try VocabularyShortlist(path: path, modelSHA256: "abc", model: other)
    }
    let sound = try Data(contentsOf: URL(fileURLWithPath: path))
    for (index, byte) in sound.enumerated() where byte != 0 && index % 7 == 0 {
      var damaged = sound
      damaged[index] ^= 0x15
      try damaged.write(to: URL(fileURLWithPath: path))
      #expect(throws: (any Error).self) {
        try VocabularyShortlist(path: path, modelSHA256: "abc", model: model)
      }
    }
    for length in [0, 7, 80, sound.count - 1] {
      try sound.prefix(length).write(to: URL(fileURLWithPath: path))
      #expect(throws: (any Error).self) {
        try VocabularyShortlist(path: path, modelSHA256: "abc", model: model)
      }
    }
  }

  @Test(arguments: [[], [-1], [200], [3, 3], [4, 2]] as [[Int32]])
  func listsThatMeanNothingAreRefused(ids: [Int32]) throws {
    let model = try GemmaModel.random(Models.shape(vocabulary: 200), precision: .q8_0)
    #expect(throws: GemmaError.self) { try VocabularyShortlist(ids, leastShare: 0, model: model) }
    #expect(throws: GemmaError.self) { try VocabularyShortlist([1], leastShare: .nan, model: model) }
  }
}
