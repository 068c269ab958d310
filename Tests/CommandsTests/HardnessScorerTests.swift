import Carving
import Context
import Generation
import Synchronization
import Testing

@testable import Commands

/// A model that answers with a fixed probability and remembers what it was asked.
private final class FixedModel: InfillModel {
  let asked = Mutex<(request: InfillRequest, middle: [UInt8], order: PromptOrder)?>(nil)
  let logProbability: Double

  init(logProbability: Double) { self.logProbability = logProbability }

  func infill(_ request: InfillRequest) async throws -> InfillResult { throw CancellationError() }

  func middleLogProbability(_ middle: [UInt8], in request: InfillRequest, order: PromptOrder) async throws
    -> Double
  {
    asked.withLock { $0 = (request, middle, order) }
    return logProbability
  }

  func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double { 0 }
}

@Suite struct HardnessScorerTests {
  private let example = FIMExample(
    path: "a/b.py", language: "python", kind: .node, nodePath: "", windowStart: 0, middleStart: 4,
    middleEnd: 8,
    prefix: "x = ", middle: "f(é)", suffix: "\n",
    context: [ContextSnippet(path: "c.py", source: .definition, firstLine: 3, text: "def f(x):\n")])

  @Test func asksAsTheServerDoes() async throws {
    let model = FixedModel(logProbability: -8)
    let score = try await HardnessScorer(model: model) { $0.count / 2 }.score(example)
    #expect(score == HardnessScore(negativeLogLikelihood: 8, tokenCount: 3))
    #expect(score.perByte(example.middle.utf8.count) == 1.6)
    let asked = try #require(model.asked.withLock { $0 })
    #expect(asked.middle == Array("f(é)".utf8) && asked.order == .suffixFirst)
    #expect(asked.request.prefix == Array("x = ".utf8) && asked.request.suffix == [0x0A])
    #expect(asked.request.path == "a/b.py" && asked.request.adapter == nil)
    #expect(asked.request.context == [PromptSnippet(path: "c.py", text: Array("def f(x):\n".utf8))])
  }

  @Test func certaintyIsNotLessThanNothing() async throws {
    let score = try await HardnessScorer(model: FixedModel(logProbability: 1e-9)) { $0.count }.score(example)
    #expect(score.negativeLogLikelihood == 0)
  }
}
