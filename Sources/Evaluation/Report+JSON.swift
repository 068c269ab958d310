import Weights

extension Report {
  /// The report as one JSON object; shares are fractions of 1, losses are nats per byte. Ends of
  /// intervals from too few files are null.
  public var json: JSONValue {
    [
      "scored": .int(scored), "completed": .int(completed), "offered": .int(offered),
      "files": .int(fileCount),
      "contenders": .array(rows.map(Self.json)), "comparisons": .array(comparisons.map(Self.json)),
    ]
  }

  static func json(_ row: Row) -> JSONValue {
    var object: JSONValue = ["name": .string(row.name)]
    for measure in Measure.allCases { object[measure.rawValue] = row.figures[measure].map(json) }
    object["otherOrderLossPerByte"] = row.otherOrderLossPerByte.map(JSONValue.double)
    object["medianMilliseconds"] = row.medianMilliseconds.map(JSONValue.double)
    return object
  }

  private static func json(_ comparison: Comparison) -> JSONValue {
    var object: JSONValue = ["name": .string(comparison.name), "reference": .string(comparison.reference)]
    for measure in Measure.allCases {
      guard let difference = comparison.differences[measure] else { continue }
      object[measure.rawValue] = json(difference)
      object[measure.rawValue]?["verdict"] =
        switch comparison.improves(measure) {
        case true?: "better"
        case false?: "worse"
        case nil: difference.isReliable ? "unclear" : "too few files"
        }
    }
    object["exactOnlyHere"] = .int(comparison.exactMatch.onlyFirst)
    object["exactOnlyReference"] = .int(comparison.exactMatch.onlySecond)
    object["mcNemarP"] = .double(comparison.exactMatch.pValue)
    return object
  }

  private static func json(_ interval: Interval) -> JSONValue {
    [
      "estimate": .double(interval.estimate), "low": interval.isReliable ? .double(interval.low) : .null,
      "high": interval.isReliable ? .double(interval.high) : .null,
    ]
  }
}
