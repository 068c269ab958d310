import Context
import Database
import Foundation
import Synchronization
import Testing

@testable import Carving

/// Examples without sense, whose middles are numbers.
private func examples(_ count: Int, language: String = "python", kind: FIMExample.Kind = .node)
  -> [FIMExample]
{
  (0..<count).map { number in
    FIMExample(
      path: "\(language)/file\(number / 10)", language: language, kind: kind, nodePath: "", windowStart: 0,
      middleStart: 4, middleEnd: 14, prefix: "let ", middle: String(format: "%010d", number), suffix: "\n")
  }
}

/// A model that finds larger numbers harder, and counts how often it is asked.
private final class FakeModel: Sendable {
  let asked = Mutex<[String]>([])
  let total: Int
  let stopAfter: Int

  struct Stopped: Error {}

  init(total: Int, stopAfter: Int = .max) {
    self.total = total
    self.stopAfter = stopAfter
  }

  func score(_ example: FIMExample) throws -> HardnessScore {
    let count = asked.withLock { asked in
      asked.append(example.middle)
      return asked.count
    }
    if count > stopAfter { throw Stopped() }
    return HardnessScore(
      negativeLogLikelihood: 10 * Double(Int(example.middle) ?? 0) / Double(total), tokenCount: 5)
  }

  func pass(_ cache: HardnessCache? = nil, model: String = "m") -> HardnessPass {
    HardnessPass(model: model, cache: cache) { try self.score($0) }
  }
}

private func temporaryFile() -> String {
  FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)/h.sqlite").path
}

@Suite struct HardnessTests {
  @Test func theMiddleBandIsKeptAndTheRestNowAndThen() async throws {
    let all = examples(1_000)
    let selection = try await FakeModel(total: 1_000).pass().select(from: all, seed: 1)
    let kept = Set(selection.examples.map { Int($0.middle) ?? -1 })
    // Difficulty is number / 1000 nats per byte; borders at the 300th, 900th and 990th.
    let borders = try #require(selection.report.bands.languages["python"])
    #expect(
      zip([borders.easy, borders.hard, borders.noise], [0.299, 0.899, 0.989]).allSatisfy {
        abs($0 - $1) < 1e-12
      })
    #expect(kept.isSuperset(of: 299...899))
    #expect(kept.isDisjoint(with: 990..<1_000))
    let (easy, hard) = (kept.count { $0 < 299 }, kept.count { $0 > 899 })
    #expect((60...120).contains(easy) && (12...45).contains(hard))
    #expect(selection.examples.map(\.middle) == selection.examples.map(\.middle).sorted())
    #expect(
      selection.examples.allSatisfy { abs(($0.difficulty ?? -1) - (Double($0.middle) ?? 0) / 1_000) < 1e-12 })
    let counts = try #require(selection.report.counts["python"])
    #expect(counts["middle"]?.found == 601 && counts["middle"]?.kept == 601)
    #expect(counts["easy"]?.found == 299 && counts["easy"]?.kept == easy)
    #expect(counts["noise"]?.found == 10 && counts["noise"]?.kept == 0)
  }

  @Test func whatIsKeptDependsOnSeedAndExamplesNotOnTheirOrder() async throws {
    let all = examples(500)
    func kept(_ examples: [FIMExample], seed: UInt64) async throws -> Set<String> {
      Set(try await FakeModel(total: 500).pass().select(from: examples, seed: seed).examples.map(\.middle))
    }
    let first = try await kept(all, seed: 7)
    #expect(try await kept(all.reversed(), seed: 7) == first)
    #expect(try await kept(all, seed: 8) != first)
  }

  @Test func eachLanguageHasBandsOfItsOwn() async throws {
    // Go's examples are harder than all of Python's, and its band lies where they are.
    let hard = examples(100, language: "go").map { example in
      var example = example
      example.middle = String(format: "%010d", 500 + (Int(example.middle) ?? 0))
      return example
    }
    let few = examples(10, language: "zig")
    let selection = try await FakeModel(total: 1_000).pass().select(from: examples(100) + hard + few, seed: 1)
    let bands = selection.report.bands
    #expect(Set(bands.languages.keys) == ["python", "go"])
    #expect(bands.languages["python"]?.hard ?? 1 < bands.languages["go"]?.easy ?? 0)
    #expect(bands.all?.count == 210)
    // Ten examples are too few for bands: against all, each of them is easy.
    #expect(selection.report.counts["zig"]?.keys.sorted() == ["easy"])
  }

  @Test func moreThanThreeNatsATokenIsNoise() async throws {
    let pass = HardnessPass(model: "m", cache: nil) { example in
      HardnessScore(negativeLogLikelihood: 6.2, tokenCount: example.middle.hasSuffix("1") ? 2 : 3)
    }
    let selection = try await pass.select(from: examples(100), seed: 1)
    #expect(selection.examples.count == 90 && selection.examples.allSatisfy { !$0.middle.hasSuffix("1") })
  }

  @Test func aWeakModelDoesNotTakeHalfOfTheCodeForNoise() async throws {
    // Four nats a token and more for nine in ten: the limit of three is not for this model.
    let pass = HardnessPass(model: "m", cache: nil) { example in
      HardnessScore(negativeLogLikelihood: example.middle.hasSuffix("0") ? 7 : 4, tokenCount: 1)
    }
    let selection = try await pass.select(from: examples(100), seed: 1)
    #expect(selection.report.bands.languages["python"]?.natsPerToken == 4)
    #expect(selection.report.counts["python"]?["noise"]?.found == 10)
    #expect(selection.examples.count == 90)
  }

  @Test(arguments: [Double.nan, .infinity, -1])
  func whatIsNoScoreIsCountedAndNotKept(value: Double) async throws {
    let path = temporaryFile()
    let cache = try HardnessCache(path: path)
    let pass = HardnessPass(model: "m", cache: cache) { example in
      HardnessScore(negativeLogLikelihood: example.middle.hasSuffix("0") ? value : 1, tokenCount: 4)
    }
    let selection = try await pass.select(from: examples(100), seed: 1)
    #expect(selection.examples.count == 90)
    #expect(selection.report.counts["python"]?["unscored"] == HardnessReport.Count(found: 10, kept: 0))
    #expect(cache.storedCount == 90)
  }

  @Test func plainDocumentsAreNotAsked() async throws {
    let model = FakeModel(total: 100)
    let plain = examples(5, kind: .plain)
    let selection = try await model.pass().select(from: plain + examples(100), seed: 1)
    #expect(selection.examples.prefix(5) == plain[...])
    #expect(model.asked.withLock { $0.count } == 100)
  }

  @Test func nothingToScoreIsNoError() async throws {
    let selection = try await FakeModel(total: 1).pass().select(from: [], seed: 1)
    #expect(selection.examples.isEmpty && selection.report.bands.all == nil)
  }
}

@Suite struct HardnessCacheTests {
  @Test func aPassThatWasStoppedGoesOnWhereItStopped() async throws {
    let path = temporaryFile()
    let all = examples(100)
    let first = FakeModel(total: 100, stopAfter: 37)
    await #expect(throws: FakeModel.Stopped.self) {
      try await first.pass(HardnessCache(path: path)).select(from: all, seed: 1)
    }
    let second = FakeModel(total: 100)
    var cached: [Int] = []
    let selection = try await second.pass(HardnessCache(path: path)).select(from: all, seed: 1) {
      cached.append($0.cached)
    }
    #expect(second.asked.withLock { $0 } == all.dropFirst(37).map(\.middle))
    #expect(Set(cached) == [37])
    let without = try await FakeModel(total: 100).pass().select(from: all, seed: 1)
    #expect(selection.examples == without.examples && selection.report == without.report)
    // And a third time nobody is asked.
    let third = FakeModel(total: 100)
    #expect(
      try await third.pass(HardnessCache(path: path)).select(from: all, seed: 1).examples == without.examples)
    #expect(third.asked.withLock { $0.isEmpty })
  }

  @Test func whatAKilledProcessStoredIsThere() async throws {
    // The file as it is while a pass runs: copied with its log, opened elsewhere.
    let path = temporaryFile()
    let copy = temporaryFile()
    let cache = try HardnessCache(path: path)
    let all = examples(40)
    let folder = URL(fileURLWithPath: copy).deletingLastPathComponent()
    let pass = HardnessPass(model: "m", cache: cache) { example in
      if example.middle.hasSuffix("35") {
        try FileManager.default.copyItem(
          at: URL(fileURLWithPath: path).deletingLastPathComponent(), to: folder)
      }
      return HardnessScore(negativeLogLikelihood: 1, tokenCount: 1)
    }
    _ = try await pass.scores(of: all)
    #expect(try HardnessCache(path: copy).storedCount == 32)
  }

  @Test func cancellingKeepsWhatIsDone() async throws {
    let path = temporaryFile()
    let cache = try HardnessCache(path: path)
    let all = examples(50)
    let task = Task {
      let pass = HardnessPass(model: "m", cache: cache) { example in
        if example.middle.hasSuffix("19") { withUnsafeCurrentTask { $0?.cancel() } }
        return HardnessScore(negativeLogLikelihood: 1, tokenCount: 1)
      }
      return try await pass.scores(of: all)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(cache.storedCount == 20)
  }

  @Test func everythingThatTheModelSeesIsPartOfTheQuestion() {
    let example = examples(1)[0]
    func changed(_ change: (inout FIMExample) -> Void) -> FIMExample {
      var copy = example
      change(&copy)
      return copy
    }
    let others = [
      changed { $0.path = "other" }, changed { $0.prefix = "lett " }, changed { $0.middle += "1" },
      changed { $0.suffix = "" },
      changed { $0.context = [ContextSnippet(path: "a", source: .test, firstLine: 1, text: "b")] },
      changed { ($0.prefix, $0.middle) = ("let 0", String($0.middle.dropFirst())) },
    ]
    let keys = Set(
      (others + [example]).map { HardnessKey($0, model: "m") } + [HardnessKey(example, model: "n")])
    #expect(keys.count == 8 && keys.allSatisfy { $0.bytes.count == 16 })
    #expect(HardnessKey(changed { $0.windowStart = 9 }, model: "m") == HardnessKey(example, model: "m"))
  }

  @Test func theFileDoesNotGrowWithoutEnd() async throws {
    let path = temporaryFile()
    let model = FakeModel(total: 100)
    _ = try await model.pass(HardnessCache(path: path, maximumCount: 100)).scores(of: examples(80))
    // Used again, so that the other 70 are the ones to go.
    let second = try HardnessCache(path: path, maximumCount: 100)
    _ = try await model.pass(second).scores(of: Array(examples(10)))
    _ = try await model.pass(second).scores(of: examples(60, language: "go"))
    #expect(second.storedCount <= 100)
    let asked = model.asked.withLock { $0.count }
    _ = try await model.pass(HardnessCache(path: path)).scores(
      of: examples(10) + examples(60, language: "go"))
    #expect(model.asked.withLock { $0.count } == asked)
  }

  @Test func aDamagedFileIsAnErrorThatNamesIt() throws {
    let path = temporaryFile()
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("no database, but long enough to be taken for one".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: DatabaseError.self) { try HardnessCache(path: path) }
  }
}
