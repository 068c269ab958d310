import Syntax

extension Sketch {
  /// A sketch without a grammar: lines are statements, deeper lines are the blocks of the line above them.
  init(text source: [UInt8], lines: LineIndex, settings: CarvingSettings) {
    self.init()
    let trimmedLines = (0..<lines.count).map { Blanks.trimmed(lines.range(of: $0), of: source) }
    let rows = trimmedLines.indices.filter { !trimmedLines[$0].isEmpty }
    sizes = settings.caps.smallestNode...settings.caps.nodeBytes
    noteBlocks(rows, trimmedLines: trimmedLines, lines: lines)
    comments = Self.commentLines(rows.map { trimmedLines[$0] }, of: source)
    sort()
  }

  /// Groups rows of equal indentation; a row owns the deeper rows behind it.
  private mutating func noteBlocks(_ rows: [Int], trimmedLines: [Range<Int>], lines: LineIndex) {
    func indent(_ row: Int) -> Int { trimmedLines[row].lowerBound - lines.starts[row] }
    var open: [(indent: Int, children: [Range<Int>])] = []
    for row in rows {
      let column = indent(row)
      while let top = open.last, top.indent > column {
        open.removeLast()
        close(top.children, indent: top.indent, lines: lines)
      }
      if open.last?.indent != column { open.append((column, [])) }
      for level in open.indices.dropLast() where !open[level].children.isEmpty {
        let last = open[level].children.count - 1
        open[level].children[last] = open[level].children[last].lowerBound..<trimmedLines[row].upperBound
      }
      open[open.count - 1].children.append(trimmedLines[row])
    }
    while let top = open.popLast() { close(top.children, indent: top.indent, lines: lines) }
  }

  /// Notes a finished group: its rows are siblings and statements, together they are a block.
  private mutating func close(_ rows: [Range<Int>], indent: Int, lines: LineIndex) {
    guard let first = rows.first, let last = rows.last else { return }
    let whole = first.lowerBound..<last.upperBound
    let group = UInt32(groups.count)
    groups.append(
      Group(
        first: UInt32(children.count), count: UInt32(rows.count), node: 0, part: 0, isBlock: true,
        isBody: false))
    for row in rows {
      append(slot: UInt32(children.count), isBlock: true, isSingle: false, isImport: false)
      children.append(
        Child(
          start: UInt32(row.lowerBound), end: UInt32(row.upperBound),
          firstLine: UInt32(lines.line(at: row.lowerBound)),
          lastLine: UInt32(lines.line(at: row.upperBound - 1)), group: group, isSound: true, isImport: false,
          isAfterComment: false))
      add(row, .statement, lines: lines)
    }
    if rows.count > 1 { add(whole, .block, lines: lines) }
    if indent == 0 || whole.count > 200 {
      functions.append(Function(range: whole, node: 0, part: 0, isSound: false))
    }
  }

  private mutating func add(_ range: Range<Int>, _ unit: CarvingSettings.Unit, lines: LineIndex) {
    let count = lines.line(at: range.upperBound - 1) - lines.line(at: range.lowerBound) + 1
    let length = HoleLength(bytes: range.count, lines: count)
    guard length != .beyond, sizes.contains(range.count) else { return }
    candidates[length.index].append(
      Candidate(
        start: UInt32(range.lowerBound), end: UInt32(range.upperBound), closedEnd: 0, node: 0, part: 0,
        unit: unit.number, isAfterComment: false))
  }

  /// Lines that are comments by the usual beginnings.
  private static func commentLines(_ rows: [Range<Int>], of source: [UInt8]) -> [Range<Int>] {
    let beginnings = ["# ", "//", "/*", "* ", "-- ", ";;", "\" "].map { Array($0.utf8) }
    return rows.filter { row in beginnings.contains { source[row].starts(with: $0) } }
  }
}
