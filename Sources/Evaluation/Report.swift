/// Figures of every contender, and of every later contender against an earlier one, with 95 % intervals.
public struct Report: Sendable {
  /// One contender's figures.
  public struct Row: Sendable {
    /// The contender's name.
    public var name: String
    /// Figures that could be measured.
    public var figures: [Measure: Interval]
    /// Loss per byte in the other prompt order, where it was asked for.
    public var otherOrderLossPerByte: Double?
    /// Median time of a completion.
    public var medianMilliseconds: Double?
  }

  /// Two contenders on the same examples: `name` minus `reference`.
  public struct Comparison: Sendable {
    /// The contender of interest.
    public var name: String
    /// The contender that it is measured against.
    public var reference: String
    /// Differences of the figures.
    public var differences: [Measure: Interval]
    /// Exact matches of one and not the other.
    public var exactMatch: McNemar

    /// True when the difference is clear of 0 on the good side; nil when it is not clear or from too few files.
    public func improves(_ measure: Measure) -> Bool? {
      guard let difference = differences[measure], difference.isClearOfZero else { return nil }
      return (difference.estimate < 0) == measure.isBetterWhenLower
    }
  }

  /// Figures of each contender.
  public var rows: [Row]
  /// Every comparison that was asked for.
  public var comparisons: [Comparison]
  /// Examples that were scored, examples that were completed, and examples that were on offer.
  public var scored: Int, completed: Int, offered: Int
  /// Files that the examples come from; whole files are resampled for the intervals.
  public var fileCount: Int

  /// Sums an evaluation up.
  /// - Parameters:
  ///   - evaluation: the outcomes.
  ///   - pairs: pairs of contender indices (contender, reference) to compare.
  ///   - bootstrap: how intervals are made.
  public init(
    _ evaluation: Evaluation, comparing pairs: [(contender: Int, reference: Int)],
    bootstrap: Bootstrap = Bootstrap()
  ) {
    rows = zip(evaluation.contenders, evaluation.outcomes).map { name, outcomes in
      Self.row(name: name, outcomes: outcomes, bootstrap: bootstrap)
    }
    comparisons = pairs.map { pair in
      Self.comparison(
        of: evaluation.outcomes[pair.contender], with: evaluation.outcomes[pair.reference],
        names: (evaluation.contenders[pair.contender], evaluation.contenders[pair.reference]),
        bootstrap: bootstrap)
    }
    let first = evaluation.outcomes.first ?? []
    scored = first.count
    completed = first.count { $0.completion != nil }
    offered = evaluation.offered
    fileCount = Set(first.map(\.file)).count
  }

  static func row(name: String, outcomes: [Outcome], bootstrap: Bootstrap) -> Row {
    var figures: [Measure: Interval] = [:]
    for measure in Measure.allCases {
      let terms = outcomes.map { measure.terms(of: $0) }
      figures[measure] = interval(of: terms, outcomes: outcomes, bootstrap: bootstrap)
    }
    let others = outcomes.compactMap(\.otherOrderLoss)
    let bytes = outcomes.reduce(0) { $0 + $1.middleBytes }
    let times = outcomes.compactMap { $0.completion?.milliseconds }.sorted()
    return Row(
      name: name, figures: figures,
      otherOrderLossPerByte: others.count == outcomes.count && bytes > 0
        ? others.reduce(0, +) / Double(bytes) : nil,
      medianMilliseconds: times.isEmpty ? nil : Bootstrap.quantile(0.5, of: times))
  }

  private static func comparison(
    of outcomes: [Outcome], with references: [Outcome], names: (String, String), bootstrap: Bootstrap
  ) -> Comparison {
    var differences: [Measure: Interval] = [:]
    for measure in Measure.allCases {
      let terms = zip(outcomes, references).map { outcome, reference -> (top: Double, bottom: Double)? in
        guard let new = measure.terms(of: outcome), let old = measure.terms(of: reference) else { return nil }
        return (new.top - old.top, new.bottom)
      }
      differences[measure] = interval(of: terms, outcomes: outcomes, bootstrap: bootstrap)
    }
    let matched = zip(outcomes, references).compactMap { outcome, reference -> (Bool, Bool)? in
      guard let new = outcome.completion, let old = reference.completion else { return nil }
      return (new.matchesExactly, old.matchesExactly)
    }
    return Comparison(
      name: names.0, reference: names.1, differences: differences,
      exactMatch: McNemar(first: matched.map(\.0), second: matched.map(\.1)))
  }

  private static func interval(
    of terms: [(top: Double, bottom: Double)?], outcomes: [Outcome], bootstrap: Bootstrap
  ) -> Interval? {
    var groupOfFile: [String: Int] = [:]
    var tops: [Double] = []
    var bottoms: [Double] = []
    var groups: [Int] = []
    for (term, outcome) in zip(terms, outcomes) {
      guard let term else { continue }
      tops.append(term.top)
      bottoms.append(term.bottom)
      groups.append(groupOfFile[outcome.file, default: groupOfFile.count])
      groupOfFile[outcome.file] = groups[groups.count - 1]
    }
    return bootstrap.ratio(tops, over: bottoms, groups: groups)
  }
}
