import Database
import Dispatch
import Foundation
import Synchronization

/// Writes down what was suggested and what people did with it.
///
///     let log = try AcceptanceLog(path: home.acceptanceLog)
///     log.startSession(SessionRecord(client: "neovim", evidence: .client))
///     let request = RequestRecord(language: "python", path: path, outcome: .produced)
///     log.record(request: request)
///     let suggestion = SuggestionRecord(requestID: request.id, length: 12, lines: 1, tokens: 4, …)
///     log.record(suggestion: suggestion)
///     log.record(event: .shown, suggestionID: suggestion.id, evidence: .client)
///     log.close()                                        // at shutdown
///
/// Recording never waits: entries are kept in order in memory and written in one transaction at most a second
/// later on the log's own queue. A killed process loses at most that second. Several processes may write one
/// file. When the disk refuses, entries wait for the next attempt (at most `capacity`, then the oldest go) and
/// `problem` says why. Neither source text nor a path is stored, unless the log is opened to keep text.
public final class AcceptanceLog: Sendable {
  /// Most entries kept while the file cannot be written.
  public static let capacity = 20_000

  /// Whether `record(text:)` stores anything.
  public let keepsText: Bool
  private let queue = DispatchQueue(label: "gemfill.acceptance", qos: .utility)
  private let key: KeyedHash
  private let delay: DispatchTimeInterval
  private let clock: @Sendable () -> Int
  private let pending = Mutex(Pending())
  /// Only touched on `queue`.
  nonisolated(unsafe) private let writer: LogWriter

  private struct Pending {
    var entries: [LogEntry] = []
    var isScheduled = false
    var lostCount = 0
    var problem: String?
  }

  /// Opens or creates the log, and beside it `<path>.key`, the random key for hashes of paths.
  ///
  /// - Parameters:
  ///   - keepsText: store what was asked and answered too; only where the user has asked for it.
  ///   - delayMs: longest time between recording and writing.
  ///   - clock: milliseconds since 1970.
  public init(
    path: String, keepsText: Bool = false, delayMs: Int = 1_000,
    clock: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970 * 1_000) }
  ) throws(DatabaseError) {
    writer = LogWriter(connection: try Connection(path: path, schema: AcceptanceSchema.current))
    key = try KeyedHash(keyFile: path + ".key")
    delay = .milliseconds(delayMs)
    self.keepsText = keepsText
    self.clock = clock
  }

  deinit { writer.write(pending.withLock { $0.entries }) }

  /// Begins a session; requests recorded from now on belong to it.
  @discardableResult
  public func startSession(_ session: SessionRecord) -> RecordID {
    let id = RecordID()
    append(.session(id, session, workspaceKey: key(session.workspace), at: clock()))
    return id
  }

  /// Records one request; exactly once, when its outcome is known.
  @discardableResult
  public func record(request: RequestRecord) -> RecordID {
    append(.request(request, fileKey: key(request.path), at: clock()))
    return request.id
  }

  /// Records a suggestion; after its request.
  @discardableResult
  public func record(suggestion: SuggestionRecord) -> RecordID {
    append(.suggestion(suggestion))
    return suggestion.id
  }

  /// Records the text of a suggestion, after the suggestion; does nothing in a log that keeps no text.
  public func record(text: SuggestionText) {
    if keepsText { append(.text(text)) }
  }

  /// Records what happened to a suggestion. Events of unknown suggestions and repetitions are ignored.
  ///
  /// - Parameters:
  ///   - acceptedLength: UTF-16 units from the suggestion's beginning, for `.partial`; `.accepted` counts all.
  ///   - visibleMs: how long it was visible, when the client knows; else derived from the events' times.
  ///   - cause: a short word such as `escape`; never text from a file.
  public func record(
    event kind: EventKind, suggestionID: RecordID, acceptedLength: Int? = nil, visibleMs: Int? = nil,
    cause: String = "", evidence: Evidence
  ) {
    append(
      .event(
        kind, suggestionID, acceptedLength: acceptedLength, visibleMs: visibleMs, cause: cause,
        evidence: evidence, at: clock()))
  }

  /// Writes everything recorded so far before it returns.
  public func flush() { queue.sync { writePending() } }

  /// Ends the session and writes everything. The log may be used again with a new session.
  public func close() {
    append(.end(at: clock()))
    flush()
  }

  /// Why the last attempt to write failed, and how many entries were given up; nil when all is well.
  public var problem: String? {
    pending.withLock { state in
      state.problem.map { state.lostCount > 0 ? "\($0); \(state.lostCount) entries lost" : $0 }
    }
  }

  private func append(_ entry: LogEntry) {
    let mustSchedule = pending.withLock { state in
      state.entries.append(entry)
      if state.entries.count > Self.capacity {
        let surplus = state.entries.count - Self.capacity
        state.entries.removeFirst(surplus)
        state.lostCount += surplus
      }
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if mustSchedule { schedule() }
  }

  private func schedule() {
    queue.asyncAfter(deadline: .now() + delay) { [weak self] in self?.writePending() }
  }

  /// Runs on `queue`.
  private func writePending() {
    let entries = pending.withLock { state in
      state.isScheduled = false
      defer { state.entries = [] }
      return state.entries
    }
    guard let problem = writer.write(entries) else {
      if !entries.isEmpty { pending.withLock { $0.problem = nil } }
      return
    }
    let mustSchedule = pending.withLock { state in
      state.entries = entries + state.entries
      state.problem = problem
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if mustSchedule { schedule() }
  }
}
