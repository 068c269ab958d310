import Carving
import Context
import Generation
import Synchronization
import Testing
import Weights

@testable import Evaluation

/// Answers from a table, and charges a fixed price per byte.
private final class FakeModel: InfillModel {
  private let answers: [String: String]
  private let nats: @Sendable (_ adapter: String?, _ prefix: [UInt8], _ order: PromptOrder) -> Double
  private let calls = Mutex(0)
  private let shown = Mutex<[[PromptSnippet]]>([])

  init(
    answers: [String: String],
    nats: @escaping @Sendable (String?, [UInt8], PromptOrder) -> Double = { _, _, _ in 1 }
  ) {
    self.answers = answers
    self.nats = nats
  }

  var callCount: Int { calls.withLock { $0 } }
  /// The snippets of each completion.
  var contexts: [[PromptSnippet]] { shown.withLock { $0 } }

  func infill(_ request: InfillRequest) async throws -> InfillResult {
    calls.withLock { $0 += 1 }
    shown.withLock { $0.append(request.context) }
    let answer = answers[String(decoding: request.prefix, as: UTF8.self)]
    return InfillResult(
      bytes: Array((answer ?? "?").utf8), tokenCount: 2, end: answer == nil ? .tokenLimit : .endToken,
      meanLogProbability: 0, minLogProbability: 0, evaluatedPromptTokens: 0, reusedPromptTokens: 0,
      queueMs: 0,
      prefillMs: 0, decodeMs: 0)
  }

  func middleLogProbability(
    _ middle: [UInt8], in request: InfillRequest, order: PromptOrder
  ) async throws -> Double { -nats(request.adapter, request.prefix, order) * Double(middle.count) }

  func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double { 0 }
}

struct EvaluatorTests {
  private let examples = [
    example("a", "one", "", path: "1.py"), example("b", "four\nlines", "", path: "2.py"),
    example("c", "x", "", path: "3.py"), example("d", "yes no", "", path: "4.py"),
  ]

  @Test func onlyContendersThatLearntItAreShownOtherFiles() async throws {
    var hole = examples[0]
    hole.context = [ContextSnippet(path: "o.py", source: .test, firstLine: 1, text: "one = 1\n")]
    for (showsContext, expected) in [
      (false, []), (true, [PromptSnippet(path: "o.py", text: Array("one = 1\n".utf8))]),
    ] {
      let model = FakeModel(answers: [:])
      _ = try await ModelContender(name: "fake", model: model, showsContext: showsContext).complete(
        hole, maxTokens: 1)
      #expect(model.contexts == [expected])
    }
  }

  @Test func knownAnswersGiveKnownFigures() async throws {
    let model = FakeModel(answers: ["a": "one", "b": "four", "d": "yes  no"]) { _, _, order in
      order == .suffixFirst ? 0.5 : 0.75
    }
    let evaluation = try await Evaluator(
      options: .init(scoresBothOrders: true, parses: { $0.path == "1.py" ? nil : $1.count > 1 })
    ).run(examples, contenders: [ModelContender(name: "fake", model: model)])
    let row = try #require(Report(evaluation, comparing: []).rows.first)
    func figure(_ measure: Measure) -> Double? { row.figures[measure]?.estimate }
    #expect(figure(.lossPerByte) == 0.5)
    #expect(row.otherOrderLossPerByte == 0.75)
    #expect(figure(.exactMatch) == 0.5)
    #expect(figure(.firstLine) == 0.75)
    #expect(figure(.endRate) == 0.75)
    #expect(figure(.matchingPrefix) == 11.0 / 4)
    #expect(figure(.editSimilarity) == (1 + 0.4 + 0 + 6.0 / 7) / 4)
    #expect(figure(.parses) == 2.0 / 3)
  }

  @Test func betterAdapterIsClearOfZeroAndAnEqualOneIsNot() async throws {
    let many = (0..<120).map { example("p\($0)", "middle \($0)", "", path: "\($0 / 3).py") }
    let model = FakeModel(answers: [:]) { adapter, prefix, _ in
      let noise = Double(prefix.reduce(0) { $0 &* 31 &+ Int($1) } % 100) / 100
      return adapter == "good" ? 0.8 + noise : 1 + noise
    }
    let contenders = [nil, "good", "same"].map {
      ModelContender(name: $0 ?? "base", model: model, adapter: $0)
    }
    let evaluation = try await Evaluator(options: .init(completions: 0)).run(many, contenders: contenders)
    let report = Report(evaluation, comparing: [(1, 0), (2, 0)])
    #expect(report.completed == 0 && report.scored == 120)
    #expect(report.comparisons[0].improves(.lossPerByte) == true)
    #expect(report.comparisons[1].improves(.lossPerByte) == nil)
    let difference = try #require(report.comparisons[0].differences[.lossPerByte])
    #expect(abs(difference.estimate + 0.2) < 1e-9 && difference.high < 0)
  }

  @Test func worseAdapterIsReportedAsWorse() async throws {
    let many = (0..<60).map { example("p\($0)", "m\($0)", "", path: "\($0).py") }
    let right = Dictionary(uniqueKeysWithValues: many.map { ($0.prefix, $0.middle) })
    let good = ModelContender(name: "good", model: FakeModel(answers: right))
    let bad = ModelContender(name: "bad", model: FakeModel(answers: [:]))
    let evaluation = try await Evaluator().run(many, contenders: [good, bad])
    let comparison = Report(evaluation, comparing: [(1, 0)]).comparisons[0]
    #expect(comparison.improves(.exactMatch) == false)
    #expect(comparison.exactMatch == McNemar(onlyFirst: 0, onlySecond: 60))
  }

  @Test func onlySomeExamplesAreCompletedWhenSoAsked() async throws {
    let model = FakeModel(answers: [:])
    let evaluation = try await Evaluator(options: .init(completions: 3)).run(
      examples, contenders: [ModelContender(name: "fake", model: model)])
    #expect(model.callCount == 3)
    #expect(evaluation.outcomes[0].count { $0.completion != nil } == 3)
  }

  @Test func cancellationBeforeTheFirstExampleThrows() async throws {
    let model = FakeModel(answers: [:])
    let examples = self.examples
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await Evaluator().run(examples, contenders: [ModelContender(name: "fake", model: model)])
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(model.callCount == 0)
  }

  @Test func cancellationKeepsWhatAllContendersHaveAnswered() async throws {
    let examples = self.examples
    let contenders = ["one", "two"].map { ModelContender(name: $0, model: FakeModel(answers: [:])) }
    let task = Task {
      try await Evaluator().run(examples, contenders: contenders) { progress in
        if progress.done == 2 { withUnsafeCurrentTask { $0?.cancel() } }
      }
    }
    let evaluation = try await task.value
    #expect(evaluation.outcomes.map(\.count) == [2, 2])
  }

  @Test func exhaustedBudgetLeavesAPairedSample() async throws {
    let model = FakeModel(answers: [:])
    let contenders = ["one", "two"].map { ModelContender(name: $0, model: model) }
    let evaluation = try await Evaluator(options: .init(budget: .zero)).run(examples, contenders: contenders)
    #expect(evaluation.outcomes.map(\.count) == [1, 1])
    #expect(evaluation.outcomes[0][0].example == evaluation.outcomes[1][0].example)
    #expect(evaluation.offered == 4)
  }

  @Test func progressRunsToTheEnd() async throws {
    var seen: [Int] = []
    _ = try await Evaluator().run(
      examples, contenders: [ModelContender(name: "fake", model: FakeModel(answers: [:]))]
    ) { seen.append($0.done) }
    #expect(seen == [1, 2, 3, 4])
  }

  @Test func everyExampleIsOneJSONLineWithAllAnswers() async throws {
    let model = FakeModel(answers: ["a": "one\n\"two\""])
    let contenders = ["one", "two"].map { ModelContender(name: $0, model: model) }
    let evaluation = try await Evaluator().run(examples, contenders: contenders)
    let lines = try evaluation.lines(of: examples).split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == 4)
    for (line, number) in zip(lines, evaluation.outcomes[0].map(\.example)) {
      let value = try JSONValue(parsing: Array(line))
      #expect(value["middle"]?.stringValue == examples[number].middle)
      #expect(value["outcomes"]?.arrayValue?.count == 2)
      #expect(
        value["outcomes"]?[1]?["completion"]?["endedItself"]?.boolValue == (examples[number].prefix == "a"))
    }
  }

  @Test func reportIsReadableAsTableAndAsJSON() async throws {
    let contenders = ["base", "mine"].map {
      ModelContender(name: $0, model: FakeModel(answers: ["a": "one"]))
    }
    let eight = examples + (5...8).map { example("\($0)", "yes", "", path: "\($0).py") }
    let report = Report(try await Evaluator().run(eight, contenders: contenders), comparing: [(1, 0)])
    let table = report.table()
    #expect(table.contains("mine against base"))
    #expect(table.contains("the same"))
    let json = report.json
    #expect(json["contenders"]?[0]?["exactMatch"]?["estimate"]?.doubleValue == 0.125)
    #expect(json["comparisons"]?[0]?["lossPerByte"]?["verdict"]?.stringValue == "unclear")
  }

  @Test(arguments: [1, 4])
  func differenceInFewFilesIsNoVerdict(files: Int) async throws {
    let many = (0..<40).map { example("p\($0)", "m\($0)", "", path: "\($0 % files).py") }
    let model = FakeModel(answers: [:]) { adapter, _, _ in adapter == nil ? 1 : 0.5 }
    let contenders = [nil, "good"].map { ModelContender(name: $0 ?? "base", model: model, adapter: $0) }
    let report = Report(try await Evaluator().run(many, contenders: contenders), comparing: [(1, 0)])
    #expect(report.comparisons[0].improves(.lossPerByte) == nil)
    #expect(report.table().contains { $0 == "–" } && report.table().contains("too few files"))
    #expect(!report.table().contains("better") && !report.table().contains("["))
    let difference = report.json["comparisons"]?[0]?["lossPerByte"]
    #expect(difference?["verdict"] == "too few files" && difference?["estimate"] == .double(-0.5))
    #expect(difference?["low"] == .null && difference?["high"] == .null)
  }

  @Test(arguments: [
    (Measure.lossPerByte, -0.0004, "0.000"), (.lossPerByte, -0.0356, "-0.036"), (.exactMatch, 0.0249, "+2.5"),
    (.matchingPrefix, 0.04, "0.0"),
  ])
  func differencesAreSignedAndRounded(measure: Measure, value: Double, text: String) {
    #expect(measure.text(value, signed: true) == text)
    #expect(Measure.exactMatch.text(0.125) == "12.5 %")
  }
}
