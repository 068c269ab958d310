import Syntax

/// What the carver needs to know about a file, however it was found out.
struct Sketch {
  /// The sub-classes of N with their shares.
  enum Unit: UInt8, CaseIterable {
    case call, arguments, condition, rightSide, expression, statement, block, member, signature, `import`,
      literal

    var weight: Double {
      switch self {
      case .call: 12
      case .arguments: 8
      case .condition: 6
      case .rightSide: 6
      case .expression: 3
      case .statement: 35
      case .block: 12
      case .member: 8
      case .signature: 6
      case .import: 2
      case .literal: 2
      }
    }
  }

  /// A node that may become the middle of an N example.
  struct Candidate {
    let range: Range<Int>
    let unit: Unit
    /// Names the node for `path(of:)`.
    let node: Int
  }

  /// Siblings under one parent.
  struct Siblings {
    let children: [Range<Int>]
    /// False for a child with a parse error in it.
    let isSound: [Bool]
    /// True for statements and members, false for separated elements.
    let isBlock: Bool
    let node: Int
  }

  /// A child of some siblings, to be found by its place.
  struct Slot {
    let start: Int
    let siblings: Int
    let child: Int
  }

  /// Sorted by where they begin, grouped by their number of lines.
  var candidates: [[Candidate]] = Array(repeating: [], count: LengthBucket.allCases.count)
  var siblings: [Siblings] = []
  /// Sorted by start.
  var elementSlots: [Slot] = []
  /// Sorted by start; only children of blocks.
  var statementSlots: [Slot] = []
  var functions: [Range<Int>] = []
  /// Sorted, not overlapping.
  var comments: [Range<Int>] = []
  /// Sorted, not overlapping.
  var strings: [Range<Int>] = []
  /// Small ranges that the parser did not understand.
  var errors: [Range<Int>] = []
  /// Length of the licence comment at the top.
  var headerEnd = 0
  /// Kinds from the root to a node.
  var path: (Int) -> String = { _ in "" }

  /// Smallest and largest middle of one node or one run, in bytes.
  static let nodeBytes = 8...700

  mutating func add(_ candidate: Candidate, lines: Int) {
    guard Self.nodeBytes.contains(candidate.range.count), let bucket = LengthBucket(lines: lines) else {
      return
    }
    candidates[bucket.rawValue].append(candidate)
  }

  mutating func add(_ group: Siblings) {
    for (child, range) in group.children.enumerated() {
      let slot = Slot(start: range.lowerBound, siblings: siblings.count, child: child)
      if group.isBlock { statementSlots.append(slot) }
      if group.children.count > 1 || group.isBlock { elementSlots.append(slot) }
    }
    siblings.append(group)
  }

  mutating func sort() {
    for index in candidates.indices { candidates[index].sort { $0.range.lowerBound < $1.range.lowerBound } }
    elementSlots.sort { $0.start < $1.start }
    statementSlots.sort { $0.start < $1.start }
  }
}

/// Lengths of middles in lines, with the share of each.
enum LengthBucket: Int, CaseIterable {
  case oneLine, few, several, many

  var lines: ClosedRange<Int> {
    switch self {
    case .oneLine: 1...1
    case .few: 2...5
    case .several: 6...15
    case .many: 16...30
    }
  }

  init?(lines: Int) {
    guard let bucket = Self.allCases.first(where: { $0.lines.contains(lines) }) else { return nil }
    self = bucket
  }

  /// Over all classes, one line is meant to be 55 %, 2–5 27 %, 6–15 13 %, more 5 %. Line tails and character spans
  /// are nearly always one line, so that nodes and runs take this share of each, and block tails the longer ones.
  static let nodeShares: [Double] = [40, 36, 17, 7]
  static let blockShares: [Double] = [0, 55, 33, 12]
}

/// Searching sorted ranges.
extension [Range<Int>] {
  /// True when a range of the sorted, non-overlapping array holds `offset` in its inside or at its start.
  func covers(_ offset: Int) -> Bool {
    containing(offset) != nil
  }

  /// The range that holds `offset`.
  func containing(_ offset: Int) -> Range<Int>? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low].lowerBound <= offset ? self[low] : nil
  }
}
