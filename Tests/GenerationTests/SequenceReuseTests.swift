import Gemma
import Numerics
import Testing

@testable import Generation

/// Keys and values that are reused must be those that a fresh evaluation gives, in sliding-window layers too.
@Suite struct SequenceReuseTests {
  private func logits(_ session: InferenceSession, _ tokens: [Int32]) throws -> [Float] {
    let size = session.model.configuration.vocabularySize
    let pointer = try session.append(tokens, logits: .last)
    return withExtendedLifetime(session) { Array(UnsafeBufferPointer(start: pointer, count: size)) }
  }

  @Test(arguments: [WeightPrecision.q8_0, .q4_0], 0..<4)
  func anyCutAndAnyBranchGivesTheBitsOfAFreshEvaluation(precision: WeightPrecision, seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed) &+ 40)
    let shape = Models.shape(window: 3 + seed * 2)
    let model = try GemmaModel.random(shape, precision: precision, seed: UInt64(seed))
    let session = InferenceSession(model, capacity: 160, chunk: 16)
    var memory = SequenceMemory(session.cache.pool, budget: 1 << 30)
    var prompts: [[Int32]] = []
    for _ in 0..<25 {
      // A cut anywhere in an earlier text, far behind the window's reach, and something new behind it.
      let old = prompts.isEmpty ? [] : prompts[Int(random.next() % UInt64(prompts.count))]
      let keep = old.isEmpty ? 0 : Int(random.next() % UInt64(old.count + 1))
      let prompt =
        Array(old.prefix(min(keep, 120))) + Models.tokens(1 + Int(random.next() % 39), &random)
      let found = memory.recall(prompt, adapter: nil, most: prompt.count - 1)
      let expected = prompts.map { zip($0, prompt).prefix { $0 == $1 }.count }.max() ?? 0
      #expect(found?.shared ?? 0 == min(expected, prompt.count - 1))
      session.cache = found?.sequence ?? KVSequence(session.cache.pool, capacity: 160)
      let reused = try logits(session, Array(prompt.dropFirst(found?.shared ?? 0)))
      let fresh = try logits(InferenceSession(model, capacity: 160), prompt)
      #expect(reused == fresh)
      memory.remember(prompt, session.cache, adapter: nil, document: nil)
      prompts.append(prompt)
    }
  }

  @Test func aSequenceOfOneAdapterNeverServesAnother() throws {
    var random = SeededRandom(seed: 1)
    let shape = Models.shape()
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let session = InferenceSession(model, capacity: 64)
    var memory = SequenceMemory(session.cache.pool, budget: 1 << 30)
    let prompt = Models.tokens(20, &random)
    _ = try logits(session, prompt)
    memory.remember(prompt, session.cache, adapter: "a", document: "x")
    #expect(memory.recall(prompt, adapter: nil, most: 19) == nil)
    #expect(memory.recall(prompt, adapter: "b", most: 19) == nil)
    #expect(memory.recall(prompt, adapter: "a", most: 19)?.shared == 19)
    memory.forget(adapter: "a")
    #expect(memory.recall(prompt, adapter: "a", most: 19) == nil && memory.count == 0)
  }

  @Test func theBudgetIsKeptAndDocumentsStayLongest() throws {
    var random = SeededRandom(seed: 2)
    let shape = Models.shape()
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let pages = KVPagePool(shape, format: .float16)
    let session = InferenceSession(model, capacity: 300, pages: pages)
    var memory = SequenceMemory(pages, budget: 8 * pages.pageBytes)
    func remember(_ tokens: [Int32], _ document: String?) throws {
      session.cache = KVSequence(pages, capacity: 300)
      try session.append(tokens, logits: .none)
      memory.remember(tokens, session.cache, adapter: nil, document: document)
    }
    // Two pages each.
    let document = Models.tokens(40, &random)
    try remember(document, "open.py")
    var others: [[Int32]] = []
    for _ in 0..<8 {
      others.append(Models.tokens(40, &random))
      try remember(others[others.count - 1], nil)
      #expect(pages.bytesInUse <= 8 * pages.pageBytes)
    }
    #expect(memory.count == 4)
    #expect(memory.recall(document, adapter: nil, most: 39)?.shared == 39)
    #expect(memory.recall(others[7], adapter: nil, most: 39)?.shared == 39)
    #expect(memory.recall(others[0], adapter: nil, most: 39)?.shared ?? 0 < 39)
    memory.forget(document: "open.py")
    #expect(memory.recall(document, adapter: nil, most: 39)?.shared ?? 0 < 39)
    // Pages that many sequences share count once.
    let long = Models.tokens(128, &random)
    for ending in 0..<20 {
      let found = memory.recall(long + [Int32(ending)], adapter: nil, most: 128)
      session.cache = found?.sequence ?? KVSequence(pages, capacity: 300)
      let tokens = Array((long + [Int32(ending)]).dropFirst(found?.shared ?? 0))
      try session.append(tokens, logits: .none)
      memory.remember(long + [Int32(ending)], session.cache, adapter: nil, document: "b")
    }
    #expect(pages.bytesInUse <= 8 * pages.pageBytes && memory.count >= 3)
  }

  @Test func onlySoManySequencesAreKept() throws {
    var random = SeededRandom(seed: 3)
    let shape = Models.shape(layers: 1)
    let session = InferenceSession(try GemmaModel.random(shape, precision: .q8_0), capacity: 8)
    var memory = SequenceMemory(session.cache.pool, budget: 1 << 40, limit: 5)
    for _ in 0..<40 {
      let tokens = Models.tokens(6, &random)
      session.cache = KVSequence(session.cache.pool, capacity: 8)
      try session.append(tokens, logits: .none)
      memory.remember(tokens, session.cache, adapter: nil, document: "a")
      #expect(memory.count <= 5)
    }
  }
}
