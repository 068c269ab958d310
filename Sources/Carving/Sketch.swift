import Syntax

/// What the carver needs to know about a file, however it was found out. Offsets are bytes of the file.
struct Sketch {
  /// A node that may become the middle of an N example.
  struct Candidate {
    /// The middle: the node, or what stands between its brackets.
    let start: UInt32
    let end: UInt32
    /// Behind the closing bracket; 0 when the node has none.
    let closedEnd: UInt32
    let node: UInt32
    let part: UInt16
    let unit: UInt8
    /// True right behind a line with a comment.
    let isAfterComment: Bool

    var range: Range<Int> { Int(start)..<Int(end) }
  }

  /// One of the siblings under a parent.
  struct Child {
    let start: UInt32
    let end: UInt32
    let firstLine: UInt32
    let lastLine: UInt32
    let group: UInt32
    /// Behind the comma or semicolon that follows; 0 for none.
    var separatorEnd: UInt32 = 0
    /// False with a parse error, or code of another language, in it.
    let isSound: Bool
    let isImport: Bool
    let isAfterComment: Bool

    var range: Range<Int> { Int(start)..<Int(end) }
  }

  /// Siblings under one parent: `children[first..<first + count]`.
  struct Group {
    let first: UInt32
    var count: UInt32
    let node: UInt32
    let part: UInt16
    /// True for statements and members, false for separated elements.
    let isBlock: Bool
    /// True for all statements of a function.
    let isBody: Bool

    var children: Range<Int> { Int(first)..<Int(first + count) }

    /// Whether children are all statements of a function. They are left to class S: people insert functions with their
    /// bodies, or a part of a body, but hardly ever the body alone (0.0 to 0.2 % of the insertions in four histories,
    /// while R and B cut 3 to 7 % of their holes so).
    func isWholeBody(_ run: ClosedRange<Int>) -> Bool {
      isBody && run.lowerBound == children.lowerBound && run.upperBound + 1 == children.upperBound
    }
  }

  /// A function, to be looked at when it is needed.
  struct Function {
    let range: Range<Int>
    let node: Int
    let part: Int
    let isSound: Bool
  }

  /// Bytes of candidates without a tree.
  var sizes = 0...Int.max
  /// By `HoleLength.index`; sorted by where they begin.
  var candidates: [[Candidate]] = Array(repeating: [], count: HoleLength.carved.count)
  var children: [Child] = []
  var groups: [Group] = []
  /// Indices of children that runs may begin with, sorted by start.
  var elementSlots: [UInt32] = []
  /// Indices of children of blocks, sorted by start.
  var statementSlots: [UInt32] = []
  /// Indices of children that are imports, sorted by start.
  var imports: [UInt32] = []
  /// Sorted by start.
  var functions: [Function] = []
  /// Sorted, not overlapping.
  var comments: [Range<Int>] = []
  /// Sorted, not overlapping.
  var strings: [Range<Int>] = []
  /// Small ranges that the parser did not understand, sorted by start.
  var errors: [Range<Int>] = []
  /// Nodes that were no candidates because of errors in them or beside them.
  var tainted: [Range<Int>] = []

  mutating func append(slot child: UInt32, isBlock: Bool, isSingle: Bool, isImport: Bool) {
    if isBlock { statementSlots.append(child) }
    if isBlock || !isSingle { elementSlots.append(child) }
    if isImport { imports.append(child) }
  }

  /// Puts what was found in several parts into the order of the file.
  mutating func sort() {
    for index in candidates.indices where !candidates[index].isOrdered(by: \.start) {
      candidates[index].sort { ($0.start, $0.end) < ($1.start, $1.end) }
    }
    let children = self.children
    func ordered(_ slots: inout [UInt32]) {
      let starts = { (slot: UInt32) in children[Int(slot)].start }
      if !slots.isOrdered(by: starts) { slots.sort { (starts($0), $0) < (starts($1), $1) } }
    }
    ordered(&elementSlots)
    ordered(&statementSlots)
    ordered(&imports)
    if !functions.isOrdered(by: \.range.lowerBound) {
      functions.sort { ($0.range.lowerBound, $0.node) < ($1.range.lowerBound, $1.node) }
    }
    for place in [\Sketch.comments, \.strings, \.errors]
    where !self[keyPath: place].isOrdered(by: \.lowerBound) {
      self[keyPath: place].sort { $0.lowerBound < $1.lowerBound }
    }
  }
}

/// What is not code.
extension Sketch {
  /// Only comments, or documentation strings on lines of their own.
  func isCommentary(_ visible: Range<Int>, source: [UInt8], lines: LineIndex) -> Bool {
    /// A string that fills its lines is documentation.
    func standsAlone(_ string: Range<Int>) -> Bool {
      let rows = lines.line(at: string.lowerBound)..<lines.line(at: string.upperBound - 1) + 1
      return Blanks.trimmed(lines.range(of: rows), of: source) == string
    }
    var place = visible.lowerBound
    while place < visible.upperBound {
      if Blanks.isSpace(source[place]) {
        place += 1
      } else if let comment = comments.containing(place) {
        place = comment.upperBound
      } else if let string = strings.containing(place), standsAlone(string) {
        place = string.upperBound
      } else {
        return false
      }
    }
    return true
  }

  /// All of it in one string.
  func isInString(_ visible: Range<Int>) -> Bool {
    strings.containing(visible.lowerBound).map { $0.upperBound >= visible.upperBound } ?? false
  }
}

extension Array {
  fileprivate func isOrdered<Key: Comparable>(by key: (Element) -> Key) -> Bool {
    for index in indices.dropFirst() where key(self[index - 1]) > key(self[index]) { return false }
    return true
  }

  /// Indices of the items, sorted by `start`, that begin inside the window.
  func places(startingIn window: Range<Int>, start: (Element) -> Int) -> Range<Int> {
    func first(atLeast offset: Int) -> Int {
      var low = 0
      var high = count
      while low < high {
        let middle = (low + high) / 2
        if start(self[middle]) < offset { low = middle + 1 } else { high = middle }
      }
      return low
    }
    let low = first(atLeast: window.lowerBound)
    return low..<Swift.max(low, first(atLeast: window.upperBound))
  }
}

/// Searching sorted ranges.
extension [Range<Int>] {
  /// True when a range of the sorted, non-overlapping array holds `offset` in its inside or at its start.
  func covers(_ offset: Int) -> Bool {
    containing(offset) != nil
  }

  /// The range that holds `offset`.
  func containing(_ offset: Int) -> Range<Int>? {
    let index = firstIndex(endingBehind: offset)
    return index < count && self[index].lowerBound <= offset ? self[index] : nil
  }

  /// True when a range of the sorted, non-overlapping array overlaps `range`.
  func overlap(_ range: Range<Int>) -> Bool {
    let index = firstIndex(endingBehind: range.lowerBound)
    return index < count && self[index].lowerBound < range.upperBound
  }

  /// Index of the first range that ends behind `offset`.
  func firstIndex(endingBehind offset: Int) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
