import Acceptance
import Completion
import Foundation
import Generation
import Synchronization
import Syntax
import Weights

@testable import LanguageServer

/// Wakes those who wait for something to happen. Waiting costs no thread.
final class Bell: Sendable {
  private struct State {
    var rings = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func ring() {
    let waiting = state.withLock { state in
      state.rings += 1
      defer { state.waiting = [] }
      return state.waiting
    }
    for one in waiting { one.resume() }
  }

  /// Returns what `find` finds, looking again after each ring.
  func wait<Value>(_ find: () -> Value?) async -> Value {
    while true {
      let seen = state.withLock { $0.rings }
      if let value = find() { return value }
      await withCheckedContinuation { continuation in
        let isLate = state.withLock { state in
          if state.rings == seen { state.waiting.append(continuation) }
          return state.rings != seen
        }
        if isLate { continuation.resume() }
      }
    }
  }
}

/// A model that says what it is told to; it can be held until a test lets it go on or its task is cancelled.
final class FakeModel: InfillModel {
  struct State {
    var reply: [UInt8] = []
    var isHeld = false
    var asked = 0
    var cancelled = 0
    var contexts: [[PromptSnippet]] = []
    var mixtures: [NgramMixture?] = []
  }
  let state: Mutex<State>
  let bell = Bell()

  init(_ reply: String) { state = Mutex(State(reply: Array(reply.utf8))) }
  func say(_ reply: String) { state.withLock { $0.reply = Array(reply.utf8) } }
  func hold(_ isHeld: Bool) {
    state.withLock { $0.isHeld = isHeld }
    bell.ring()
  }
  var asked: Int { state.withLock { $0.asked } }
  /// The snippets of each request.
  var contexts: [[PromptSnippet]] { state.withLock { $0.contexts } }
  /// What each request mixes in.
  var mixtures: [NgramMixture?] { state.withLock { $0.mixtures } }
  var cancelled: Int { state.withLock { $0.cancelled } }

  func infill(_ request: InfillRequest) async throws -> InfillResult {
    state.withLock {
      $0.asked += 1
      $0.contexts.append(request.context)
      $0.mixtures.append(request.mixture)
    }
    bell.ring()
    _ = await withTaskCancellationHandler {
      await bell.wait { state.withLock { !$0.isHeld } || Task.isCancelled ? true : nil }
    } onCancel: {
      bell.ring()
    }
    let reply = state.withLock { state in
      if Task.isCancelled { state.cancelled += 1 }
      return state.reply
    }
    defer { bell.ring() }
    return InfillResult(
      bytes: reply, tokenCount: 4, end: Task.isCancelled ? .cancelled : .endToken, meanLogProbability: -0.1,
      minLogProbability: -0.2, evaluatedPromptTokens: 2, reusedPromptTokens: 40, queueMs: 0, prefillMs: 1,
      decodeMs: 2)
  }
  func middleLogProbability(_ middle: [UInt8], in request: InfillRequest, order: PromptOrder) async throws
    -> Double
  { 0 }
  func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double { 0 }
}

/// Remembers what would be written to the acceptance log.
final class MemoryLog: SuggestionLog {
  struct State {
    var sessions: [SessionRecord] = []
    var requests: [RequestRecord] = []
    var suggestions: [SuggestionRecord] = []
    var events: [SuggestionEvent] = []
    var isEnded = false
  }
  let state = Mutex(State())
  let bell: Bell
  init(_ bell: Bell) { self.bell = bell }
  func begin(_ session: SessionRecord) { state.withLock { $0.sessions.append(session) } }
  func add(_ request: RequestRecord) {
    state.withLock { $0.requests.append(request) }
    bell.ring()
  }
  func add(_ suggestion: SuggestionRecord) { state.withLock { $0.suggestions.append(suggestion) } }
  func add(_ event: SuggestionEvent) { state.withLock { $0.events.append(event) } }
  func end() { state.withLock { $0.isEnded = true } }
  var events: [SuggestionEvent] { state.withLock { $0.events } }
  var requests: [RequestRecord] { state.withLock { $0.requests } }
  var suggestions: [SuggestionRecord] { state.withLock { $0.suggestions } }
}

struct NotAList: Error, CustomStringConvertible {
  let description: String
}

/// A client in the same process.
final class TestClient: Sendable {
  let model: FakeModel
  let log: MemoryLog
  let lines = Mutex<[String]>([])
  private let continuation: AsyncStream<Incoming>.Continuation
  private let messages = Mutex<[JSONValue]>([])
  private let nextIdentifier = Mutex(100)
  let running: Task<Int32, Never>
  let folder: String
  var uri: String { "file://\(folder)/pkg/a.py" }

  private let bell: Bell

  /// - Parameters:
  ///   - folder: Absolute path of the open folder.
  ///   - readsContext: Whether the model has learnt to read other files.
  init(
    _ model: FakeModel = FakeModel("value"), folder: String = "/project", catalog: LanguageCatalog? = nil,
    readsContext: Bool = false
  ) {
    self.model = model
    self.folder = folder
    bell = model.bell
    log = MemoryLog(model.bell)
    let (stream, continuation) = AsyncStream.makeStream(of: Incoming.self)
    self.continuation = continuation
    let box = Box()
    let server = LanguageServer(
      .init(
        version: "test", suggestions: log, catalog: catalog,
        isExcluded: { _, path in path.hasPrefix("private/") },
        writeLog: { line in box.client?.heard(line) },
        makeService: {
          .init(
            service: CompletionService(model: model) { _ in CompletionSyntax(language: nil) },
            readsContext: { _ in readsContext }, encode: { $0.map(Int32.init) })
        }))
    let transport = Transport(
      incoming: stream,
      send: { content in
        if let message = try? JSONValue(parsing: content) { box.client?.received(message) }
      })
    running = Task { await server.run(transport) }
    box.set(self)
  }

  final class Box: Sendable {
    private let value = Mutex<TestClient?>(nil)
    var client: TestClient? { value.withLock { $0 } }
    func set(_ client: TestClient) { value.withLock { $0 = client } }
  }

  private func heard(_ line: String) {
    lines.withLock { $0.append(line) }
    bell.ring()
  }

  private func received(_ message: JSONValue) {
    messages.withLock { $0.append(message) }
    bell.ring()
  }

  func raw(_ text: String) { continuation.yield(.message(Array(text.utf8))) }
  func broken(_ problem: String) { continuation.yield(.broken(problem)) }
  func hangUp() { continuation.finish() }

  func notify(_ method: String, _ params: String) {
    raw("{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\",\"params\":\(params)}")
  }

  /// Sends a request and returns its identifier.
  func ask(_ method: String, _ params: String) -> Int {
    let identifier = nextIdentifier.withLock { number in
      number += 1
      return number
    }
    raw("{\"jsonrpc\":\"2.0\",\"id\":\(identifier),\"method\":\"\(method)\",\"params\":\(params)}")
    return identifier
  }

  /// Sends a request and waits for its answer, the whole message.
  func call(_ method: String, _ params: String) async throws -> JSONValue {
    try await answer(ask(method, params))
  }

  func answer(_ identifier: Int) async throws -> JSONValue {
    await message { $0["id"] == .int(identifier) }
  }

  /// Waits for a message from the server.
  func message(_ isWanted: (JSONValue) -> Bool) async -> JSONValue {
    await wait { messages.withLock { $0.first(where: isWanted) } }
  }

  func answers(_ identifier: Int) -> Int { messages.withLock { $0.count { $0["id"] == .int(identifier) } } }

  /// Waits until `find` finds something: after each message, record, line of the log, and step of the model.
  func wait<Value>(_ find: () -> Value?) async -> Value { await bell.wait(find) }

  // MARK: - Usual conversations

  @discardableResult
  func start(_ more: String = "") async throws -> JSONValue {
    let answer = try await call(
      "initialize",
      "{\"processId\":null,\"capabilities\":{},\"workspaceFolders\":[{\"uri\":\"file://\(folder)\",\"name\":\"w\"}]\(more)}"
    )
    notify("initialized", "{}")
    return answer
  }

  /// - Parameter uri: Of the document; that of `uri` where it is not given.
  func open(_ text: String, version: Int = 1, uri other: String? = nil) {
    let uri = other ?? uri
    let quoted = String(decoding: JSONValue.string(text).serialized(), as: UTF8.self)
    notify(
      "textDocument/didOpen",
      "{\"textDocument\":{\"uri\":\"\(uri)\",\"languageId\":\"python\",\"version\":\(version),\"text\":\(quoted)}}"
    )
  }

  func insert(_ text: String, line: Int, column: Int, version: Int) {
    change(text, from: (line, column), to: (line, column), version: version)
  }

  func change(
    _ text: String, from start: (Int, Int), to end: (Int, Int), version: Int, uri other: String? = nil
  ) {
    let uri = other ?? uri
    let quoted = String(decoding: JSONValue.string(text).serialized(), as: UTF8.self)
    notify(
      "textDocument/didChange",
      "{\"textDocument\":{\"uri\":\"\(uri)\",\"version\":\(version)},\"contentChanges\":[{\"range\":{\"start\":{\"line\":\(start.0),\"character\":\(start.1)},\"end\":{\"line\":\(end.0),\"character\":\(end.1)}},\"text\":\(quoted)}]}"
    )
  }

  func askCompletion(line: Int, column: Int, _ more: String = "", trigger: Int = 2) -> Int {
    ask(
      "textDocument/inlineCompletion",
      "{\"textDocument\":{\"uri\":\"\(uri)\"},\"position\":{\"line\":\(line),\"character\":\(column)},\"context\":{\"triggerKind\":\(trigger)\(more)}}"
    )
  }

  func complete(line: Int, column: Int, _ more: String = "", trigger: Int = 2) async throws -> [JSONValue] {
    let answer = try await answer(askCompletion(line: line, column: column, more, trigger: trigger))
    guard let items = answer["result"]?["items"]?.arrayValue else {
      throw NotAList(description: "no list of items in \(answer)")
    }
    return items
  }

  /// Waits until everything sent so far has been handled.
  func settle() async throws {
    _ = try await call("workspace/executeCommand", "{\"command\":\"gemfill.status\"}")
  }
}

extension JSONValue {
  var suggestionID: String { self["command"]?["arguments"]?.arrayValue?.first?.stringValue ?? "" }
  var errorCode: Int? { self["error"]?["code"]?.intValue }
}
