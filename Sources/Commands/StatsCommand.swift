import Acceptance
import Foundation
import Registry
import Weights

/// `gemfill stats`: what people accepted.
struct StatsCommand: Command {
  static let name = "stats"
  static let summary = "Show how many completions people accept, and how fast they come."
  static let discussion = """
    Acceptance is the share of shown completions that were accepted completely, with a 95 % Wilson interval; from
    three sessions on the interval allows for sessions that differ. Typing through a completion counts once.
    Where an editor does not say what it shows, every returned completion counts as shown; such sessions are never
    mixed with those of editors that do.
    """
  static let options = [
    Option.duration("since", "TIME", help: "Only the last 30d, 12h, … (default: everything)."),
    Option.choice("by", AcceptanceReport.Grouping.allCases.map(\.rawValue), help: "One row per group."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let home = try Home.standard()
    let since = arguments.seconds("since").map { max(0, (Date().timeIntervalSince1970 - $0) * 1_000) }
    let grouping = arguments.text("by").flatMap(AcceptanceReport.Grouping.init)
    let report = try AcceptanceReport(path: home.acceptanceLog, sinceMs: Int(since ?? 0), by: grouping)
    console.emit(json: json(report, grouping))
    if report.requests == 0 {
      console.print("No completions recorded yet in \(home.acceptanceLog).")
      return .done
    }
    show(report, grouping, console)
    return .done
  }

  private static func show(
    _ report: AcceptanceReport, _ grouping: AcceptanceReport.Grouping?, _ console: Console
  ) {
    let outcomes = RequestRecord.Outcome.allCases.compactMap { outcome in
      report.outcomes[outcome].map { "\($0) \(outcome.rawValue)" }
    }
    console.print("\(report.requests) requests: \(outcomes.joined(separator: ", "))")
    if let share = report.reusedShare {
      console.print("\(percent(share)) of \(report.promptTokens) prompt tokens reused from the cache")
    }
    let rows = report.groups.isEmpty ? report.totals : report.groups + report.totals
    guard !rows.isEmpty else { return console.print("Nothing was shown long enough to count.") }
    console.print()
    let header = [
      grouping?.rawValue ?? "", "evidence", "shown", "accepted", "partial", "dismissed", "replaced",
      "acceptance",
      "95 % interval", "characters", "p50 ms", "p95 ms", "sessions",
    ]
    let sides: [Console.Alignment] = [.left, .left] + Array(repeating: .right, count: 11)
    console.table(header, rows.map(cells), alignment: sides)
  }

  private static func cells(_ row: AcceptanceReport.Row) -> [String] {
    [
      row.name.isEmpty ? "all" : row.name, row.evidence.rawValue, "\(row.shown)", "\(row.accepted)",
      "\(row.partial)", "\(row.dismissed)", "\(row.replaced)", row.acceptance.map { percent($0.rate) } ?? "-",
      row.acceptance.map { "\(percent($0.low)) to \(percent($0.high))" } ?? "-",
      row.characterAcceptance.map(percent) ?? "-", row.latencyP50.map(milliseconds) ?? "-",
      row.latencyP95.map(milliseconds) ?? "-", "\(row.sessions)",
    ]
  }

  private static func percent(_ share: Double) -> String { String(format: "%.1f%%", share * 100) }

  private static func milliseconds(_ value: Double) -> String { String(format: "%.0f", value) }

  /// The strongest evidence's numbers stand at the top level; all rows follow.
  static func json(_ report: AcceptanceReport, _ grouping: AcceptanceReport.Grouping?) -> JSONValue {
    var object = JSONObject([
      ("since_ms", .int(report.sinceMs)), ("requests", .int(report.requests)),
      (
        "outcomes",
        .object(
          JSONObject(
            RequestRecord.Outcome.allCases.map { ($0.rawValue, .int(report.outcomes[$0] ?? 0)) }))
      ),
      ("prompt_tokens", .int(report.promptTokens)), ("reused_tokens", .int(report.cachedTokens)),
      ("reused_share", report.reusedShare.map(JSONValue.double) ?? .null),
    ])
    let nothing = AcceptanceReport.Row.none
    for (key, value) in members(report.totals.first ?? nothing) { object[key] = value }
    object["by_evidence"] = .array(report.totals.map { .object(JSONObject(members($0))) })
    if let grouping {
      object["by"] = .string(grouping.rawValue)
      object["groups"] = .array(
        report.groups.map { .object(JSONObject([("name", .string($0.name))] + members($0))) })
    }
    return .object(object)
  }

  private static func members(_ row: AcceptanceReport.Row) -> [(String, JSONValue)] {
    let acceptance: JSONValue =
      row.acceptance.map { ["rate": .double($0.rate), "low": .double($0.low), "high": .double($0.high)] }
      ?? .null
    return [
      ("evidence", .string(row.evidence.rawValue)), ("shown", .int(row.shown)),
      ("accepted", .int(row.accepted)), ("partial", .int(row.partial)), ("dismissed", .int(row.dismissed)),
      ("replaced", .int(row.replaced)), ("acceptance", acceptance),
      ("character_acceptance", row.characterAcceptance.map(JSONValue.double) ?? .null),
      ("latency_p50_ms", row.latencyP50.map(JSONValue.double) ?? .null),
      ("latency_p95_ms", row.latencyP95.map(JSONValue.double) ?? .null), ("sessions", .int(row.sessions)),
    ]
  }
}
