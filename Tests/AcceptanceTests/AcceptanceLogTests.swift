import Database
import Foundation
import Synchronization
import Testing

@testable import Acceptance

/// A folder that disappears with the test.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A log with a clock that the test turns.
private struct Bench {
  let folder: TemporaryFolder
  let clock = Clock()
  let log: AcceptanceLog
  var path: String { folder.path + "/acceptance.sqlite" }

  final class Clock: Sendable {
    private let milliseconds = Mutex(1_700_000_000_000)
    var now: Int { milliseconds.withLock { $0 } }
    func advance(_ by: Int) { milliseconds.withLock { $0 += by } }
  }

  init(evidence: Evidence = .client) throws {
    folder = try TemporaryFolder()
    let clock = clock
    log = try AcceptanceLog(path: folder.path + "/acceptance.sqlite", delayMs: 5) { clock.now }
    log.startSession(SessionRecord(client: "test", workspace: "/secret/place", evidence: evidence))
  }

  @discardableResult
  func suggest(
    language: String = "python", adapter: String? = nil, kind: String = "block", length: Int = 10,
    totalMs: Double = 20, chain: RecordID? = nil
  ) -> SuggestionRecord {
    var request = RequestRecord(language: language, path: "/secret/place/file.py", outcome: .produced)
    request.adapter = adapter
    request.nodeKind = kind
    request.totalMs = totalMs
    request.promptTokens = 100
    request.cachedTokens = 75
    log.record(request: request)
    let suggestion = SuggestionRecord(
      requestID: request.id, chainID: chain, length: length, lines: 1, tokens: 3, meanLogProbability: -0.5,
      minLogProbability: -1)
    log.record(suggestion: suggestion)
    return suggestion
  }

  func show(_ suggestion: SuggestionRecord, for milliseconds: Int = 1_000, then kind: EventKind? = nil) {
    log.record(event: .shown, suggestionID: suggestion.id, evidence: .client)
    clock.advance(milliseconds)
    if let kind { log.record(event: kind, suggestionID: suggestion.id, evidence: .client) }
  }

  func report(by grouping: AcceptanceReport.Grouping? = nil, since: Int = 0) throws -> AcceptanceReport {
    log.flush()
    return try AcceptanceReport(path: path, sinceMs: since, by: grouping)
  }
}

struct AcceptanceLogTests {
  @Test func ratesCountWhatWasShown() throws {
    let bench = try Bench()
    bench.show(bench.suggest(totalMs: 10), then: .accepted)
    bench.show(bench.suggest(totalMs: 30), then: .dismissed)
    bench.show(bench.suggest(totalMs: 40), then: .replaced)
    bench.suggest()
    let report = try bench.report()
    let row = try #require(report.totals.first)
    #expect(report.requests == 4 && report.outcomes == [.produced: 4])
    #expect((row.shown, row.accepted, row.dismissed, row.replaced) == (3, 1, 1, 1))
    #expect(row.acceptance == Proportion.wilson(successes: 1, trials: 3))
    #expect(row.characterAcceptance == 1.0 / 3)
    #expect(row.latencyP50 == 30 && row.latencyP95 == 40)
    #expect(report.reusedShare == 0.75)
  }

  @Test func displayTooShortToReadCountsOnlyWhenAccepted() throws {
    let bench = try Bench()
    bench.show(bench.suggest(), for: 100, then: .dismissed)
    bench.show(bench.suggest(), for: 100, then: .accepted)
    let row = try #require(try bench.report().totals.first)
    #expect((row.shown, row.accepted, row.dismissed) == (1, 1, 0))
  }

  @Test func typingThroughASuggestionCountsOnce() throws {
    let bench = try Bench()
    let first = bench.suggest(length: 10)
    bench.show(first, then: .typedThrough)
    let rest = bench.suggest(length: 7, chain: first.chainID)
    bench.show(rest, then: .accepted)
    let row = try #require(try bench.report().totals.first)
    #expect((row.shown, row.accepted) == (1, 1))
    #expect(row.characterAcceptance == 0.7)
  }

  @Test func chainIsWhatItsFirstSuggestionWas() throws {
    let bench = try Bench()
    let first = bench.suggest(language: "go", length: 30, totalMs: 50)
    bench.suggest(language: "c", length: 20, totalMs: 1, chain: first.chainID)
    bench.show(bench.suggest(length: 10, totalMs: 2, chain: first.chainID), then: .accepted)
    let report = try bench.report(by: .language)
    #expect(report.groups.map(\.name) == ["go"])
    #expect(report.groups.map(\.latencyP50) == [50])
    #expect(report.groups.map(\.characterAcceptance) == [10.0 / 30])
  }

  @Test(arguments: [Evidence.command, .inferred])
  func whatWasReturnedCountsAsShownWhereTheClientSaysNothing(_ evidence: Evidence) throws {
    let bench = try Bench(evidence: evidence)
    for number in 0..<100 {
      let suggestion = bench.suggest()
      guard number % 20 == 0 else { continue }
      bench.log.record(event: .accepted, suggestionID: suggestion.id, evidence: evidence)
    }
    let row = try #require(try bench.report().totals.first)
    #expect((row.shown, row.accepted) == (100, 5))
    #expect(row.acceptance?.rate == 0.05)
  }

  @Test func everyChainHasOneFateWhateverAClientSends() throws {
    let bench = try Bench()
    var generator = SplitMix(state: 11)
    for _ in 0..<200 {
      let suggestion = bench.suggest()
      for _ in 0..<Int.random(in: 0...6, using: &generator) {
        let kind = EventKind.allCases.randomElement(using: &generator) ?? .shown
        bench.log.record(
          event: kind, suggestionID: suggestion.id,
          acceptedLength: Int.random(in: -5...50, using: &generator),
          visibleMs: Bool.random(using: &generator) ? Int.random(in: -9...999, using: &generator) : nil,
          evidence: .client)
        bench.clock.advance(Int.random(in: 0...400, using: &generator))
      }
    }
    let row = try #require(try bench.report().totals.first)
    #expect(row.shown > 50)
    #expect(row.accepted + row.partial + row.dismissed + row.replaced <= row.shown)
    #expect(try #require(row.characterAcceptance) <= 1)
  }

  @Test func partialAcceptanceKeepsItsLongestLength() throws {
    let bench = try Bench()
    let suggestion = bench.suggest(length: 10)
    bench.show(suggestion)
    for length in [3, 6, 99] {
      bench.log.record(
        event: .partial, suggestionID: suggestion.id, acceptedLength: min(length, 6), evidence: .client)
    }
    let row = try #require(try bench.report().totals.first)
    #expect((row.accepted, row.partial) == (0, 1))
    #expect(row.characterAcceptance == 0.6)
  }

  @Test func groupsSplitByTheirColumn() throws {
    let bench = try Bench()
    bench.show(bench.suggest(language: "python", adapter: "mine"), then: .accepted)
    bench.show(bench.suggest(language: "go", kind: ""), then: .dismissed)
    bench.show(bench.suggest(language: "go", adapter: "mine"), then: .accepted)
    #expect(try bench.report(by: .language).groups.map(\.name) == ["go", "python"])
    #expect(try bench.report(by: .language).groups.map(\.shown) == [2, 1])
    #expect(try bench.report(by: .adapter).groups.map(\.name) == ["(base)", "mine"])
    #expect(try bench.report(by: .adapter).groups.map(\.accepted) == [0, 2])
    #expect(try bench.report(by: .kind).groups.map(\.name) == ["(unknown)", "block"])
    #expect(try bench.report(by: .day).groups.count == 1)
  }

  @Test func sinceLeavesOutOlderRequests() throws {
    let bench = try Bench()
    bench.show(bench.suggest(), then: .accepted)
    bench.clock.advance(10_000)
    let border = bench.clock.now
    bench.show(bench.suggest(), then: .dismissed)
    let row = try #require(try bench.report(since: border).totals.first)
    #expect((row.shown, row.accepted) == (1, 0))
  }

  @Test func kindsOfEvidenceAreNeverMixed() throws {
    let bench = try Bench()
    bench.show(bench.suggest(), then: .dismissed)
    bench.log.startSession(SessionRecord(client: "plain", evidence: .inferred))
    bench.show(bench.suggest(), then: .accepted)
    let report = try bench.report()
    #expect(report.totals.map(\.evidence) == [.client, .inferred])
    #expect(report.totals.map(\.accepted) == [0, 1])
  }

  @Test func noPathAndNoTextReachTheFile() throws {
    let bench = try Bench()
    bench.show(bench.suggest(), then: .accepted)
    bench.log.close()
    for name in try FileManager.default.contentsOfDirectory(atPath: bench.folder.path) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: bench.folder.path + "/" + name))
      #expect(bytes.range(of: Data("secret".utf8)) == nil, "\(name)")
      #expect(bytes.range(of: Data("file.py".utf8)) == nil, "\(name)")
    }
  }

  @Test func onePathHasOneKeyAndAnotherInstallationAnother() throws {
    let folder = try TemporaryFolder()
    let first = try KeyedHash(keyFile: folder.path + "/a.key")
    let again = try KeyedHash(keyFile: folder.path + "/a.key")
    let other = try KeyedHash(keyFile: folder.path + "/b.key")
    #expect(first("/x/y") == again("/x/y") && first("/x/y").count == 16)
    #expect(first("/x/y") != other("/x/y") && first("/x/y") != first("/x/z"))
    let mode =
      try FileManager.default.attributesOfItem(atPath: folder.path + "/a.key")[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func emptyKeyFileOfAKilledProcessIsReplaced() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.key"
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(try KeyedHash(keyFile: path)("/x") == KeyedHash(keyFile: path)("/x"))
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.size] as? Int == 16 && attributes[.posixPermissions] as? Int == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.key"])
  }

  @Test func processesThatMakeTheKeyAtOnceAgree() async throws {
    let folder = try TemporaryFolder()
    for name in (0..<20).map({ "\(folder.path)/\($0).key" }) {
      let hashes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for _ in 0..<4 { group.addTask { try KeyedHash(keyFile: name)("/x") } }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(hashes.count == 1)
    }
  }

  @Test func damagedKeyFileIsReported() throws {
    let folder = try TemporaryFolder()
    try Data(repeating: 1, count: 17).write(to: URL(fileURLWithPath: folder.path + "/a.key"))
    let error = #expect(throws: DatabaseError.self) { try KeyedHash(keyFile: folder.path + "/a.key") }
    #expect(error?.description.contains("a.key") == true)
  }

  @Test func eventsOfUnknownSuggestionsAreIgnored() throws {
    let bench = try Bench()
    bench.log.record(event: .accepted, suggestionID: RecordID(), evidence: .client)
    bench.show(bench.suggest(), then: .accepted)
    #expect(try bench.report().totals.first?.accepted == 1)
    #expect(bench.log.problem == nil)
  }

  @Test func entriesAreWrittenWithoutAskingAndReadByAnotherConnection() async throws {
    let bench = try Bench()
    bench.show(bench.suggest(), then: .accepted)
    var seen = 0
    for _ in 0..<400 where seen == 0 {
      try await Task.sleep(for: .milliseconds(5))
      seen = try AcceptanceReport(path: bench.path).totals.first?.accepted ?? 0
    }
    #expect(seen == 1)
  }

  @Test func twoLogsWritingOneFileLoseNothing() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/acceptance.sqlite"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let log = try AcceptanceLog(path: path, delayMs: 1)
          log.startSession(SessionRecord(client: "test", evidence: .client))
          for _ in 0..<300 {
            log.record(request: RequestRecord(language: "c", path: "p", outcome: .empty))
          }
          log.close()
          #expect(log.problem == nil)
        }
      }
      try await group.waitForAll()
    }
    #expect(try AcceptanceReport(path: path).outcomes == [.empty: 600])
  }

  @Test func entriesWaitWhileTheyCannotBeWritten() throws {
    let bench = try Bench()
    bench.log.flush()
    let other = try Connection(path: bench.path, schema: AcceptanceSchema.current)
    try other.run("DROP TABLE event;")
    bench.show(bench.suggest(), then: .accepted)
    bench.log.flush()
    #expect(bench.log.problem?.contains("event") == true)
    try other.run(
      """
      CREATE TABLE event(id INTEGER PRIMARY KEY, suggestion_id BLOB, at_ms INTEGER, kind TEXT,
        accepted_chars INTEGER, visible_ms INTEGER, cause TEXT, evidence TEXT) STRICT;
      """)
    #expect(try bench.report().totals.first?.accepted == 1)
    #expect(bench.log.problem == nil)
  }

  @Test func logThatGoesAwayWritesWhatItHolds() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/acceptance.sqlite"
    do {
      let log = try AcceptanceLog(path: path, delayMs: 3_600_000)
      log.record(request: RequestRecord(language: "c", path: "p", outcome: .failed))
    }
    #expect(try AcceptanceReport(path: path).outcomes == [.failed: 1])
  }

  @Test func damagedLogIsReportedAndKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/acceptance.sqlite"
    try Data("not a database at all, but long enough to look at".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: DatabaseError.self) { try AcceptanceLog(path: path) }
    #expect(throws: DatabaseError.self) { try AcceptanceReport(path: path) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == 49)
  }

  @Test func missingLogIsNotCreatedByAReport() throws {
    let folder = try TemporaryFolder()
    let report = try AcceptanceReport(path: folder.path + "/none.sqlite")
    #expect(report.requests == 0 && report.totals.isEmpty && report.reusedShare == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func identifiersSurviveTheTripThroughAClient() {
    let id = RecordID()
    #expect(RecordID(id.description) == id)
    for text in [
      "", "zz", String(repeating: "g", count: 32), id.description + "0", id.description.uppercased() + "é",
    ] {
      #expect(RecordID(text) == nil)
    }
  }
}

struct KeyedHashTests {
  /// Test vectors of SipHash-2-4-128 (key 00…0f, messages of 0, 1, 8 and 15 bytes 00, 01, …), as OpenSSL
  /// (`openssl mac -macopt size:16 ... SIPHASH`) computes them.
  @Test func agreesWithTheReferenceVectors() {
    let hash = KeyedHash(key: (0..<16).map { UInt8($0) })
    let vectors: [(Int, String)] = [
      (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
      (8, "3b62a9ba6258f5610f83e264f31497b4"), (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
    ]
    for (count, expected) in vectors {
      let digest = hash.hash((0..<count).map { UInt8($0) })
      #expect(RecordID(expected)?.bytes == digest, "\(count)")
    }
  }
}
