import Acceptance
import Weights

extension LanguageServer {
  /// Commands that the client may run.
  static let acceptedCommand = "gemfill.accepted"
  static let statusCommand = "gemfill.status"

  func initialize(_ params: JSONValue) throws -> JSONValue {
    guard params.objectValue != nil else { throw ResponseError.invalidParams("initialize needs an object") }
    phase = .running
    let offered = params["capabilities"]?["general"]?["positionEncodings"]?.arrayValue ?? []
    encoding = offered.compactMap { $0.stringValue.flatMap(PositionEncoding.init(rawValue:)) }.first ?? .utf16
    let folders = params["workspaceFolders"]?.arrayValue ?? []
    for folder in folders { folder["uri"]?.stringValue.map { workspace.add(uri: $0) } }
    if folders.isEmpty { params["rootUri"]?.stringValue.map { workspace.add(uri: $0) } }
    settings.apply(params["initializationOptions"] ?? .null)
    if let process = params["processId"]?.intValue, let process = Int32(exactly: process) {
      watch(process: process)
    }
    beginSession(client: params["clientInfo"] ?? .null)
    startLoading()
    return Outgoing.object(
      ("capabilities", capabilities),
      (
        "serverInfo",
        Outgoing.object(("name", .string("gemfill")), ("version", .string(configuration.version)))
      ))
  }

  private var capabilities: JSONValue {
    let sync = Outgoing.object(("openClose", .bool(true)), ("change", .int(2)), ("save", .bool(true)))
    let commands = JSONValue.array([.string(Self.acceptedCommand), .string(Self.statusCommand)])
    let folders = Outgoing.object(("supported", .bool(true)), ("changeNotifications", .bool(true)))
    return Outgoing.object(
      ("positionEncoding", .string(encoding.rawValue)),
      ("textDocumentSync", sync),
      ("inlineCompletionProvider", .bool(true)),
      ("executeCommandProvider", Outgoing.object(("commands", commands))),
      ("workspace", Outgoing.object(("workspaceFolders", folders))))
  }

  private func beginSession(client: JSONValue) {
    let name = client["name"]?.stringValue ?? "unknown"
    configuration.suggestions?.begin(
      SessionRecord(
        client: name, clientVersion: client["version"]?.stringValue ?? "",
        serverVersion: configuration.version,
        workspace: workspace.roots.first ?? "", evidence: settings.reportsShown ? .client : .command))
  }

  private func startLoading() {
    let make = configuration.makeService
    let started = clock.now
    let task = Task { try await make() }
    loading = task
    Task {
      switch await task.result {
      case .success(let served): loaded(served, milliseconds(since: started))
      case .failure(let error): failedToLoad(error)
      }
    }
  }

  private func loaded(_ served: Served, _ elapsedMs: Double) {
    servedAdapter = served.adapter
    log(
      "model loaded ms=\(format(elapsedMs)) encoding=\(encoding.rawValue) adapter=\(served.adapter ?? "none")"
    )
  }

  private func failedToLoad(_ error: any Error) {
    log("model failed")
    tell("no completions: \(error)")
  }

  func shutDown() {
    phase = .shutDown
    for (identifier, request) in pending {
      request.task.cancel()
      respond(identifier, Self.noItems)
    }
    pending = [:]
    endContexts()
    write(tracker.closeAll(now: clock.now))
  }

  func didChangeFolders(_ params: JSONValue) {
    for folder in params["event"]?["removed"]?.arrayValue ?? [] {
      folder["uri"]?.stringValue.map { workspace.remove(uri: $0) }
    }
    // Repositories of open documents keep theirs.
    let used = Set(places.values.compactMap(\.root)).union(workspace.roots)
    endContexts { !used.contains($0) }
    for folder in params["event"]?["added"]?.arrayValue ?? [] {
      folder["uri"]?.stringValue.map { workspace.add(uri: $0) }
    }
  }

  func executeCommand(_ params: JSONValue) throws -> JSONValue {
    switch params["command"]?.stringValue {
    case Self.acceptedCommand:
      guard let text = params["arguments"]?.arrayValue?.first?.stringValue, let suggestion = RecordID(text)
      else {
        throw ResponseError.invalidParams("\(Self.acceptedCommand) needs the id of a suggestion")
      }
      write(tracker.accepted(suggestion, evidence: .command, now: clock.now))
      return .null
    case Self.statusCommand: return status
    case nil: throw ResponseError.invalidParams("executeCommand needs a command")
    case let command?: throw ResponseError.invalidParams("unknown command \(command.prefix(100))")
    }
  }

  private var status: JSONValue {
    .object(
      JSONObject(
        [
          ("version", .string(configuration.version)), ("enabled", .bool(settings.isEnabled)),
          ("adapter", settings.adapter.name(servedAdapter).map { .string($0) } ?? .null),
          ("documents", .int(documents.count)),
          ("problems", .array(toldErrors.sorted().map { .string($0) })),
        ] + statistics.json))
  }

  func milliseconds(since start: ContinuousClock.Instant) -> Double { (clock.now - start) / .milliseconds(1) }

  func format(_ milliseconds: Double) -> String {
    let tenths = Int((milliseconds * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
