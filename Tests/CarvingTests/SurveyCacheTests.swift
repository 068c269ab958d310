import Corpus
import Database
import Foundation
import Synchronization
import Testing

@testable import Carving

struct SurveyCacheTests {
  private func carve(_ tree: any SourceTree, cache: String, seed: UInt64 = 1) throws -> (
    CarvingReport, [FIMExample]
  ) {
    var options = CarvingRun.Options()
    options.cachePath = cache
    options.seed = seed
    let list = ExampleList()
    let run = CarvingRun(trees: [tree], options: options, catalog: Corpora.catalog)
    return (try run.write(to: [CarvingOutput(.train, list)]), list.examples)
  }

  @Test(arguments: [false, true])
  func onlyWhatChangedIsParsedAgain(isCommit: Bool) throws {
    let folder = try OutputFolder()
    let cache = folder.path + "/cache.sqlite"
    var files = RandomPython.files(20)
    let (first, examples) = try carve(MemoryTree(files, objects: isCommit), cache: cache)
    #expect(first.parsedFiles == 20)
    let (second, again) = try carve(MemoryTree(files, objects: isCommit), cache: cache)
    #expect(second.parsedFiles == 0)
    #expect(second.cachedFiles == 20)
    #expect(again == examples)
    files["pkg3/module_3.py"]? += "\n\ndef added(first, second):\n    return first + second\n"
    let (third, changed) = try carve(MemoryTree(files, objects: isCommit), cache: cache)
    #expect(third.parsedFiles == 1)
    #expect(changed == (try carve(MemoryTree(files), cache: folder.path + "/other.sqlite").1))
    #expect(try carve(MemoryTree(files), cache: cache, seed: 2).0.parsedFiles == 20)
  }

  @Test func blobsThatAreKnownAreNotReadInTheFirstPass() throws {
    let folder = try OutputFolder()
    let cache = folder.path + "/cache.sqlite"
    _ = try carve(RandomPython.tree(10, objects: true), cache: cache)
    let tree = RandomPython.tree(10, objects: true)
    var options = CarvingRun.Options()
    options.cachePath = cache
    options.seed = 1
    _ = try CarvingRun(trees: [tree], options: options, catalog: Corpora.catalog).survey()
    #expect(tree.reads == 0)
  }

  @Test(arguments: [
    "UPDATE surveys SET value = x'00ff'", "UPDATE surveys SET value = zeroblob(100000)",
    "UPDATE surveys SET stamp = stamp + 1", "UPDATE surveys SET value = CAST(value || x'00' AS BLOB)",
    "UPDATE surveys SET value = (SELECT value FROM surveys ORDER BY rowid LIMIT 1)", "DROP TABLE surveys",
  ])
  func damagedRowsAreAsGoodAsMissing(sql: String) throws {
    let folder = try OutputFolder()
    let cache = folder.path + "/cache.sqlite"
    let tree = RandomPython.tree(8)
    let (_, examples) = try carve(tree, cache: cache)
    do {
      let connection = try Connection(
        path: cache, schema: Schema(name: "carving cache", applicationID: 0x4743_5256, migrations: [""]))
      try connection.execute(sql)
    }
    let (_, again) = try carve(tree, cache: cache)
    #expect(again == examples)
  }

  @Test func aCacheThatFailsIsMentioned() throws {
    let folder = try OutputFolder()
    let cache = folder.path + "/cache.sqlite"
    let tree = RandomPython.tree(8)
    #expect(try carve(tree, cache: cache).0.cacheFault == nil)
    do {
      let connection = try Connection(
        path: cache, schema: Schema(name: "carving cache", applicationID: 0x4743_5256, migrations: [""]))
      try connection.execute("DROP TABLE surveys")
    }
    let report = try carve(tree, cache: cache).0
    #expect(report.cacheFault?.contains("surveys") == true)
    #expect(report.parsedFiles == 8)
  }

  @Test func runsShareACache() throws {
    let folder = try OutputFolder()
    let cache = folder.path + "/cache.sqlite"
    let files = RandomPython.files(40)
    let alone = try carve(MemoryTree(files), cache: folder.path + "/other.sqlite").1
    let results = Mutex<[(fault: String?, examples: [FIMExample])]>([])
    for _ in 0..<2 {
      DispatchQueue.concurrentPerform(iterations: 3) { _ in
        guard let (report, examples) = try? carve(MemoryTree(files), cache: cache)
        else { return }
        results.withLock { $0.append((report.cacheFault, examples)) }
      }
    }
    let found = results.withLock { $0 }
    #expect(found.count == 6)
    #expect(found.allSatisfy { $0.fault == nil && $0.examples == alone })
    #expect(try carve(MemoryTree(files), cache: cache).0.cachedFiles == 40)
  }

  @Test func aFileOfAnotherKindIsLeftAloneAndTheRunGoesOn() throws {
    let folder = try OutputFolder()
    let text = "no database at all, but long enough to be looked at by somebody\n"
    try folder.write("cache.sqlite", text)
    var options = CarvingRun.Options()
    options.cachePath = folder.path + "/cache.sqlite"
    let corpus = try CarvingRun(trees: [RandomPython.tree(2)], options: options, catalog: Corpora.catalog)
      .survey()
    #expect(corpus.cacheFault?.contains("cache.sqlite") == true)
    #expect(corpus.parsedFiles == 2)
    #expect(try String(contentsOfFile: folder.path + "/cache.sqlite", encoding: .utf8) == text)
  }

  @Test func theOldestEntriesGoFirst() throws {
    let folder = try OutputFolder()
    let path = folder.path + "/cache.sqlite"
    let value = [UInt8](repeating: 7, count: 2_000)
    func key(_ number: Int) -> ContentHash { ContentHash(Array("\(number)".utf8)) }
    do {
      let cache = try SurveyCache(path: path, now: 100)
      for number in 0..<600 { cache.keep(value, for: key(number)) }
      cache.flush()
    }
    let cache = try SurveyCache(path: path, now: 200)
    #expect(cache.value(for: key(5)) == value)
    for number in 600..<1_000 { cache.keep(value, for: key(number)) }
    cache.flush()
    cache.shrink(to: 2_600_000)
    #expect(cache.value(for: key(6)) == nil)
    #expect(cache.value(for: key(5)) == value)
    #expect(cache.value(for: key(900)) == value)
  }

  @Test func mutatedSurveysAreRefusedOrHarmless() throws {
    let tree = MemoryTree(["a.py": RandomPython.file(1)])
    let run = CarvingRun(trees: [tree], catalog: Corpora.catalog)
    let packed = Surveyor(run: run, epoch: 0, cache: nil).survey(tree.entries[0], in: tree).outcome.packed
    let outcome = try #require(SurveyOutcome(packed: packed))
    #expect(outcome.packed == packed)
    let file = Corpora.file("a.py", "python", RandomPython.file(2))
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<3_000 {
      var bytes = packed
      for _ in 0..<(1 + generator.below(3)) {
        bytes[generator.below(bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
      }
      if generator.chance(0.3) { bytes = Array(bytes.prefix(generator.below(bytes.count))) }
      if case .surveyed(let survey)? = SurveyOutcome(packed: bytes) {
        for hole in survey.cuts.holes { _ = hole.example(in: file) }
      }
    }
  }
}
