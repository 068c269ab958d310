import Weights

/// The figures of every contender for one part of the holes after another: by package, by language or by shape.
public struct Breakdown: Sendable {
  /// What holes are told apart by.
  public enum Axis: String, Sendable, CaseIterable {
    /// Repository or release.
    case package
    /// Programming language.
    case language
    /// How much is missing.
    case shape

    func value(of outcome: Outcome) -> String {
      switch self {
      case .package: outcome.package
      case .language: outcome.language
      case .shape: outcome.shape.rawValue
      }
    }
  }

  /// Figures of the holes that share a value.
  public struct Part: Sendable {
    /// The package, language or shape.
    public var value: String
    /// Holes that were scored, and holes that were completed.
    public var scored: Int, completed: Int
    /// Files that the holes come from.
    public var fileCount: Int
    /// Figures of each contender.
    public var rows: [Report.Row]
  }

  /// What the parts differ in.
  public let axis: Axis
  /// The parts by their values.
  public let parts: [Part]

  /// Splits an evaluation up; intervals are made as in `Report`, from the files of each part.
  public init(_ evaluation: Evaluation, by axis: Axis, bootstrap: Bootstrap = Bootstrap()) {
    self.axis = axis
    let values = Set((evaluation.outcomes.first ?? []).map(axis.value(of:))).sorted()
    parts = values.map { value in
      let chosen = evaluation.outcomes.map { $0.filter { axis.value(of: $0) == value } }
      let first = chosen.first ?? []
      return Part(
        value: value, scored: first.count, completed: first.count { $0.completion != nil },
        fileCount: Set(first.map(\.file)).count,
        rows: zip(evaluation.contenders, chosen).map { name, outcomes in
          Report.row(name: name, outcomes: outcomes, bootstrap: bootstrap)
        })
    }
  }

  /// One object for each value, as in the report: `{value, scored, completed, files, contenders}`.
  public var json: JSONValue {
    .array(
      parts.map { part in
        [
          "value": .string(part.value), "scored": .int(part.scored), "completed": .int(part.completed),
          "files": .int(part.fileCount), "contenders": .array(part.rows.map(Report.json)),
        ]
      })
  }

  /// A table for a terminal, a block of rows for each value.
  public func table() -> String {
    let measures = Measure.allCases.filter { measure in
      parts.contains { $0.rows.contains { $0.figures[measure] != nil } }
    }
    var cells: [[String]] = []
    for part in parts {
      let heading = "\(part.value) (\(part.scored) holes)"
      let block = Report.cells(of: part.rows, measures: measures, heading: heading)
      cells += cells.isEmpty ? [block[0]] : [[heading]]
      cells += block.dropFirst().map { ["  " + $0[0]] + $0.dropFirst() }
    }
    return Report.aligned(cells).joined(separator: "\n") + "\n"
  }
}
