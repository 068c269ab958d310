import Database
import Foundation

/// What the log says about a stretch of time.
public struct AcceptanceReport: Sendable {
  /// How the rows are grouped.
  public enum Grouping: String, Sendable, CaseIterable {
    case language, adapter, kind, day
  }

  /// The numbers of one group, all from sessions with the same kind of evidence.
  public struct Row: Sendable {
    /// The group's name; empty for the whole.
    public let name: String
    /// How the sessions know what they report; with other than `.client`, shown means returned.
    public let evidence: Evidence
    /// Chains that were visible for at least `shortestDisplayMs`, or accepted.
    public let shown: Int
    /// Chains accepted completely.
    public let accepted: Int
    /// Chains accepted in part only.
    public let partial: Int
    /// Chains dismissed by the user.
    public let dismissed: Int
    /// Chains over which the user typed something else.
    public let replaced: Int
    /// Accepted share of shown with its 95 % interval; nil when nothing was shown.
    public let acceptance: Proportion?
    /// Accepted characters divided by shown characters; nil when nothing was shown.
    public let characterAcceptance: Double?
    /// Median milliseconds from request to answer, of what was shown.
    public let latencyP50: Double?
    /// 95th percentile of the same.
    public let latencyP95: Double?
    /// Sessions that the numbers come from. With fewer than three the interval takes suggestions as independent.
    public let sessions: Int

    /// The row of nothing.
    public static let none = AcceptanceReport.row(name: "", .client, [])
  }

  /// A shorter display is neither success nor failure.
  public static let shortestDisplayMs = 250

  /// Milliseconds since 1970 from which requests count; 0 for all.
  public let sinceMs: Int
  /// Requests by outcome.
  public let outcomes: [RequestRecord.Outcome: Int]
  /// Prompt tokens of all requests.
  public let promptTokens: Int
  /// Of those, the ones whose keys and values were reused.
  public let cachedTokens: Int
  /// One row per kind of evidence that has suggestions, the strongest evidence first.
  public let totals: [Row]
  /// Rows of the grouping asked for, sorted by name; empty without one.
  public let groups: [Row]

  /// Requests in all.
  public var requests: Int { outcomes.values.reduce(0, +) }
  /// Reused share of prompt tokens; nil without any.
  public var reusedShare: Double? { promptTokens > 0 ? Double(cachedTokens) / Double(promptTokens) : nil }

  /// Reads the log. A file that does not exist is not created: everything is zero.
  public init(path: String, sinceMs: Int = 0, by grouping: Grouping? = nil) throws(DatabaseError) {
    self.sinceMs = sinceMs
    guard FileManager.default.fileExists(atPath: path) else {
      (outcomes, promptTokens, cachedTokens, totals, groups) = ([:], 0, 0, [], [])
      return
    }
    let log = try Connection(path: path, schema: AcceptanceSchema.current)
    let counts = try log.query(
      "SELECT outcome, count(*) FROM request WHERE at_ms >= ? GROUP BY outcome", [sinceMs]
    ) { (RequestRecord.Outcome(rawValue: $0.text(0)), $0.integer(1)) }
    outcomes = counts.reduce(into: [:]) { result, pair in
      if let outcome = pair.0 { result[outcome] = pair.1 }
    }
    let tokens = try log.first(
      "SELECT coalesce(sum(prompt_tokens), 0), coalesce(sum(cached_tokens), 0) FROM request WHERE at_ms >= ?",
      [sinceMs]
    ) { ($0.integer(0), $0.integer(1)) }
    (promptTokens, cachedTokens) = tokens ?? (0, 0)
    let chains = try Self.chains(log, sinceMs, grouping)
    totals = Self.rows(chains) { _ in "" }
    groups = grouping == nil ? [] : Self.rows(chains) { $0.group }
  }

  /// One suggestion with what became of it, over all that the user typed through it.
  private struct Chain {
    let group: String
    let evidence: Evidence
    let session: [UInt8]
    let isAccepted: Bool
    let isPartial: Bool
    let isDismissed: Bool
    let isReplaced: Bool
    let acceptedLength: Int
    let shownLength: Int
    let totalMs: Double?
  }

  private static func chains(
    _ log: Connection, _ sinceMs: Int, _ grouping: Grouping?
  ) throws(DatabaseError) -> [Chain] {
    let group =
      switch grouping {
      case .language: "lang"
      case .adapter: "CASE adapter WHEN '' THEN '(base)' ELSE adapter END"
      case .kind: "CASE node_kind WHEN '' THEN '(unknown)' ELSE node_kind END"
      case .day: "date(at_ms / 1000, 'unixepoch', 'localtime')"
      case nil: "''"
      }
    let sql = """
      SELECT \(group), evidence, session_id, accepted, partial, dismissed, replaced, accepted_chars, shown_chars,
        total_ms
      FROM chain
      WHERE at_ms >= ?
        AND (accepted OR partial OR ((shown OR evidence <> 'client') AND coalesce(visible_ms, ?) >= ?))
      """
    return try log.query(sql, [sinceMs, shortestDisplayMs, shortestDisplayMs]) { row in
      let accepted = row.integer(3) != 0
      let partial = !accepted && row.integer(4) != 0
      let dismissed = !accepted && !partial && row.integer(5) != 0
      return Chain(
        group: row.text(0), evidence: Evidence(rawValue: row.text(1)) ?? .inferred, session: row.blob(2),
        isAccepted: accepted, isPartial: partial, isDismissed: dismissed,
        isReplaced: !accepted && !partial && !dismissed && row.integer(6) != 0,
        acceptedLength: row.integer(7),
        shownLength: row.integer(8), totalMs: row.optionalReal(9))
    }
  }

  private static func rows(_ chains: [Chain], by name: (Chain) -> String) -> [Row] {
    Evidence.allCases.flatMap { evidence in
      Dictionary(grouping: chains.filter { $0.evidence == evidence }, by: name)
        .sorted { $0.key < $1.key }
        .map { row(name: $0.key, evidence, $0.value) }
    }
  }

  private static func row(name: String, _ evidence: Evidence, _ chains: [Chain]) -> Row {
    let sessions = Dictionary(grouping: chains, by: \.session).values.map { chains in
      (successes: chains.count(where: \.isAccepted), trials: chains.count)
    }
    let shownLength = chains.reduce(0) { $0 + $1.shownLength }
    let acceptedLength = chains.reduce(0) { $0 + min($1.acceptedLength, $1.shownLength) }
    let latencies = chains.compactMap(\.totalMs).sorted()
    return Row(
      name: name, evidence: evidence, shown: chains.count, accepted: chains.count(where: \.isAccepted),
      partial: chains.count(where: \.isPartial), dismissed: chains.count(where: \.isDismissed),
      replaced: chains.count(where: \.isReplaced), acceptance: Proportion.clustered(sessions),
      characterAcceptance: shownLength > 0 ? Double(acceptedLength) / Double(shownLength) : nil,
      latencyP50: quantile(0.5, ofSorted: latencies), latencyP95: quantile(0.95, ofSorted: latencies),
      sessions: sessions.count)
  }
}
