import Foundation

extension Report {
  /// The report as plain text for a terminal.
  public func table() -> String {
    var lines = [
      "\(scored) held-out holes in \(fileCount) files"
        + (scored < offered ? " (of \(offered); the time budget ended there)" : "")
        + (completed < scored ? ", \(completed) of them completed" : "")
    ]
    let measures = Measure.allCases.filter { measure in rows.contains { $0.figures[measure] != nil } }
    lines += Self.aligned(Self.cells(of: rows, measures: measures, heading: ""))
    for comparison in comparisons { lines += Self.lines(of: comparison, measures: measures) }
    for row in rows {
      if let other = row.otherOrderLossPerByte {
        lines.append("\(row.name): loss/byte in the other prompt order \(Measure.lossPerByte.text(other))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A heading row and one row for each contender.
  static func cells(of rows: [Row], measures: [Measure], heading: String) -> [[String]] {
    [[heading] + measures.map(\.heading) + ["median"]]
      + rows.map { row in
        [row.name] + measures.map { measure in row.figures[measure].map { measure.text($0.estimate) } ?? "–" }
          + [row.medianMilliseconds.map { String(format: "%.0f ms", $0) } ?? "–"]
      }
  }

  private static func lines(of comparison: Comparison, measures: [Measure]) -> [String] {
    var lines = ["", "\(comparison.name) against \(comparison.reference), difference with 95 % interval:"]
    let rows = measures.compactMap { measure -> [String]? in
      guard let difference = comparison.differences[measure] else { return nil }
      let verdict =
        switch comparison.improves(measure) {
        case true?: "better"
        case false?: "worse"
        case nil where !difference.isReliable: "too few files"
        case nil: difference.low == difference.high ? "the same" : "not clear of 0"
        }
      let low = measure.text(difference.low, signed: true)
      let high = measure.text(difference.high, signed: true)
      return [
        "  " + measure.heading, measure.text(difference.estimate, signed: true),
        difference.isReliable ? "[\(low), \(high)]" : "–", verdict,
      ]
    }
    lines += aligned(rows)
    let test = comparison.exactMatch
    lines.append(
      "  exact only in \(comparison.name): \(test.onlyFirst), only in \(comparison.reference): \(test.onlySecond), "
        + "McNemar p = \(String(format: "%.2g", test.pValue))")
    return lines
  }

  /// Columns side by side: the first to the left, the others to the right.
  static func aligned(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }
  }
}
