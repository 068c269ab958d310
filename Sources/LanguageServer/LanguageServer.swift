import Acceptance
import Completion
import Context
import Syntax
import Weights

/// Serves one client over one connection: LSP 3.18 with `textDocument/inlineCompletion`.
///
/// Messages are handled strictly in order on the actor and never wait for the model: each completion is a task of its
/// own, and a newer request of the same document calls off the older one.
public actor LanguageServer {
  /// What a server is made of.
  public struct Configuration: Sendable {
    /// Version shown to clients.
    public var version: String
    /// Loads the model. Called once, when the client initializes; should not block the cooperative pool.
    public var makeService: @Sendable () async throws -> Served
    /// Whether the user keeps a file, by its path below `root`, out of Gemfill.
    public var isExcluded: @Sendable (_ root: String, _ path: String) -> Bool
    /// Languages of the other files that prompts may show; nil for none of them.
    public var catalog: LanguageCatalog?
    /// Where suggestions and their fate are written down.
    public var suggestions: (any SuggestionLog)?
    /// Takes lines of the server's own log, in addition to the client's log window.
    public var writeLog: @Sendable (String) -> Void

    /// Creates a configuration.
    public init(
      version: String, suggestions: (any SuggestionLog)? = nil, catalog: LanguageCatalog? = nil,
      isExcluded: @escaping @Sendable (_ root: String, _ path: String) -> Bool = { _, _ in false },
      writeLog: @escaping @Sendable (String) -> Void = { _ in },
      makeService: @escaping @Sendable () async throws -> Served
    ) {
      self.version = version
      self.suggestions = suggestions
      self.catalog = catalog
      self.isExcluded = isExcluded
      self.writeLog = writeLog
      self.makeService = makeService
    }
  }

  /// What completions come from.
  public struct Served: Sendable {
    /// Answers the requests.
    public var service: CompletionService
    /// Adapter that is used unless the client says otherwise.
    public var adapter: String?
    /// Identifies the base in the log of suggestions; a hash.
    public var modelKey: String
    /// Whether an adapter (nil: the base) has learnt to read snippets of other files.
    public var readsContext: @Sendable (_ adapter: String?) async -> Bool
    /// Token ids of a text, for counts of what followed them; nil for completions by the model alone.
    public var encode: (@Sendable (_ text: [UInt8]) -> [Int32])?

    /// Names a service and what it uses.
    public init(
      service: CompletionService, adapter: String? = nil, modelKey: String = "",
      readsContext: @escaping @Sendable (_ adapter: String?) async -> Bool = { _ in false },
      encode: (@Sendable (_ text: [UInt8]) -> [Int32])? = nil
    ) {
      self.encode = encode
      self.readsContext = readsContext
      self.service = service
      self.adapter = adapter
      self.modelKey = modelKey
    }
  }

  enum Phase: Equatable {
    case waiting, running, shutDown
  }

  /// A completion under way.
  struct Pending {
    let uri: String
    let version: Int
    /// Tells requests apart that had the same identifier one after the other.
    let serial: Int
    let task: Task<Void, Never>
  }

  let configuration: Configuration
  let clock = ContinuousClock()
  var phase = Phase.waiting
  var encoding = PositionEncoding.utf16
  var documents: [String: Document] = [:]
  /// Where the open documents stand; nil for those that the user keeps out.
  var places: [String: Workspace.Place] = [:]
  var workspace = Workspace()
  var settings = Settings()
  var tracker = SuggestionTracker()
  var pending: [RequestIdentifier: Pending] = [:]
  var lastSerial = 0
  /// Adapter of the loaded service.
  var servedAdapter: String?
  var loading: Task<Served, any Error>?
  var statistics = ServerStatistics()
  /// Other files, by the folder that holds them.
  var contexts: [String: WorkspaceContext] = [:]
  /// Counts of their tokens.
  var ngrams: [String: RepositoryNgrams] = [:]
  /// The last thing that contexts were told.
  var contextWork: Task<Void, Never>?
  /// Errors of the model that the user has been told of.
  var toldErrors: Set<String> = []
  private var transport: Transport?
  private var exitCode: Int32?

  /// Creates a server; `run` starts it.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
  }

  /// Serves until the client says `exit` or is gone. Returns the exit code that the protocol asks for: 0 after a
  /// `shutdown`, else 1.
  public func run(_ transport: Transport) async -> Int32 {
    self.transport = transport
    for await incoming in transport.incoming {
      switch incoming {
      case .message(let content): handle(Message(parsing: content))
      case .broken(let problem):
        log("frame problem=\"\(problem)\"")
        send(Outgoing.error(nil, ResponseError(code: ResponseError.parseError, message: problem)))
      }
      if exitCode != nil { break }
    }
    for request in pending.values { request.task.cancel() }
    pending = [:]
    loading?.cancel()
    endContexts()
    write(tracker.closeAll(now: clock.now))
    configuration.suggestions?.end()
    await transport.flush()
    return exitCode ?? (phase == .shutDown ? 0 : 1)
  }

  // MARK: - Dispatch

  private func handle(_ message: Message) {
    switch message {
    case .request(let identifier, let method, let params): handleRequest(identifier, method, params)
    case .notification(let method, let params): handleNotification(method, params)
    case .response: break
    case .invalid(let identifier, let error):
      log("message problem=\"\(error.code)\"")
      send(Outgoing.error(identifier, error))
    }
  }

  private func handleRequest(_ identifier: RequestIdentifier, _ method: String, _ params: JSONValue) {
    do {
      switch (method, phase) {
      case ("initialize", .waiting): respond(identifier, try initialize(params))
      case ("initialize", _):
        throw ResponseError(code: ResponseError.invalidRequest, message: "initialize came twice")
      case (_, .waiting):
        throw ResponseError(code: ResponseError.serverNotInitialized, message: "initialize has not come yet")
      case (_, .shutDown):
        throw ResponseError(code: ResponseError.invalidRequest, message: "the server is shut down")
      case ("shutdown", .running):
        shutDown()
        respond(identifier, .null)
      case ("textDocument/inlineCompletion", .running): try startCompletion(identifier, params)
      case ("workspace/executeCommand", .running): respond(identifier, try executeCommand(params))
      default:
        throw ResponseError(
          code: ResponseError.methodNotFound, message: "unknown method \(method.prefix(100))")
      }
    } catch let error as ResponseError {
      send(Outgoing.error(identifier, error))
    } catch {
      send(
        Outgoing.error(identifier, ResponseError(code: ResponseError.internalError, message: "\(error)")))
    }
  }

  private func handleNotification(_ method: String, _ params: JSONValue) {
    if method == "exit" {
      exitCode = phase == .shutDown ? 0 : 1
      return
    }
    guard phase == .running else { return }
    switch method {
    case "textDocument/didOpen": didOpen(params)
    case "textDocument/didChange": didChange(params)
    case "textDocument/didClose": didClose(params)
    case "textDocument/didSave": didSave(params)
    case "workspace/didChangeWatchedFiles": didChangeWatchedFiles(params)
    case "$/cancelRequest": cancelRequest(params)
    case "workspace/didChangeWorkspaceFolders": didChangeFolders(params)
    case "workspace/didChangeConfiguration": didChangeConfiguration(params["settings"] ?? .null)
    case "fim/didShow", "textDocument/didShowCompletion": didShow(params)
    case "fim/didPartiallyAccept", "textDocument/didPartiallyAcceptCompletion": didPartiallyAccept(params)
    case "fim/didDismiss": didDismiss(params)
    default: break
    }
  }

  // MARK: - Sending

  func respond(_ identifier: RequestIdentifier, _ result: JSONValue) {
    send(Outgoing.result(identifier, result))
  }

  func send(_ message: JSONValue) { transport?.send(message.serialized()) }

  func watch(process: Int32) { transport?.watch(process) }

  /// Writes a line `event key=value …` to the server's log and to the client's log window. Never source text.
  func log(_ line: String) {
    configuration.writeLog(line)
    guard phase == .running else { return }
    send(
      Outgoing.notification(
        "window/logMessage", Outgoing.object(("type", .int(4)), ("message", .string("gemfill: " + line)))))
  }

  /// Tells the user, once for each text.
  func tell(_ message: String) {
    guard toldErrors.count < 20, toldErrors.insert(message).inserted else { return }
    send(
      Outgoing.notification(
        "window/showMessage", Outgoing.object(("type", .int(1)), ("message", .string("gemfill: " + message))))
    )
  }

  func write(_ events: [SuggestionEvent]) {
    for event in events {
      configuration.suggestions?.add(event)
      statistics.count(event)
    }
  }
}
