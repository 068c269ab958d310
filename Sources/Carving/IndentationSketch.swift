import Syntax

extension Sketch {
  /// A sketch without a grammar: lines are statements, deeper lines are the blocks of the line above them.
  init(text source: [UInt8], lines: LineIndex) {
    self.init()
    path = { _ in "" }
    comments = Self.leadingComment(source, lines: lines)
    headerEnd = LicenceHeader.end(in: source, comments: comments)
    let trimmedLines = (0..<lines.count).map { Self.trimmed(lines.range(of: $0), of: source) }
    let rows = trimmedLines.indices.filter { !trimmedLines[$0].isEmpty }
    noteBlocks(rows, trimmedLines: trimmedLines, lines: lines)
    sort()
  }

  /// Groups rows of equal indentation; a row owns the deeper rows behind it.
  private mutating func noteBlocks(_ rows: [Int], trimmedLines: [Range<Int>], lines: LineIndex) {
    func indent(_ row: Int) -> Int { trimmedLines[row].lowerBound - lines.starts[row] }
    var open: [(indent: Int, children: [Range<Int>])] = []
    func closed(_ group: (indent: Int, children: [Range<Int>]), into sketch: inout Sketch) {
      let children = group.children
      sketch.add(
        Siblings(
          children: children, isSound: Array(repeating: true, count: children.count), isBlock: true, node: 0))
      guard let first = children.first, let last = children.last else { return }
      let whole = first.lowerBound..<last.upperBound
      if children.count > 1 {
        sketch.add(Candidate(range: whole, unit: .block, node: 0), lines: Self.lineCount(whole, lines))
      }
      if group.indent == 0 || whole.count > 200 { sketch.functions.append(whole) }
    }
    for row in rows {
      let column = indent(row)
      while let top = open.last, top.indent > column {
        open.removeLast()
        closed(top, into: &self)
      }
      if open.last?.indent != column { open.append((column, [])) }
      for level in open.indices.dropLast() where !open[level].children.isEmpty {
        let last = open[level].children.count - 1
        open[level].children[last] = open[level].children[last].lowerBound..<trimmedLines[row].upperBound
      }
      open[open.count - 1].children.append(trimmedLines[row])
    }
    while let top = open.popLast() { closed(top, into: &self) }
    for group in siblings {
      for child in group.children {
        add(Candidate(range: child, unit: .statement, node: 0), lines: Self.lineCount(child, lines))
      }
    }
  }

  private static func lineCount(_ range: Range<Int>, _ lines: LineIndex) -> Int {
    lines.line(at: max(range.lowerBound, range.upperBound - 1)) - lines.line(at: range.lowerBound) + 1
  }

  /// The comment lines at the top, recognised by the usual beginnings.
  private static func leadingComment(_ source: [UInt8], lines: LineIndex) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for line in 0..<min(lines.count, 60) {
      let range = trimmed(lines.range(of: line), of: source)
      let text = source[range]
      guard ["#", "//", "/*", "*", "--", ";"].contains(where: { text.starts(with: $0.utf8) }) else { break }
      ranges.append(range)
    }
    return ranges
  }
}
