import Testing
import Weights

@testable import LanguageServer

@Suite(.timeLimit(.minutes(1))) struct InlineCompletionTests {
  @Test func anItemHasTextAnEmptyRangeAtTheCursorAndACommand() async throws {
    let client = TestClient(FakeModel("alpha + beta"))
    try await client.start()
    client.open("x = 1\ny = \n")
    let item = try #require(try await client.complete(line: 1, column: 4).first)
    #expect(item["insertText"]?.stringValue == "alpha + beta")
    let place = Position(line: 1, column: 4).json
    #expect(item["range"]?["start"] == place && item["range"]?["end"] == place)
    #expect(item["command"]?["command"]?.stringValue == "gemfill.accepted")
    #expect(item.suggestionID.count == 32)
  }

  @Test func nothingToShowIsAnEmptyListNeverNull() async throws {
    let client = TestClient(FakeModel("  \n"))
    try await client.start()
    client.open("x = \n")
    #expect(try await client.complete(line: 0, column: 4).isEmpty)
  }

  @Test(arguments: [(5, 0), (0, 99), (2, 1), (1_000_000, 0)])
  func aPlaceOutsideTheDocumentGetsAnEmptyList(_ line: Int, _ column: Int) async throws {
    let client = TestClient()
    try await client.start()
    client.open("x = \ny\n")
    #expect(try await client.complete(line: line, column: column).isEmpty)
    #expect(client.model.asked == 0)
  }

  @Test func placesCountInUTF16() async throws {
    let client = TestClient(FakeModel("tail"))
    try await client.start()
    client.open("s = '😀é' + \n")
    let item = try #require(try await client.complete(line: 0, column: 12).first)
    #expect(item["range"]?["start"]?["character"]?.intValue == 12)
    client.insert("é", line: 0, column: 7, version: 2)
    #expect(try await client.complete(line: 0, column: 13).count == 1)
    client.insert("x", line: 0, column: 6, version: 3)
    let half = try #require(try await client.complete(line: 0, column: 14, trigger: 1).first)
    #expect(half["range"]?["start"]?["character"]?.intValue == 14)
  }

  @Test func aDocumentThatIsNotOpenOrHoldsSecretsGetsAnEmptyList() async throws {
    let client = TestClient()
    try await client.start()
    #expect(try await client.complete(line: 0, column: 0).isEmpty)
    client.notify(
      "textDocument/didOpen",
      "{\"textDocument\":{\"uri\":\"file:///project/.env\",\"languageId\":\"sh\",\"version\":1,\"text\":\"KEY=\"}}"
    )
    let answer = try await client.call(
      "textDocument/inlineCompletion",
      "{\"textDocument\":{\"uri\":\"file:///project/.env\"},\"position\":{\"line\":0,\"character\":4}}")
    #expect(answer["result"]?["items"] == .array([]))
    #expect(client.model.asked == 0)
  }

  @Test func aFileThatTheUserKeepsOutGetsAnEmptyList() async throws {
    let client = TestClient()
    try await client.start()
    let uri = "file:///project/private/a.py"
    client.notify(
      "textDocument/didOpen",
      "{\"textDocument\":{\"uri\":\"\(uri)\",\"languageId\":\"python\",\"version\":1,\"text\":\"x = \"}}")
    let answer = try await client.call(
      "textDocument/inlineCompletion",
      "{\"textDocument\":{\"uri\":\"\(uri)\"},\"position\":{\"line\":0,\"character\":4}}")
    #expect(answer["result"]?["items"] == .array([]))
    #expect(client.model.asked == 0)
  }

  @Test func anotherVersionGetsAnEmptyList() async throws {
    let client = TestClient()
    try await client.start()
    client.open("x = \n", version: 3)
    let answer = try await client.call(
      "textDocument/inlineCompletion",
      "{\"textDocument\":{\"uri\":\"\(client.uri)\",\"version\":4},\"position\":{\"line\":0,\"character\":4}}"
    )
    #expect(answer["result"]?["items"] == .array([]))
  }

  @Test func aNewerRequestOfTheDocumentReplacesTheOlder() async throws {
    let client = TestClient()
    try await client.start()
    client.open("x = \ny = \n")
    client.model.hold(true)
    let first = client.askCompletion(line: 0, column: 4)
    _ = await client.wait { client.model.asked == 1 ? true : nil }
    let second = client.askCompletion(line: 1, column: 4)
    #expect(try await client.answer(first)["result"]?["items"] == .array([]))
    client.model.hold(false)
    #expect(try await client.answer(second)["result"]?["items"]?.arrayValue?.count == 1)
    _ = await client.wait { client.log.requests.count == 2 ? true : nil }
    #expect(client.answers(first) == 1)
    #expect(client.log.requests.map(\.outcome).contains(.canceled))
    #expect(client.model.cancelled == 1)
  }

  @Test func cancellingReachesTheModelAndAnswersOnce() async throws {
    let client = TestClient()
    try await client.start()
    client.open("x = \n")
    client.model.hold(true)
    let asked = client.askCompletion(line: 0, column: 4)
    _ = await client.wait { client.model.asked == 1 ? true : nil }
    client.notify("$/cancelRequest", "{\"id\":\(asked)}")
    #expect(try await client.answer(asked).errorCode == -32_800)
    _ = await client.wait { client.model.cancelled == 1 ? true : nil }
    client.notify("$/cancelRequest", "{\"id\":\(asked)}")
    try await client.settle()
    #expect(client.answers(asked) == 1)
  }

  @Test func theServerAnswersOthersWhileTheModelWorks() async throws {
    let client = TestClient()
    try await client.start()
    client.open("x = \n")
    client.model.hold(true)
    _ = client.askCompletion(line: 0, column: 4)
    try await client.settle()
    client.model.hold(false)
  }

  @Test func typingCallsOffWhatIsUnderWay() async throws {
    let client = TestClient()
    try await client.start()
    client.open("x = \n")
    client.model.hold(true)
    let asked = client.askCompletion(line: 0, column: 4)
    _ = await client.wait { client.model.asked == 1 ? true : nil }
    client.insert("a", line: 0, column: 4, version: 2)
    #expect(try await client.answer(asked)["result"]?["items"] == .array([]))
  }

  @Test func aSelectedPopupItemIsExtendedInItsRange() async throws {
    let client = TestClient(FakeModel("(path)"))
    try await client.start()
    client.open("x = re\n")
    let info =
      ",\"selectedCompletionInfo\":{\"range\":{\"start\":{\"line\":0,\"character\":4},\"end\":{\"line\":0,\"character\":6}},\"text\":\"read\"}"
    let item = try #require(try await client.complete(line: 0, column: 6, info).first)
    #expect(item["insertText"]?.stringValue == "read(path)")
    #expect(item["range"]?["start"]?["character"]?.intValue == 4)
    #expect(item["range"]?["end"]?["character"]?.intValue == 6)
    let bad =
      ",\"selectedCompletionInfo\":{\"range\":{\"start\":{\"line\":0,\"character\":1},\"end\":{\"line\":0,\"character\":2}},\"text\":\"read\"}"
    #expect(try await client.complete(line: 0, column: 6, bad).isEmpty)
  }

  @Test func theLogTellsTokensAndTimesButNoText() async throws {
    let client = TestClient(FakeModel("secret_name"))
    try await client.start()
    client.open("hidden = \n")
    _ = try await client.complete(line: 0, column: 9)
    let line = await client.wait {
      client.lines.withLock { $0.first { $0.hasPrefix("completion") } }
    }
    #expect(line.contains("evaluated=2 reused=40 tokens=4"))
    #expect(!line.contains("secret") && !line.contains("hidden"))
  }

  @Test func settingsOfTheClientAreTaken() async throws {
    let client = TestClient()
    try await client.start(",\"initializationOptions\":{\"adapter\":\"team\",\"reportsShown\":true}")
    client.open("x = \n")
    _ = try await client.complete(line: 0, column: 4)
    let record = await client.wait { client.log.requests.first }
    #expect(record.adapter == "team")
    #expect(client.log.state.withLock { $0.sessions.first?.evidence } == .client)
    client.notify("workspace/didChangeConfiguration", "{\"settings\":{\"gemfill\":{\"enabled\":false}}}")
    #expect(try await client.complete(line: 0, column: 4).isEmpty)
  }

  @Test func documentsWithCarriageReturnsAreCompleted() async throws {
    let client = TestClient(FakeModel("1\n    b = 2"))
    try await client.start()
    client.open("def f():\r\n    a = \r\n    return a\r\n")
    let item = try #require(try await client.complete(line: 1, column: 8).first)
    #expect(item["insertText"]?.stringValue == "1\n    b = 2")
    client.insert("1\r\n    b = 2", line: 1, column: 8, version: 2)
    try await client.settle()
    _ = try await client.complete(line: 0, column: 0)
    let accepted = client.log.events.filter { $0.kind == .accepted }
    #expect(accepted.count == 1)
  }
}
