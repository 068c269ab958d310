import Database

/// Tables of the acceptance log. Numbers and keyed hashes only; source text and paths stand in `content` alone, and there only
/// where the user has asked for it.
enum AcceptanceSchema {
  static let current = Schema(
    name: "acceptance log", applicationID: 0x4746_4C01, migrations: [first, chainFromFirstRow, content])

  /// What was asked and answered, for learning from it.
  private static let content = """
    CREATE TABLE content(
      suggestion_id BLOB PRIMARY KEY REFERENCES suggestion(id) ON DELETE CASCADE, path TEXT NOT NULL,
      prefix TEXT NOT NULL, suffix TEXT NOT NULL, completion TEXT NOT NULL) STRICT;
    """

  /// `chain` is what reports read: one row per chain of suggestions. Its definition here is replaced below.
  private static let first = """
    CREATE TABLE session(
      id BLOB PRIMARY KEY, workspace_key BLOB, client TEXT NOT NULL, client_version TEXT NOT NULL,
      server_version TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
      evidence TEXT NOT NULL CHECK(evidence IN ('client', 'command', 'inferred'))) STRICT;
    CREATE TABLE block(
      id INTEGER PRIMARY KEY, session_id BLOB NOT NULL REFERENCES session(id) ON DELETE CASCADE,
      model_key TEXT NOT NULL, adapter TEXT NOT NULL, started_at INTEGER NOT NULL) STRICT;
    CREATE TABLE request(
      id BLOB PRIMARY KEY, block_id INTEGER NOT NULL REFERENCES block(id) ON DELETE CASCADE,
      at_ms INTEGER NOT NULL, lang TEXT NOT NULL, file_key BLOB NOT NULL,
      trigger TEXT NOT NULL CHECK(trigger IN ('automatic', 'invoked')), node_kind TEXT NOT NULL,
      mid_line INTEGER NOT NULL, prefix_chars INTEGER NOT NULL, suffix_chars INTEGER NOT NULL,
      outcome TEXT NOT NULL CHECK(outcome IN ('produced', 'empty', 'filtered', 'canceled', 'failed')),
      reason TEXT NOT NULL, source TEXT NOT NULL CHECK(source IN ('model', 'cache', 'typed_through')),
      queue_ms REAL, prefill_ms REAL, decode_ms REAL, total_ms REAL,
      prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL) STRICT;
    CREATE INDEX request_time ON request(at_ms);
    CREATE TABLE suggestion(
      id BLOB PRIMARY KEY, request_id BLOB NOT NULL REFERENCES request(id) ON DELETE CASCADE,
      chain_id BLOB NOT NULL, chars INTEGER NOT NULL, lines INTEGER NOT NULL, tokens INTEGER NOT NULL,
      mean_logprob REAL, min_logprob REAL, truncated INTEGER NOT NULL) STRICT;
    CREATE INDEX suggestion_request ON suggestion(request_id);
    CREATE TABLE event(
      id INTEGER PRIMARY KEY, suggestion_id BLOB NOT NULL REFERENCES suggestion(id) ON DELETE CASCADE,
      at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL CHECK(kind IN
        ('shown', 'read', 'typed_through', 'partial', 'accepted', 'dismissed', 'replaced', 'hidden')),
      accepted_chars INTEGER, visible_ms INTEGER, cause TEXT NOT NULL,
      evidence TEXT NOT NULL CHECK(evidence IN ('client', 'command', 'inferred'))) STRICT;
    CREATE INDEX event_suggestion ON event(suggestion_id);
    CREATE UNIQUE INDEX event_once ON event(suggestion_id, kind)
      WHERE kind IN ('shown', 'accepted', 'dismissed', 'replaced');
    CREATE VIEW fate AS SELECT
        suggestion_id, max(kind = 'shown') AS shown, max(kind = 'accepted') AS accepted,
        max(kind = 'partial') AS partial, max(kind = 'dismissed') AS dismissed,
        max(kind = 'replaced') AS replaced, max(accepted_chars) AS accepted_chars,
        max(visible_ms) AS visible_ms, min(CASE WHEN kind = 'shown' THEN at_ms END) AS shown_at,
        max(CASE WHEN kind IN ('accepted', 'dismissed', 'replaced', 'hidden') THEN at_ms END) AS ended_at
      FROM event GROUP BY suggestion_id;
    CREATE VIEW chain AS SELECT
        s.chain_id AS chain_id, min(r.at_ms) AS at_ms, r.lang AS lang, r.node_kind AS node_kind,
        r.total_ms AS total_ms, r.file_key AS file_key, s.chars AS shown_chars,
        b.adapter AS adapter, b.model_key AS model_key, b.session_id AS session_id, n.evidence AS evidence,
        max(coalesce(f.shown, 0)) AS shown, max(coalesce(f.accepted, 0)) AS accepted,
        max(coalesce(f.partial, 0)) AS partial, max(coalesce(f.dismissed, 0)) AS dismissed,
        max(coalesce(f.replaced, 0)) AS replaced, max(coalesce(f.accepted_chars, 0)) AS accepted_chars,
        coalesce(max(f.visible_ms), max(f.ended_at) - min(f.shown_at)) AS visible_ms
      FROM suggestion s JOIN request r ON r.id = s.request_id JOIN block b ON b.id = r.block_id
        JOIN session n ON n.id = b.session_id LEFT JOIN fate f ON f.suggestion_id = s.id
      GROUP BY s.chain_id;
    """

  /// What a chain was comes from its first suggestion; what became of it from all. (With several aggregates SQLite
  /// takes the other columns from any row.)
  private static let chainFromFirstRow = """
    DROP VIEW chain;
    CREATE VIEW chain AS
      WITH link AS (SELECT
          s.chain_id AS chain_id, r.at_ms AS at_ms, r.lang AS lang, r.node_kind AS node_kind,
          r.total_ms AS total_ms, r.file_key AS file_key, s.chars AS shown_chars,
          b.adapter AS adapter, b.model_key AS model_key, b.session_id AS session_id, n.evidence AS evidence,
          row_number() OVER (PARTITION BY s.chain_id ORDER BY r.at_ms, s.rowid) AS place
        FROM suggestion s JOIN request r ON r.id = s.request_id JOIN block b ON b.id = r.block_id
          JOIN session n ON n.id = b.session_id),
      outcome AS (SELECT
          s.chain_id AS chain_id,
          max(coalesce(f.shown, 0)) AS shown, max(coalesce(f.accepted, 0)) AS accepted,
          max(coalesce(f.partial, 0)) AS partial, max(coalesce(f.dismissed, 0)) AS dismissed,
          max(coalesce(f.replaced, 0)) AS replaced, max(coalesce(f.accepted_chars, 0)) AS accepted_chars,
          coalesce(max(f.visible_ms), max(f.ended_at) - min(f.shown_at)) AS visible_ms
        FROM suggestion s LEFT JOIN fate f ON f.suggestion_id = s.id GROUP BY s.chain_id)
      SELECT
        link.chain_id AS chain_id, at_ms, lang, node_kind, total_ms, file_key, shown_chars, adapter, model_key,
        session_id, evidence, shown, accepted, partial, dismissed, replaced, accepted_chars, visible_ms
      FROM link JOIN outcome ON outcome.chain_id = link.chain_id WHERE place = 1;
    """
}
