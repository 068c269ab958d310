import Carving
import Generation
import Testing
import Weights

@testable import Evaluation

struct BreakdownTests {
  /// Right on every Python hole, wrong and endless on the others.
  private struct Half: Contender {
    let name = "half"
    func negativeLogLikelihood(of example: FIMExample, order: PromptOrder) async throws -> Double {
      Double(example.middle.utf8.count)
    }
    func complete(_ example: FIMExample, maxTokens: Int) async throws -> Completion {
      example.language == "python"
        ? Completion(bytes: Array(example.middle.utf8), endedItself: true, tokenCount: 1)
        : Completion(bytes: [], endedItself: false, tokenCount: 64)
    }
  }

  private func hole(_ prefix: String, _ middle: String, _ language: String, path: String) -> FIMExample {
    FIMExample(
      path: path, language: language, kind: .history, nodePath: "", windowStart: 0, middleStart: 0,
      middleEnd: 0, prefix: prefix, middle: middle, suffix: "")
  }

  private func evaluation(package: String = "p") async throws -> Evaluation {
    let holes = (0..<6).flatMap { index in
      [
        hole("x = ", "1 + 2", "python", path: "\(index).py"),
        hole("\n", "a = 1\nb = 2\n", "python", path: "\(index).py"),
        hole("fn f() {\n", "  g();\n", "rust", path: "\(index).rs"),
      ]
    }
    return try await Evaluator(options: .init(package: package, parses: { _, _ in true })).run(
      holes, contenders: [Half()])
  }

  @Test func shapesAreToldByWhatStandsOnTheLine() {
    #expect(HoleShape(hole("x = ", "1", "python", path: "a")) == .lineTail)
    #expect(HoleShape(hole("x\n", "y = 1\n", "python", path: "a")) == .wholeLine)
    #expect(HoleShape(hole("x\n    ", "\n\n    y = 1\n", "python", path: "a")) == .wholeLine)
    #expect(HoleShape(hole("x = ", "[\n1]", "python", path: "a")) == .severalLines)
    #expect(HoleShape(hole("x = ", "", "python", path: "a")) == .lineTail)
  }

  @Test func figuresOfALanguageComeFromItsHolesOnly() async throws {
    let evaluation = try await evaluation()
    let breakdown = Breakdown(evaluation, by: .language)
    #expect(breakdown.parts.map(\.value) == ["python", "rust"])
    #expect(breakdown.parts.map(\.scored) == [12, 6] && breakdown.parts.map(\.fileCount) == [6, 6])
    let figures = breakdown.parts.map { $0.rows[0].figures }
    #expect(figures[0][.exactMatch]?.estimate == 1 && figures[1][.exactMatch]?.estimate == 0)
    #expect(figures[0][.endRate]?.estimate == 1 && figures[1][.endRate]?.estimate == 0)
    #expect(figures[0][.answered]?.estimate == 1 && figures[1][.answered]?.estimate == 0)
    // An answer without text parses in nobody's sense.
    #expect(figures[0][.parses]?.estimate == 1 && figures[1][.parses] == nil)
  }

  @Test func figuresOfOneLineLeaveLongerHolesOut() async throws {
    let evaluation = try await evaluation()
    let all = Report(evaluation, comparing: []).rows[0].figures
    #expect(all[.exactMatch]?.estimate == 12.0 / 18 && all[.singleLineExact]?.estimate == 0.5)
    let shapes = Breakdown(evaluation, by: .shape)
    #expect(shapes.parts.map(\.value) == ["lineTail", "severalLines", "wholeLine"])
    #expect(shapes.parts[1].rows[0].figures[.singleLineExact] == nil)
    let cells = shapes.table().split(separator: "\n")
    #expect(cells.count == 1 + 3 + 2 && cells[0].hasPrefix("lineTail (6 holes)"))
  }

  @Test func resultFilesPoolToTheReportOfAllTheirHoles() async throws {
    let one = try await evaluation(package: "one")
    let two = try await evaluation(package: "two")
    func bytes(_ evaluation: Evaluation) throws -> [UInt8] {
      try evaluation.lines(of: Array(repeating: hole("", "m", "python", path: ""), count: 18))
    }
    let pooled = try Evaluation(resultFiles: [("one.jsonl", bytes(one)), ("two.jsonl", bytes(two))])
    #expect(pooled.outcomes[0].count == 36 && pooled.offered == 36)
    #expect(pooled.outcomes[0].map(\.example) == Array(0..<36))
    let report = Report(pooled, comparing: [])
    #expect(report.fileCount == 24, "files of the same path in two packages are two files")
    #expect(report.rows[0].figures[.exactMatch]?.estimate == 12.0 / 18)
    #expect(Breakdown(pooled, by: .package).parts.map(\.value) == ["one", "two"])
  }

  @Test func brokenResultFilesNameFileAndLine() async throws {
    let good = try await evaluation().lines(
      of: Array(repeating: hole("", "m", "python", path: ""), count: 18))
    func message(_ files: [(path: String, bytes: [UInt8])]) -> String {
      do {
        _ = try Evaluation(resultFiles: files)
        return "read"
      } catch { return "\(error)" }
    }
    #expect(message([("f", good)]) == "read")
    #expect(message([("f", [])]).hasPrefix("f: no hole"))
    #expect(message([("f", good + Array("{\n".utf8))]).hasPrefix("f:19: not a hole"))
    #expect(message([("f", Array("{\"outcomes\": []}\n".utf8))]).hasPrefix("f:1: a hole that nobody"))
    #expect(message([("f", Array("{}".utf8))]).hasPrefix("f:1: outcomes is missing"))
    let other = String(decoding: good, as: UTF8.self).replacing("\"half\"", with: "\"whole\"")
    #expect(message([("f", good), ("g", Array(other.utf8))]).hasPrefix("g: answered by whole"))
    let zero = String(decoding: good, as: UTF8.self).replacing("\"middleBytes\":5", with: "\"middleBytes\":0")
    #expect(message([("f", Array(zero.utf8))]).contains("not to one hole"))
  }
}
