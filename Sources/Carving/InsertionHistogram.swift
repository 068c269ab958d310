/// How many insertions of each class and length there are, and how they stand in the code.
public struct InsertionHistogram: Sendable, Equatable, Codable {
  /// Number of insertions.
  public private(set) var total = 0
  /// Counts by class and length, under the letters and names that reports show.
  public private(set) var cells: [String: [String: Int]] = [:]
  /// Counts by what stands before the insertion.
  public private(set) var cursors: [String: Int] = [:]
  /// Counts by what stands behind it.
  public private(set) var rightSides: [String: Int] = [:]
  /// Counts by how it fits the syntax.
  public private(set) var alignments: [String: Int] = [:]

  /// The classes that the judge gives, in the order of the documentation.
  public static let kinds: [FIMExample.Kind] = [
    .node, .siblingRun, .lineTail, .blockTail, .characterSpan, .import, .signatureOrBody,
  ]

  /// An empty histogram.
  public init() {}

  /// Counts an insertion.
  public mutating func add(_ insertion: InsertionClass) {
    total += 1
    cells[insertion.kind.rawValue, default: [:]][insertion.length.rawValue, default: 0] += 1
    cursors[insertion.cursor.rawValue, default: 0] += 1
    rightSides[insertion.right.rawValue, default: 0] += 1
    alignments[insertion.alignment.rawValue, default: 0] += 1
  }

  /// The count of a class and a length.
  public func count(_ kind: FIMExample.Kind, _ length: HoleLength) -> Int {
    cells[kind.rawValue]?[length.rawValue] ?? 0
  }

  /// Counts in a fixed order, class by class.
  var counts: [Double] {
    Self.kinds.flatMap { kind in HoleLength.carved.map { Double(count(kind, $0)) } }
  }

  /// Rows for a table: class, share of all, then the share of each length, in percent.
  public var rows: [[String]] {
    let all = Double(max(1, total))
    func percent(_ count: Int) -> String {
      let tenths = Int((1_000 * Double(count) / all).rounded())
      return "\(tenths / 10).\(tenths % 10)"
    }
    return Self.kinds.map { kind in
      let counts = HoleLength.carved.map { count(kind, $0) }
      return [kind.rawValue, percent(counts.reduce(0, +))] + counts.map(percent)
    }
  }

  /// Names of the columns of `rows`.
  public static let columns = ["class", "%"] + HoleLength.carved.map(\.rawValue)
}

/// How far two histograms are apart.
public struct HistogramDistance: Sendable, Equatable, Codable {
  /// Total variation over class × number of lines (1, 2–5, 6–15, 16–30), 0 to 1.
  public let classesAndLines: Double
  /// Total variation over class × length, bytes told apart within a line, 0 to 1.
  public let classesAndLengths: Double
  /// Total variation over the classes alone, 0 to 1.
  public let classes: Double
  /// Total variation over the numbers of lines alone, 0 to 1.
  public let lines: Double

  /// Compares two histograms.
  public init(_ left: InsertionHistogram, _ right: InsertionHistogram) {
    func byClass(_ histogram: InsertionHistogram) -> [[Double]] {
      InsertionHistogram.kinds.map { Self.lines(histogram, of: [$0]) }
    }
    classesAndLengths = Self.totalVariation(left.counts, right.counts)
    classesAndLines = Self.totalVariation(byClass(left).flatMap { $0 }, byClass(right).flatMap { $0 })
    classes = Self.totalVariation(
      byClass(left).map { $0.reduce(0, +) }, byClass(right).map { $0.reduce(0, +) })
    lines = Self.totalVariation(
      Self.lines(left, of: InsertionHistogram.kinds), Self.lines(right, of: InsertionHistogram.kinds))
  }

  /// Counts of one line, 2–5, 6–15 and 16–30 lines.
  private static func lines(_ histogram: InsertionHistogram, of kinds: [FIMExample.Kind]) -> [Double] {
    let single = kinds.reduce(0) { sum, kind in
      HoleLength.inLine.reduce(sum) { $0 + histogram.count(kind, $1) }
    }
    let others = HoleLength.carved.filter { !$0.isInLine }
    return [Double(single)]
      + others.map { length in Double(kinds.reduce(0) { $0 + histogram.count($1, length) }) }
  }

  /// What the distance of so few insertions from the very shares that they were drawn from is likely to be, over
  /// classes × lines: no learning gets below it.
  ///
  /// Each share strays by `sqrt(2 p (1 - p) / (π n))` on average (the mean deviation of a normal distribution).
  public static func expected(of histogram: InsertionHistogram) -> Double {
    let count = Double(histogram.total)
    guard count > 0 else { return 1 }
    return InsertionHistogram.kinds.flatMap { lines(histogram, of: [$0]) }.reduce(0) { sum, found in
      let share = found / count
      return sum + (2 * share * (1 - share) / (.pi * count)).squareRoot() / 2
    }
  }

  /// Half the sum of the differences between the shares of two lists of counts: 0 for equal shares, 1 for disjoint
  /// ones; 1 when one of them is empty.
  public static func totalVariation(_ left: [Double], _ right: [Double]) -> Double {
    let leftSum = left.reduce(0, +)
    let rightSum = right.reduce(0, +)
    guard leftSum > 0, rightSum > 0 else { return leftSum == rightSum ? 0 : 1 }
    return zip(left, right).reduce(0) { $0 + abs($1.0 / leftSum - $1.1 / rightSum) } / 2
  }
}
