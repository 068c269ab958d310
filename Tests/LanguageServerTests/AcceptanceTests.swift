import Acceptance
import Testing
import Weights

@testable import LanguageServer

@Suite(.timeLimit(.minutes(1))) struct AcceptanceTests {
  /// A client that was shown `alpha.beta` behind `x = `.
  func shown(_ reply: String = "alpha.beta") async throws -> (client: TestClient, id: String) {
    let client = TestClient(FakeModel(reply))
    try await client.start()
    client.open("x = \ny = 2\n")
    let item = try #require(try await client.complete(line: 0, column: 4).first)
    client.notify("fim/didShow", "{\"id\":\"\(item.suggestionID)\"}")
    return (client, item.suggestionID)
  }

  func kinds(_ client: TestClient) -> [EventKind] { client.log.events.map(\.kind) }

  func end(_ client: TestClient) async throws {
    _ = try await client.call("shutdown", "null")
    client.notify("exit", "null")
    _ = await client.running.value
  }

  @Test func theCommandOfAnItemIsAnAcceptance() async throws {
    let (client, id) = try await shown()
    client.insert("alpha.beta", line: 0, column: 4, version: 2)
    for _ in 0..<2 {
      _ = try await client.call(
        "workspace/executeCommand", "{\"command\":\"gemfill.accepted\",\"arguments\":[\"\(id)\"]}")
    }
    try await end(client)
    #expect(kinds(client) == [.shown, .accepted])
    #expect(client.log.events.last?.evidence == .command)
    #expect(client.log.events.last?.suggestion.description == id)
  }

  @Test func anAcceptanceThatNobodyReportsIsInferred() async throws {
    let (client, _) = try await shown()
    client.insert("alpha.beta", line: 0, column: 4, version: 2)
    try await end(client)
    #expect(kinds(client) == [.shown, .accepted])
    #expect(client.log.events.last?.evidence == .inferred)
  }

  @Test func aWordTakenAtOnceIsAPartialAcceptance() async throws {
    let (client, _) = try await shown()
    client.insert("alpha.", line: 0, column: 4, version: 2)
    client.insert("beta", line: 0, column: 10, version: 3)
    try await end(client)
    #expect(kinds(client) == [.shown, .partial, .accepted])
    #expect(client.log.events[1].acceptedLength == 6)
  }

  @Test func reportedPartsAreCountedOnce() async throws {
    let (client, id) = try await shown()
    client.insert("alpha", line: 0, column: 4, version: 2)
    client.notify("fim/didPartiallyAccept", "{\"id\":\"\(id)\",\"acceptedLength\":5}")
    client.notify(
      "textDocument/didPartiallyAcceptCompletion",
      "{\"item\":{\"command\":{\"arguments\":[\"\(id)\"]}},\"acceptedLength\":5}")
    client.notify("fim/didPartiallyAccept", "{\"id\":\"\(id)\",\"acceptedLength\":10}")
    try await end(client)
    #expect(kinds(client) == [.shown, .partial, .accepted])
  }

  @Test func typingItAllByHandIsNoAcceptance() async throws {
    let (client, _) = try await shown("abc")
    for (index, letter) in ["a", "b", "c"].enumerated() {
      client.insert(letter, line: 0, column: 4 + index, version: 2 + index)
    }
    try await end(client)
    #expect(kinds(client) == [.shown, .typedThrough])
  }

  @Test func typingThroughKeepsOneChain() async throws {
    let (client, id) = try await shown()
    client.insert("a", line: 0, column: 4, version: 2)
    let next = try #require(try await client.complete(line: 0, column: 5).first)
    #expect(next["insertText"]?.stringValue == "lpha.beta")
    #expect(client.model.asked == 1)
    _ = try await client.call(
      "workspace/executeCommand",
      "{\"command\":\"gemfill.accepted\",\"arguments\":[\"\(next.suggestionID)\"]}")
    try await end(client)
    #expect(Set(client.log.suggestions.map(\.chainID.description)) == [id])
    #expect(kinds(client) == [.shown, .accepted])
    #expect(client.log.requests.last?.source == .typedThrough)
  }

  @Test func otherTextReplacesIt() async throws {
    let (client, _) = try await shown()
    client.insert("zz", line: 0, column: 4, version: 2)
    try await end(client)
    #expect(kinds(client) == [.shown, .replaced])
  }

  @Test func aReportBeatsWhatTheChangeLookedLike() async throws {
    let (client, id) = try await shown()
    client.insert("alpha.beta()", line: 0, column: 4, version: 2)
    _ = try await client.call(
      "workspace/executeCommand", "{\"command\":\"gemfill.accepted\",\"arguments\":[\"\(id)\"]}")
    try await end(client)
    #expect(kinds(client) == [.shown, .accepted])
  }

  @Test func escapeDismissesAndNothingFollows() async throws {
    let (client, id) = try await shown()
    client.notify("fim/didDismiss", "{\"id\":\"\(id)\",\"cause\":\"escape\"}")
    client.notify("fim/didDismiss", "{\"id\":\"\(id)\",\"cause\":\"escape\"}")
    client.insert("alpha.beta", line: 0, column: 4, version: 2)
    try await end(client)
    #expect(kinds(client) == [.shown, .dismissed])
    #expect(client.log.events.last?.cause == "escape")
  }

  @Test func anEditOnAnotherLineLeavesItAlone() async throws {
    let (client, _) = try await shown()
    client.insert("import os\n", line: 0, column: 0, version: 2)
    client.insert("z = 3\n", line: 3, column: 0, version: 3)
    client.insert("alpha.beta", line: 1, column: 4, version: 4)
    try await end(client)
    #expect(kinds(client) == [.shown, .accepted])
  }

  @Test func deletingTypedTextGoesBackIntoIt() async throws {
    let (client, _) = try await shown()
    client.insert("a", line: 0, column: 4, version: 2)
    client.insert("l", line: 0, column: 5, version: 3)
    client.change("", from: (0, 5), to: (0, 6), version: 4)
    client.insert("lpha.beta", line: 0, column: 5, version: 5)
    try await end(client)
    #expect(kinds(client) == [.shown, .accepted])
  }

  @Test func closingTheDocumentHidesIt() async throws {
    let (client, _) = try await shown()
    client.notify("textDocument/didClose", "{\"textDocument\":{\"uri\":\"\(client.uri)\"}}")
    try await end(client)
    #expect(kinds(client) == [.shown, .hidden])
  }

  @Test func noSequenceOfEventsEndsAChainTwice() {
    var random = SystemRandomNumberGenerator()
    let text = Array("one.two".utf8)
    for _ in 0..<2_000 {
      var tracker = SuggestionTracker()
      let id = RecordID()
      var document = Array("x = \n".utf8)
      let now = ContinuousClock.now
      var events = tracker.returned(id, chain: "c", text: text, uri: "u", offset: 4, now: now)
      var present = 0
      for _ in 0..<8 {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: events += tracker.shown(id, now: now)
        case 1: events += tracker.accepted(id, evidence: .command, now: now)
        case 2:
          let length = Int.random(in: -2...9, using: &random)
          events += tracker.partiallyAccepted(id, length: length, now: now)
        case 3: events += tracker.dismissed(id, cause: "escape", now: now)
        case 4: events += tracker.settle(uri: "u")
        case 5:
          let old = document
          let next = Int.random(in: 0...text.count, using: &random)
          document.replaceSubrange(4..<4 + present, with: text[..<next])
          present = next
          events += tracker.changed(
            uri: "u", DocumentDifference(old: old, new: document, carriageReturns: false), now: now)
        default: events += tracker.closed(uri: "u", now: now)
        }
      }
      events += tracker.closeAll(now: now)
      let ends = events.filter { ![.shown, .partial].contains($0.kind) }
      #expect(ends.count == 1)
      let parts = events.filter { $0.kind == .partial }.compactMap(\.acceptedLength)
      #expect(parts == parts.sorted() && Set(parts).count == parts.count)
    }
  }
}
