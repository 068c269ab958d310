import Database
import Foundation

/// What people made of suggestions, as labels to learn from.
///
/// - wanted: accepted; typed out instead of accepted (half the weight); accepted in part: the part, about whose end nothing is
///   known.
/// - not wanted: dismissed; shown for at least `readMs` and contradicted by what was typed next.
/// - dropped: not seen (gone within `glanceMs`), replaced by another suggestion, hidden, undecided, and what has no text.
///
/// The log does not say how long accepted text stood, so that every accepted text counts as kept.
public struct Feedback: Sendable {
  /// A labelled suggestion.
  public struct Label: Sendable, Equatable {
    /// The prompt, and what was wanted or not.
    public var text: SuggestionText
    /// Whether it was wanted.
    public var isDesirable: Bool
    /// How much it counts.
    public var weight: Double
    /// False where only a beginning was taken, or where the text was clipped: nothing is known about its end.
    public var isWhole: Bool
    /// Adapter that made it; empty for the base.
    public var adapter: String
  }

  /// From here on a suggestion has been read.
  public static let readMs = 750
  /// What is gone sooner has not been seen.
  public static let glanceMs = 300
  /// Most labels of one file, so that it does not outweigh all others.
  public static let mostPerFile = 100

  /// The labels, the oldest first.
  public let labels: [Label]
  /// Suggestions that were decided, with text or without.
  public let decided: Int
  /// Of those, the ones whose text the log does not hold.
  public let withoutText: Int

  private struct Row {
    let text: SuggestionText?
    let isTruncated: Bool
    let kinds: Set<String>
    let acceptedLength: Int
    let visibleMs: Int?
    let isSuperseded: Bool
    let file: [UInt8]
    let adapter: String
  }

  /// Reads the log. A file that does not exist is not created: there are no labels.
  public init(path: String, sinceMs: Int = 0) throws(DatabaseError) {
    guard FileManager.default.fileExists(atPath: path) else {
      (labels, decided, withoutText) = ([], 0, 0)
      return
    }
    let log = try Connection(path: path, schema: AcceptanceSchema.current)
    let rows = try log.query(Self.sql, [sinceMs]) { row in
      let id = RecordID(row.blob(0))
      let hasText = !row.isNull(8)
      return Row(
        text: hasText
          ? id.map {
            SuggestionText(
              suggestionID: $0, path: row.text(7), prefix: row.text(8), suffix: row.text(9),
              completion: row.text(10))
          } : nil,
        isTruncated: row.integer(1) != 0,
        kinds: Set(row.text(2).split(separator: ",").map(String.init)), acceptedLength: row.integer(3),
        visibleMs: row.isNull(4) ? nil : row.integer(4), isSuperseded: row.integer(5) != 0,
        file: row.blob(6), adapter: row.text(11))
    }
    var labels: [Label] = []
    var perFile: [[UInt8]: Int] = [:]
    var (decided, withoutText) = (0, 0)
    for row in rows {
      guard let verdict = Self.verdict(row) else { continue }
      decided += 1
      guard let text = row.text else {
        withoutText += 1
        continue
      }
      guard perFile[row.file, default: 0] < Self.mostPerFile,
        let label = Self.label(text, row, verdict)
      else { continue }
      perFile[row.file, default: 0] += 1
      labels.append(label)
    }
    (self.labels, self.decided, self.withoutText) = (labels, decided, withoutText)
  }

  private enum Verdict { case accepted, part, typed, unwanted }

  private static func verdict(_ row: Row) -> Verdict? {
    if row.kinds.contains("accepted") { return .accepted }
    if row.kinds.contains("partial"), row.acceptedLength > 0 { return .part }
    // The client that shows suggestions says how long; without that nothing is known to have been seen.
    let seen = row.visibleMs ?? 0
    if row.kinds.contains("dismissed") { return seen >= glanceMs ? .unwanted : nil }
    if row.kinds.contains("replaced") { return seen >= readMs && !row.isSuperseded ? .unwanted : nil }
    if row.kinds.contains("typed_through") { return .typed }
    return nil
  }

  private static func label(_ text: SuggestionText, _ row: Row, _ verdict: Verdict) -> Label? {
    var label = Label(
      text: text, isDesirable: verdict != .unwanted, weight: verdict == .typed ? 0.5 : 1,
      isWhole: !row.isTruncated, adapter: row.adapter)
    if verdict == .part {
      let taken = String(decoding: Array(text.completion.utf16.prefix(row.acceptedLength)), as: UTF16.self)
      label.text.completion = taken
      label.isWhole = false
    }
    return label.text.completion.isEmpty ? nil : label
  }

  /// One row per suggestion of which something is known.
  private static let sql = """
    SELECT s.id, s.truncated, group_concat(DISTINCT e.kind), coalesce(max(e.accepted_chars), 0),
      coalesce(max(e.visible_ms), max(CASE WHEN e.kind <> 'shown' THEN e.at_ms END)
        - min(CASE WHEN e.kind = 'shown' THEN e.at_ms END)),
      max(e.kind = 'replaced' AND e.cause = 'new suggestion'), r.file_key,
      c.path, c.prefix, c.suffix, c.completion, b.adapter
    FROM suggestion s JOIN event e ON e.suggestion_id = s.id JOIN request r ON r.id = s.request_id
      JOIN block b ON b.id = r.block_id LEFT JOIN content c ON c.suggestion_id = s.id
    WHERE r.at_ms >= ?
    GROUP BY s.id ORDER BY r.at_ms, s.rowid;
    """
}
