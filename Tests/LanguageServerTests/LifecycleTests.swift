import Testing
import Weights

@testable import LanguageServer

@Suite(.timeLimit(.minutes(1))) struct LifecycleTests {
  @Test func initializeTellsWhatTheServerCan() async throws {
    let client = TestClient()
    let capabilities = try #require(try await client.start()["result"]?["capabilities"])
    #expect(capabilities["inlineCompletionProvider"]?.boolValue == true)
    #expect(capabilities["positionEncoding"]?.stringValue == "utf-16")
    #expect(capabilities["textDocumentSync"]?["change"]?.intValue == 2)
    #expect(capabilities["textDocumentSync"]?["save"]?.boolValue == true)
    #expect(
      capabilities["executeCommandProvider"]?["commands"]
        == .array([.string("gemfill.accepted"), .string("gemfill.status")]))
  }

  @Test func theFirstKnownEncodingOfTheClientIsTaken() async throws {
    let client = TestClient()
    let answer = try await client.call(
      "initialize",
      "{\"capabilities\":{\"general\":{\"positionEncodings\":[\"utf-7\",\"utf-32\",\"utf-8\"]}}}")
    #expect(answer["result"]?["capabilities"]?["positionEncoding"]?.stringValue == "utf-32")
  }

  @Test func exitCodesFollowTheProtocol() async throws {
    let polite = TestClient()
    try await polite.start()
    #expect(try await polite.call("shutdown", "null")["result"] == .null)
    polite.notify("exit", "null")
    #expect(await polite.running.value == 0)

    let rude = TestClient()
    try await rude.start()
    rude.notify("exit", "null")
    #expect(await rude.running.value == 1)

    let gone = TestClient()
    try await gone.start()
    gone.hangUp()
    #expect(await gone.running.value == 1)
    #expect(gone.log.state.withLock { $0.isEnded })
  }

  @Test func requestsOutOfTheirTimeAreRefused() async throws {
    let client = TestClient()
    #expect(try await client.call("shutdown", "null").errorCode == -32_002)
    try await client.start()
    #expect(try await client.call("initialize", "{}").errorCode == -32_600)
    _ = try await client.call("shutdown", "null")
    #expect(try await client.call("workspace/executeCommand", "{}").errorCode == -32_600)
  }

  struct Hostile: Sendable, CustomTestStringConvertible {
    let text: String
    let code: Int
    var testDescription: String { String(text.prefix(50)) }
  }

  @Test(arguments: [
    Hostile(text: "{", code: -32_700), Hostile(text: "", code: -32_700), Hostile(text: "nul", code: -32_700),
    Hostile(text: String(repeating: "[", count: 100_000), code: -32_700),
    Hostile(text: "[]", code: -32_600),
    Hostile(text: "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}]", code: -32_600),
    Hostile(text: "3", code: -32_600), Hostile(text: "{}", code: -32_600),
    Hostile(text: "{\"id\":{},\"method\":\"shutdown\"}", code: -32_600),
    Hostile(text: "{\"id\":1,\"method\":7}", code: -32_600),
    Hostile(text: "{\"id\":77,\"method\":\"textDocument/hover\",\"params\":{}}", code: -32_601),
    Hostile(text: "{\"id\":78,\"method\":\"textDocument/inlineCompletion\"}", code: -32_602),
    Hostile(text: "{\"id\":79,\"method\":\"textDocument/inlineCompletion\",\"params\":[]}", code: -32_602),
    Hostile(
      text:
        "{\"id\":80,\"method\":\"textDocument/inlineCompletion\",\"params\":{\"textDocument\":{\"uri\":\"x\"},\"position\":{\"line\":-1,\"character\":0}}}",
      code: -32_602),
    Hostile(
      text:
        "{\"id\":81,\"method\":\"textDocument/inlineCompletion\",\"params\":{\"textDocument\":{\"uri\":\"x\"},\"position\":{\"line\":1e300,\"character\":0.5}}}",
      code: -32_602),
    Hostile(text: "{\"id\":82,\"method\":\"workspace/executeCommand\",\"params\":{}}", code: -32_602),
    Hostile(
      text: "{\"id\":83,\"method\":\"workspace/executeCommand\",\"params\":{\"command\":\"rm\"}}",
      code: -32_602),
    Hostile(
      text:
        "{\"id\":84,\"method\":\"workspace/executeCommand\",\"params\":{\"command\":\"gemfill.accepted\",\"arguments\":[\"'; --\"]}}",
      code: -32_602),
  ]) func nonsenseIsAnsweredWithAnError(_ hostile: Hostile) async throws {
    let client = TestClient()
    try await client.start()
    client.raw(hostile.text)
    let answer = await client.message { $0["error"] != nil }
    #expect(answer.errorCode == hostile.code)
    try await client.settle()
  }

  @Test func nonsenseNotificationsAreSurvived() async throws {
    let client = TestClient()
    client.notify("textDocument/didOpen", "{}")
    try await client.start()
    for method in [
      "textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest",
      "$/unknown",
      "fim/didShow", "fim/didPartiallyAccept", "fim/didDismiss", "textDocument/didShowCompletion",
      "workspace/didChangeWorkspaceFolders", "workspace/didChangeConfiguration", "nonsense",
    ] {
      for params in [
        "null", "[]", "{}", "7", "{\"id\":{}}", "{\"textDocument\":{\"uri\":5}}", "{\"item\":[]}",
      ] {
        client.notify(method, params)
      }
    }
    client.broken("message without Content-Length")
    client.open("x = \n")
    #expect(try await client.complete(line: 0, column: 4).count == 1)
  }

  @Test func aModelThatCannotBeLoadedIsToldOnceAndLeavesEmptyLists() async throws {
    struct Missing: Error, CustomStringConvertible { let description = "no base model at x" }
    let log = MemoryLog(Bell())
    let server = LanguageServer(
      .init(version: "test", suggestions: log, makeService: { throw Missing() }))
    let (stream, continuation) = AsyncStream.makeStream(of: Incoming.self)
    let (sent, sink) = AsyncStream.makeStream(of: JSONValue.self)
    let running = Task {
      await server.run(
        Transport(
          incoming: stream,
          send: { if let message = try? JSONValue(parsing: $0) { sink.yield(message) } }))
    }
    func say(_ text: String) { continuation.yield(.message(Array(text.utf8))) }
    say("{\"id\":1,\"method\":\"initialize\",\"params\":{}}")
    say(
      "{\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":\"file:///a.py\",\"languageId\":\"python\",\"version\":1,\"text\":\"x\"}}}"
    )
    for identifier in 2...3 {
      say(
        "{\"id\":\(identifier),\"method\":\"textDocument/inlineCompletion\",\"params\":{\"textDocument\":{\"uri\":\"file:///a.py\"},\"position\":{\"line\":0,\"character\":1}}}"
      )
    }
    var told = 0
    for await message in sent {
      if message["method"]?.stringValue == "window/showMessage" { told += 1 }
      if message["id"] == .int(3) {
        #expect(message["result"]?["items"] == .array([]))
        break
      }
    }
    continuation.finish()
    _ = await running.value
    sink.finish()
    for await message in sent where message["method"]?.stringValue == "window/showMessage" { told += 1 }
    #expect(told >= 1 && told <= 2)
  }
}
