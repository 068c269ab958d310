import Acceptance
import Foundation
import Testing
import Weights

@testable import Commands

struct StatsCommandTests {
  @Test func jsonHoldsTheStrongestEvidenceAtTheTop() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/acceptance.sqlite"
    let log = try AcceptanceLog(path: path)
    for (evidence, fate) in [(Evidence.inferred, EventKind.replaced), (.client, .accepted)] {
      log.startSession(SessionRecord(client: "test", evidence: evidence))
      var request = RequestRecord(language: "python", path: "a.py", outcome: .produced)
      request.totalMs = 12.5
      request.promptTokens = 10
      request.cachedTokens = 5
      log.record(request: request)
      let suggestion = SuggestionRecord(
        requestID: request.id, length: 4, lines: 1, tokens: 2, meanLogProbability: -1, minLogProbability: -2)
      log.record(suggestion: suggestion)
      log.record(event: .shown, suggestionID: suggestion.id, evidence: evidence)
      log.record(event: fate, suggestionID: suggestion.id, visibleMs: 300, evidence: evidence)
    }
    log.close()
    let json = StatsCommand.json(try AcceptanceReport(path: path, by: .language), .language)
    #expect(json["requests"] == 2 && json["outcomes"]?["produced"] == 2)
    #expect(json["evidence"] == "client" && json["shown"] == 1 && json["accepted"] == 1)
    #expect(json["acceptance"]?["rate"] == .double(1))
    #expect(json["reused_share"] == .double(0.5))
    #expect(json["latency_p50_ms"] == .double(12.5))
    #expect(
      json["by_evidence"]?.arrayValue?.compactMap { $0["evidence"]?.stringValue } == ["client", "inferred"])
    #expect(json["groups"]?[0]?["name"] == "python")
  }

  @Test func jsonOfAnEmptyLogIsComplete() throws {
    let report = try AcceptanceReport(path: "/no/such/file.sqlite")
    let json = StatsCommand.json(report, nil)
    #expect(json["requests"] == 0 && json["shown"] == 0 && json["acceptance"] == .null)
    #expect(json["groups"] == nil)
  }
}
