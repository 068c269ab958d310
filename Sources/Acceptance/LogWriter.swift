import Database

/// One thing to write, in the order in which it happened.
enum LogEntry: Sendable {
  case session(RecordID, SessionRecord, workspaceKey: [UInt8], at: Int)
  case request(RequestRecord, fileKey: [UInt8], at: Int)
  case suggestion(SuggestionRecord)
  case text(SuggestionText)
  case event(
    EventKind, RecordID, acceptedLength: Int?, visibleMs: Int?, cause: String, evidence: Evidence, at: Int)
  case end(at: Int)
}

/// Turns entries into rows. Belongs to the log's queue.
final class LogWriter {
  private let connection: Connection
  private var position = Position()

  /// Which session and block the next request belongs to.
  private struct Position {
    var session: RecordID?
    var block: (id: Int64, model: String, adapter: String)?
  }

  init(connection: Connection) { self.connection = connection }

  /// Writes all entries or none. Returns why it failed.
  @discardableResult
  func write(_ entries: [LogEntry]) -> String? {
    guard !entries.isEmpty else { return nil }
    let before = position
    do {
      try connection.transaction { for entry in entries { try write(entry) } }
      return nil
    } catch {
      position = before
      return "\(error)"
    }
  }

  private func write(_ entry: LogEntry) throws(DatabaseError) {
    switch entry {
    case .session(let id, let session, let workspaceKey, let time):
      try end(at: time)
      try start(id, session, workspaceKey, at: time)
    case .request(let request, let fileKey, let time):
      try insert(request, fileKey, at: time)
    case .suggestion(let suggestion):
      try insert(suggestion)
    case .text(let text):
      try connection.execute(
        """
        INSERT OR IGNORE INTO content(suggestion_id, path, prefix, suffix, completion)
        SELECT id, ?2, ?3, ?4, ?5 FROM suggestion WHERE id = ?1
        """,
        [text.suggestionID.bytes, text.path, text.prefix, text.suffix, text.completion])
    case .event(let kind, let id, let acceptedLength, let visibleMs, let cause, let evidence, let time):
      // The length is bounded by the suggestion's own: clients are not trusted.
      try connection.execute(
        """
        INSERT OR IGNORE INTO event(suggestion_id, at_ms, kind, accepted_chars, visible_ms, cause, evidence)
        SELECT id, ?2, ?3, CASE ?3 WHEN 'accepted' THEN chars WHEN 'partial' THEN min(max(?4, 0), chars) END,
          ?5, ?6, ?7 FROM suggestion WHERE id = ?1
        """,
        [
          id.bytes, time, kind.rawValue, acceptedLength ?? 0, visibleMs.map { max(0, $0) },
          String(cause.prefix(40)), evidence.rawValue,
        ])
    case .end(let time):
      try end(at: time)
    }
  }

  private func start(
    _ id: RecordID, _ session: SessionRecord, _ workspaceKey: [UInt8], at time: Int
  ) throws(DatabaseError) {
    try connection.execute(
      """
      INSERT INTO session(id, workspace_key, client, client_version, server_version, started_at, evidence)
      VALUES(?, ?, ?, ?, ?, ?, ?)
      """,
      [
        id.bytes, workspaceKey, String(session.client.prefix(100)), String(session.clientVersion.prefix(100)),
        session.serverVersion, time, session.evidence.rawValue,
      ])
    position = Position(session: id)
  }

  private func end(at time: Int) throws(DatabaseError) {
    guard let session = position.session else { return }
    try connection.execute("UPDATE session SET ended_at = ? WHERE id = ?", [time, session.bytes])
    position = Position()
  }

  /// A request of another model or adapter than the last one begins a new block.
  private func block(of request: RequestRecord, at time: Int) throws(DatabaseError) -> Int64 {
    let adapter = request.adapter ?? ""
    if let block = position.block, block.model == request.model, block.adapter == adapter { return block.id }
    if position.session == nil {
      try start(RecordID(), SessionRecord(client: "", evidence: .inferred), [], at: time)
    }
    try connection.execute(
      "INSERT INTO block(session_id, model_key, adapter, started_at) VALUES(?, ?, ?, ?)",
      [position.session?.bytes, request.model, adapter, time])
    position.block = (connection.lastInsertedID, request.model, adapter)
    return connection.lastInsertedID
  }

  private func insert(_ request: RequestRecord, _ fileKey: [UInt8], at time: Int) throws(DatabaseError) {
    let block = try block(of: request, at: time)
    try connection.execute(
      """
      INSERT OR IGNORE INTO request(id, block_id, at_ms, lang, file_key, trigger, node_kind, mid_line,
        prefix_chars, suffix_chars, outcome, reason, source, queue_ms, prefill_ms, decode_ms, total_ms,
        prompt_tokens, cached_tokens, output_tokens)
      VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        request.id.bytes, block, time, request.language, fileKey, request.trigger.rawValue, request.nodeKind,
        request.isMidLine, request.prefixLength, request.suffixLength, request.outcome.rawValue,
        String(request.reason.prefix(40)), request.source.rawValue, request.queueMs, request.prefillMs,
        request.decodeMs, request.totalMs, request.promptTokens, request.cachedTokens, request.outputTokens,
      ])
  }

  private func insert(_ suggestion: SuggestionRecord) throws(DatabaseError) {
    try connection.execute(
      """
      INSERT OR IGNORE INTO suggestion(id, request_id, chain_id, chars, lines, tokens, mean_logprob,
        min_logprob, truncated)
      SELECT ?2, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM request WHERE id = ?1
      """,
      [
        suggestion.requestID.bytes, suggestion.id.bytes, suggestion.chainID.bytes, max(0, suggestion.length),
        suggestion.lines, suggestion.tokens, suggestion.meanLogProbability, suggestion.minLogProbability,
        suggestion.isTruncated,
      ])
  }
}
