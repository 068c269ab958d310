import Corpus
import Database
import Foundation
import Generation
import Synchronization
import Syntax
import Testing

@testable import Search

/// A folder of code with an index beside it; both disappear with the test.
final class SampleCode: Sendable {
  let folder: String
  var root: String { folder + "/code" }

  init(_ files: [String: String] = SampleCode.files) throws {
    folder =
      FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder + "/code", withIntermediateDirectories: true)
    for (path, text) in files { try write(path, text) }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func write(_ path: String, _ text: String) throws {
    let url = URL(fileURLWithPath: root + "/" + path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  func index() throws -> ChunkIndex {
    try ChunkIndex(root: root, folder: folder + "/search", catalog: Self.catalog)
  }

  /// The grammars that scripts/grammars builds.
  static let catalog = LanguageCatalog(directories: [
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent(".build/grammars").path
  ])

  static let files = [
    "net/http.py": """
    import socket


    class HTTPHeaderParser:
        def __init__(self, stream):
            self.stream = stream
            self.fields = {}

        def parse_header(self, line):
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()
            return self.fields

        def closeStream(self):
            self.stream.close()
            self.stream = None
            return True
    """,
    "math/stats.py": """
    def arithmetic_mean(values):
        total = sum(values)
        count = len(values)
        return total / count


    def standard_deviation(values):
        centre = arithmetic_mean(values)
        squares = [(value - centre) ** 2 for value in values]
        return arithmetic_mean(squares) ** 0.5
    """,
  ]
}

/// Prefers chunks that hold its favourite text; counts what it is asked.
final class FakeModel: InfillModel {
  struct Unavailable: Error {}

  private let favourite: [UInt8]
  private let questions = Mutex<[InfillRequest]>([])
  let onScore: @Sendable () -> Void

  init(favourite: String, onScore: @escaping @Sendable () -> Void = {}) {
    self.favourite = Array(favourite.utf8)
    self.onScore = onScore
  }

  var asked: [InfillRequest] { questions.withLock { $0 } }

  func infill(_ request: InfillRequest) async throws -> InfillResult { throw Unavailable() }

  func middleLogProbability(_ middle: [UInt8], in request: InfillRequest, order: PromptOrder) async throws
    -> Double
  {
    questions.withLock { $0.append(request) }
    onScore()
    let text = String(decoding: request.suffix + request.prefix, as: UTF8.self)
    return text.contains(String(decoding: favourite, as: UTF8.self)) ? -1 : -Double(middle.count)
  }

  func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double {
    throw Unavailable()
  }
}

struct TermSplitterTests {
  struct Case: CustomTestStringConvertible {
    let text: String
    let terms: [String]
    var testDescription: String { text }
  }

  @Test(arguments: [
    Case(text: "parseHTTPHeader", terms: ["parse", "http", "header", "parsehttpheader"]),
    Case(text: "snake_case_name", terms: ["snake", "case", "name", "snakecasename"]),
    Case(text: "sha256 utf8Data", terms: ["sha", "256", "sha256", "utf", "8", "data", "utf8data"]),
    Case(text: "__init__", terms: ["init"]),
    Case(text: "MAX_SIZE = 3", terms: ["max", "size", "maxsize", "3"]),
    Case(text: "größe(x)", terms: ["größe", "x"]),
    Case(text: "ABC", terms: ["abc"]),
    Case(text: "\"quoted\" a-b", terms: ["quoted", "a", "b"]),
    Case(text: "\0\n;", terms: []),
  ])
  func identifiersSplitAtTheirBorders(_ sample: Case) {
    #expect(TermSplitter.terms(sample.text.utf8) == sample.terms)
  }

  @Test func questionsLoseEmptyWordsUnlessThereAreNoOthers() {
    #expect(TermSplitter.queryTerms("How do we parse the header?") == ["parse", "header"])
    #expect(TermSplitter.queryTerms("what is it") == ["what", "is", "it"])
    #expect(TermSplitter.queryTerms(String(repeating: "word", count: 5_000)).isEmpty)
    let many = (0..<500).map { "w\(["a", "b", "c"][$0 % 3])\($0)" }.joined(separator: " ")
    #expect(TermSplitter.queryTerms(many).count == 48)
  }
}

struct ChunkIndexTests {
  @Test func chunksAreFoundByPartsOfTheirNames() async throws {
    let code = try SampleCode()
    let index = try code.index()
    let summary = try await index.refresh()
    #expect(summary.files == 2 && summary.changed == 2 && summary.chunks >= 4)
    let best = try #require(try await index.candidates(for: "parse a header", limit: 5).first)
    #expect(best.path == "net/http.py")
    #expect(best.lineRange.contains(9))
    let text = String(decoding: try #require(index.text(of: best)), as: UTF8.self)
    #expect(text.contains("def parse_header"))
  }

  @Test func wholeIdentifierAndItsPartsFindTheSameFunction() async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    for query in ["standard_deviation", "standardDeviation", "deviation standard", "deviations"] {
      let best = try await index.candidates(for: query, limit: 3).first
      #expect(best?.symbol == "standard_deviation" && best?.lineRange == 7...10, "\(query)")
    }
  }

  @Test func onlyChangedFilesAreReadAgain() async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    #expect(try await index.refresh().changed == 0)
    try code.write(
      "math/stats.py", "def harmonic_mean(values):\n    return len(values) / sum(1 / v for v in values)\n")
    let summary = try await index.refresh()
    #expect(summary.changed == 1)
    #expect(try await index.candidates(for: "deviation", limit: 5).isEmpty)
    #expect(try await index.candidates(for: "harmonic", limit: 5).count == 1)
  }

  @Test func sameSizeAndSameTimeStillSeesNewContents() async throws {
    let code = try SampleCode(["a.py": "def alpha(value):\n    result = value\n    return result\n"])
    let index = try code.index()
    _ = try await index.refresh()
    let path = code.root + "/a.py"
    let time = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
    try code.write("a.py", "def gamma(value):\n    result = value\n    return result\n")
    try FileManager.default.setAttributes([.modificationDate: try #require(time)], ofItemAtPath: path)
    _ = try await index.refresh()
    #expect(try await index.candidates(for: "gamma", limit: 5).count == 1)
  }

  @Test func removedFilesLeaveTheIndex() async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    try FileManager.default.removeItem(atPath: code.root + "/net/http.py")
    let summary = try await index.refresh()
    #expect(summary.removed == 1 && summary.files == 1)
    #expect(try await index.candidates(for: "header", limit: 5).isEmpty)
  }

  @Test func folderWithoutCodeIsAClearError() async throws {
    let code = try SampleCode(["picture.bin": "\0\0"])
    let index = try code.index()
    let error = await #expect(throws: CorpusError.self) { try await index.refresh() }
    #expect(error?.description.contains("code") == true)
  }

  @Test func damagedIndexIsReportedAndKept() async throws {
    let code = try SampleCode()
    _ = try await code.index().refresh()
    let folder = code.folder + "/search"
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      let path = folder + "/" + name
      if name.hasSuffix(".sqlite") {
        try Data(repeating: 0x58, count: 8_192).write(to: URL(fileURLWithPath: path))
      } else {
        try FileManager.default.removeItem(atPath: path)
      }
    }
    #expect(throws: DatabaseError.self) { try code.index() }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
  }

  @Test(arguments: [
    "", " ", "\"", "'", "\"unbalanced", "AND", "OR NOT NEAR", "NEAR(a b)", "name:parse", "parse*", "^parse",
    "-parse",
    "(parse", "parse)", "a + b", "{code path}: x", "🦊", "🦊 parse 🦊", "日本語", "\0", "parse\0header", "%_[]",
    "; DROP TABLE chunk;",
    String(repeating: "parse header ", count: 800), String(repeating: "x", count: 10_240),
    String(repeating: "\"(", count: 5_000),
  ])
  func hostileQuestionsAreOnlyWords(_ query: String) async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    let found = try await index.candidates(for: query, limit: 5)
    if query.contains("parse") { #expect(found.first?.path == "net/http.py") }
    #expect(try await index.refresh().chunks >= 4)
  }

  @Test func twoIndexesOfOneFolderRefreshAtOnce() async throws {
    let files = Dictionary(
      uniqueKeysWithValues: (0..<150).map {
        ("f\($0).py", "def function_\($0)(value):\n    result = value + \($0)\n    return result\n")
      })
    let code = try SampleCode(files)
    try await withThrowingTaskGroup(of: ChunkIndex.Refresh.self) { group in
      for _ in 0..<2 {
        group.addTask { try await code.index().refresh() }
      }
      for try await summary in group { #expect(summary.files == 150) }
    }
    let index = try code.index()
    #expect(try await index.refresh().chunks == 150)
    #expect(try await index.candidates(for: "function", limit: 1_000).count == 150)
  }
}

struct SearcherTests {
  @Test func withoutAModelWordsDecide() async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    let outcome = try await Searcher(index: index, model: nil).search("arithmetic mean of values")
    let hit = try #require(outcome.hits.first)
    #expect(hit.place.symbol == "arithmetic_mean" && hit.firstLine == "def arithmetic_mean(values):")
    #expect(hit.modelGain == nil && outcome.read == 0 && !outcome.isCut)
  }

  @Test func theModelLiftsAChunkThatWordsRankLower() async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    let model = FakeModel(favourite: "def standard_deviation")
    var options = Searcher.Options()
    options.modelWeight = 0.9
    let outcome = try await Searcher(index: index, model: model).search("arithmetic mean of values", options)
    let hit = try #require(outcome.hits.first)
    #expect(hit.place.symbol == "standard_deviation" && hit.lexicalRank > 1)
    #expect(try #require(hit.modelGain) > 0)
    #expect(outcome.read == outcome.candidates)
    // Once above nothing, then once above each candidate.
    #expect(model.asked.count == outcome.read + 1)
    #expect(model.asked[0].suffix == [UInt8(ascii: "\n")])
  }

  @Test func budgetEndsTheReadingAndKeepsTheRestInOrder() async throws {
    let files = Dictionary(
      uniqueKeysWithValues: (0..<30).map {
        ("f\($0).py", "def common_\($0)(value):\n    result = value + \($0)\n    return result\n")
      })
    let code = try SampleCode(files)
    let index = try code.index()
    _ = try await index.refresh()
    let clock = Mutex(0.0)
    let model = FakeModel(favourite: "nothing") { clock.withLock { $0 += 1 } }
    var options = Searcher.Options()
    options.limit = 30
    options.budgetSeconds = 6
    let searcher = Searcher(index: index, model: model) { clock.withLock { $0 } }
    let outcome = try await searcher.search("common", options)
    #expect(outcome.isCut && outcome.read == 5 && outcome.hits.count == 30)
    #expect(outcome.hits.map(\.lexicalRank) == Array(1...30))
  }

  @Test func cancelledSearchStopsBetweenChunks() async throws {
    let code = try SampleCode()
    let index = try code.index()
    _ = try await index.refresh()
    let model = FakeModel(favourite: "x") { withUnsafeCurrentTask { $0?.cancel() } }
    await #expect(throws: CancellationError.self) {
      try await Task { try await Searcher(index: index, model: model).search("values mean") }.value
    }
    #expect(model.asked.count == 1)
  }

  @Test func modelReadsAtMostItsShareOfAChunkAndQuestion() async throws {
    let long = "def long_function():\n" + (0..<50).map { "    värde\($0) = 'ä'\n" }.joined()
    let code = try SampleCode([
      "a.py": long, "b.py": "def long_other(value):\n    result = value\n    return result\n",
    ])
    let index = try code.index()
    _ = try await index.refresh()
    let model = FakeModel(favourite: "x")
    _ = try await Searcher(index: index, model: model).search("long " + String(repeating: "ö", count: 1_000))
    #expect(model.asked.count == 3)
    for request in model.asked {
      #expect(request.prefix.count + request.suffix.count <= 900 + 11)
      #expect(String(validating: request.suffix, as: UTF8.self) != nil)
    }
  }

  @Test func questionStandsWhereTheDocCommentIsMissing() {
    func hole(_ code: String, _ style: ChunkReader.DocStyle) -> String {
      let hole = ChunkReader.hole(in: Array(code.utf8), style)
      return String(decoding: hole.prefix + Array("1️⃣".utf8) + hole.suffix, as: UTF8.self)
    }
    let python = ChunkReader.DocStyle.inside(marker: "#")
    #expect(hole("def f(\n  a):\n    x\n", python) == "def f(\n  a):\n    \"\"\"1️⃣\"\"\"\n    x\n")
    #expect(hole("x = 1\n", python) == "# 1️⃣\nx = 1\n")
    #expect(hole("  func f() {}", .above(marker: "//")) == "  // 1️⃣\n  func f() {}")
    #expect(hole("", python) == "# 1️⃣\n")
    #expect(hole("\n:\n", python) == "\n:\n\"\"\"1️⃣\"\"\"\n")
  }

  @Test func rankingCombinesStandardScores() {
    let order = Searcher.rank([4, 3, 2, 1], gains: [0, 0, 9], weight: 0.6).map(\.place)
    #expect(order == [2, 0, 1, 3])
    #expect(Searcher.rank([4, 3], gains: [1, 1], weight: 1).map(\.place) == [0, 1])
    #expect(Searcher.rank([], gains: [], weight: 0.5).isEmpty)
    #expect(Searcher.standardScores([1, 1, 1]) == [0, 0, 0])
    #expect(Searcher.standardScores([-.infinity, 1]).allSatisfy { $0 == 0 })
  }
}
