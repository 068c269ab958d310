import Syntax

extension Sketch {
  /// Reads a sketch off the trees of a file.
  ///
  /// - Parameter settings: say how large nodes are, and whether single names and numbers are candidates too.
  init(parts: [ParsedPart], source: [UInt8], lines: LineIndex, settings: CarvingSettings) {
    self.init()
    for (number, part) in parts.enumerated() {
      source.withUnsafeBufferPointer { source in
        lines.starts.withUnsafeBufferPointer { starts in
          part.tree.withTable { table in
            var reader = TreeReader(
              part: part, number: UInt16(truncatingIfNeeded: number), table: table, source: source,
              lineStarts: starts, settings: settings)
            reader.read(into: &self)
          }
        }
      }
    }
    sort()
  }
}

/// One pass over the nodes of one part.
///
/// The loop meets about 200 nodes per kilobyte; it looks roles up by symbol and makes no array per node.
private struct TreeReader {
  let part: ParsedPart
  let number: UInt16
  let table: NodeTable
  let source: UnsafeBufferPointer<UInt8>
  let lineStarts: UnsafeBufferPointer<Int>
  let wantsTokens: Bool
  let sizes: ClosedRange<Int>
  let masks = RoleMasks()
  let fields: FieldNumbers
  let hasErrors: Bool
  /// For each node one more than its index among the sketch's children; 0 for nodes that are none.
  var childIndices: [UInt32]

  init(
    part: ParsedPart, number: UInt16, table: NodeTable, source: UnsafeBufferPointer<UInt8>,
    lineStarts: UnsafeBufferPointer<Int>, settings: CarvingSettings
  ) {
    self.part = part
    self.number = number
    self.table = table
    self.source = source
    self.lineStarts = lineStarts
    wantsTokens = settings.wantsTokens
    sizes = settings.caps.smallestNode...settings.caps.nodeBytes
    fields = FieldNumbers(part.tree)
    hasErrors = !table.entries.isEmpty && table.entries[0].hasError
    childIndices = [UInt32](repeating: 0, count: table.entries.count)
  }

  mutating func read(into sketch: inout Sketch) {
    for index in table.entries.indices {
      let entry = table.entries[index]
      guard entry.isNamed, !entry.isEmpty else { continue }
      note(index, entry, into: &sketch)
    }
  }

  private mutating func note(_ index: Int, _ entry: SyntaxTree.Entry, into sketch: inout Sketch) {
    if entry.isError || entry.isMissing {
      if entry.end - entry.start <= 400, (sketch.errors.last?.upperBound ?? 0) <= Int(entry.start) {
        sketch.errors.append(Int(entry.start)..<Int(entry.end))
      }
      return
    }
    let roles = table.roles(of: index).rawValue
    let child = childIndices[index]
    if child != 0 {
      let group = sketch.groups[Int(sketch.children[Int(child - 1)].group)]
      sketch.append(
        slot: child - 1, isBlock: group.isBlock, isSingle: group.count == 1,
        isImport: sketch.children[Int(child - 1)].isImport)
    }
    if roles == 0 {
      if wantsTokens, Int(entry.subtreeEnd) == index + 1, entry.end - entry.start <= 7 {
        add(index, entry, .token, whole: true, into: &sketch)
      }
      return
    }
    if roles & masks.comment != 0 {
      if (sketch.comments.last?.upperBound ?? 0) <= Int(entry.start) {
        sketch.comments.append(Int(entry.start)..<Int(entry.end))
      }
      return
    }
    if roles & masks.string != 0, (sketch.strings.last?.upperBound ?? 0) <= Int(entry.start) {
      sketch.strings.append(Int(entry.start)..<Int(entry.end))
    }
    if roles & masks.function != 0 {
      sketch.functions.append(
        Sketch.Function(
          range: Int(entry.start)..<Int(entry.end), node: index, part: Int(number), isSound: !entry.hasError))
    }
    if roles & masks.parents != 0 { noteSiblings(under: index, roles: roles, into: &sketch) }
    guard let unit = unit(of: index, entry, roles: roles) else { return }
    if hasErrors, entry.hasError || isTainted(index) {
      sketch.tainted.append(Int(entry.start)..<Int(entry.end))
      return
    }
    add(index, entry, unit, whole: unit == .statement || unit == .member, into: &sketch)
  }

  // MARK: Candidates

  private func add(
    _ index: Int, _ entry: SyntaxTree.Entry, _ unit: CarvingSettings.Unit, whole: Bool,
    into sketch: inout Sketch
  ) {
    // Some grammars end a node behind its newline.
    var range = trimmed(entry)
    var closedEnd = 0
    if !whole, isBracketed(index, entry) {
      closedEnd = Int(entry.end)
      range = Blanks.trimmed(range.lowerBound + 1..<range.upperBound - 1, of: source)
    }
    guard sizes.contains(range.count) || unit == .token && !range.isEmpty,
      part.embedded.isEmpty || part.owns(range)
    else { return }
    let first = line(of: range.lowerBound, from: Int(entry.startRow))
    let length = HoleLength(
      bytes: range.count, lines: line(of: range.upperBound - 1, from: first) - first + 1)
    guard length != .beyond else { return }
    let child = childIndices[index]
    sketch.candidates[length.index].append(
      Sketch.Candidate(
        start: UInt32(range.lowerBound), end: UInt32(range.upperBound), closedEnd: UInt32(closedEnd),
        node: UInt32(index), part: number, unit: unit.number,
        isAfterComment: child != 0 && sketch.children[Int(child - 1)].isAfterComment))
  }

  /// True when the first and the last token of a node are a pair of brackets of its own.
  private func isBracketed(_ index: Int, _ entry: SyntaxTree.Entry) -> Bool {
    guard entry.end - entry.start > 2, let closer = Blanks.closer(of: source[Int(entry.start)]),
      source[Int(entry.end) - 1] == closer
    else { return false }
    let first = table.entries[index + 1]
    let last = table.entries[Int(entry.subtreeEnd) - 1]
    return first.end == first.start + 1 && first.start == entry.start && Int(first.parent) == index
      && last.start == entry.end - 1 && Int(last.parent) == index
  }

  private func unit(
    of index: Int, _ entry: SyntaxTree.Entry, roles: UInt32
  ) -> CarvingSettings.Unit? {
    if roles & masks.root != 0 { return nil }
    if roles & masks.import != 0 { return .import }
    let parent = table.roles(of: Int(entry.parent)).rawValue
    if entry.field != 0 {
      if parent & masks.condition != 0, entry.field == fields.condition || entry.field == fields.value {
        return .condition
      }
      if parent & masks.assignment != 0, entry.field == fields.right || entry.field == fields.value {
        return .rightSide
      }
    }
    if roles & masks.arguments != 0 { return .arguments }
    if roles & masks.signature != 0, roles & masks.type == 0 { return .signature }
    if roles & masks.block != 0 { return .block }
    if roles & masks.definition != 0 { return .member }
    if roles & masks.statement != 0, parent & masks.blockOrRoot != 0 { return .statement }
    if roles & masks.call != 0 { return .call }
    if roles & masks.literal != 0 { return .literal }
    if roles & masks.statement != 0 { return .statement }
    return roles & masks.expression != 0 ? .expression : nil
  }

  /// True when an error stands beside or above the node, below the level of statements.
  private func isTainted(_ index: Int) -> Bool {
    var current = index
    for _ in 0..<6 {
      if table.roles(of: current).rawValue & masks.taintBorder != 0 || current == 0 { return false }
      let parent = Int(table.entries[current].parent)
      if table.entries[parent].isError { return true }
      if table.roles(of: parent).rawValue & masks.blockOrRoot == 0, table.entries[parent].hasError {
        return true
      }
      current = parent
    }
    return false
  }

  // MARK: Siblings

  private mutating func noteSiblings(under index: Int, roles: UInt32, into sketch: inout Sketch) {
    let isBlock = roles & masks.blockOrRoot != 0
    // An error between separated elements makes the whole list doubtful; between statements only itself.
    let isWhole = isBlock || !table.entries[index].hasError
    let group = UInt32(sketch.groups.count)
    let first = UInt32(sketch.children.count)
    var commentLine = -2
    var next = index + 1
    let end = Int(table.entries[index].subtreeEnd)
    while next < end {
      let entry = table.entries[next]
      defer { next = Int(entry.subtreeEnd) }
      guard !entry.isEmpty else { continue }
      if entry.isExtra {
        let start = line(of: Int(entry.start), from: Int(entry.startRow))
        commentLine = line(of: max(Int(entry.start), trimmed(entry).upperBound - 1), from: start)
      } else if entry.isNamed {
        childIndices[next] = UInt32(sketch.children.count) + 1
        sketch.children.append(child(next, entry, group: group, isWhole: isWhole, commentLine: commentLine))
      } else if entry.end == entry.start + 1, UInt32(sketch.children.count) > first,
        source[Int(entry.start)] == UInt8(ascii: ",") || source[Int(entry.start)] == UInt8(ascii: ";")
      {
        sketch.children[sketch.children.count - 1].separatorEnd = entry.end
      }
    }
    let count = UInt32(sketch.children.count) - first
    guard count > 0 else { return }
    sketch.groups.append(
      Sketch.Group(
        first: first, count: count, node: UInt32(index), part: number, isBlock: isBlock,
        isBody: isBlock && isBody(index)))
  }

  /// Whether a block is a function's; some grammars keep the statements of a block in a node of their own.
  private func isBody(_ block: Int) -> Bool {
    guard block != 0 else { return false }
    var parent = Int(table.entries[block].parent)
    if table.roles(of: parent).rawValue & masks.function == 0, parent != 0,
      table.roles(of: parent).rawValue & masks.blockOrRoot != 0
    {
      parent = Int(table.entries[parent].parent)
    }
    return table.roles(of: parent).rawValue & masks.function != 0
  }

  private func child(
    _ index: Int, _ entry: SyntaxTree.Entry, group: UInt32, isWhole: Bool, commentLine: Int
  ) -> Sketch.Child {
    let range = trimmed(entry)
    let first = line(of: range.lowerBound, from: Int(entry.startRow))
    let isOwn = part.embedded.isEmpty || part.owns(range)
    return Sketch.Child(
      start: UInt32(range.lowerBound), end: UInt32(range.upperBound), firstLine: UInt32(first),
      lastLine: UInt32(line(of: max(range.lowerBound, range.upperBound - 1), from: first)), group: group,
      isSound: isWhole && isOwn && !entry.hasError && !entry.isError && !range.isEmpty,
      isImport: table.roles(of: index).rawValue & masks.import != 0, isAfterComment: commentLine + 1 == first)
  }

  // MARK: Places

  private func trimmed(_ entry: SyntaxTree.Entry) -> Range<Int> {
    Blanks.trimmed(Int(entry.start)..<min(Int(entry.end), source.count), of: source)
  }

  /// The line of a byte, sought forwards from a line before it.
  private func line(of offset: Int, from known: Int) -> Int {
    var low = known < lineStarts.count && lineStarts[known] <= offset ? known : 0
    var step = 1
    while low + step < lineStarts.count, lineStarts[low + step] <= offset {
      low += step
      step *= 2
    }
    var high = min(lineStarts.count, low + step)
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }
}

/// The roles as plain bits, read once: in the loop each would be a call.
private struct RoleMasks {
  let root = NodeRoles.root.rawValue
  let `import` = NodeRoles.import.rawValue
  let comment = NodeRoles.comment.rawValue
  let string = NodeRoles.string.rawValue
  let function = NodeRoles.function.rawValue
  let condition = NodeRoles.condition.rawValue
  let assignment = NodeRoles.assignment.rawValue
  let arguments = NodeRoles.arguments.rawValue
  let type = NodeRoles.type.rawValue
  let block = NodeRoles.block.rawValue
  let statement = NodeRoles.statement.rawValue
  let call = NodeRoles.call.rawValue
  let expression = NodeRoles.expression.rawValue
  let signature = NodeRoles([.parameters, .annotation]).rawValue
  let definition = NodeRoles([.member, .function, .type]).rawValue
  let literal = NodeRoles([.literal, .list]).rawValue
  let blockOrRoot = NodeRoles([.block, .root]).rawValue
  let taintBorder = NodeRoles([.statement, .member, .root]).rawValue
  let parents = NodeRoles([.list, .arguments, .parameters, .block, .root]).rawValue
}

/// The fields that say what an expression is for; no node is in field `UInt16.max`.
private struct FieldNumbers {
  let condition: UInt16
  let value: UInt16
  let right: UInt16

  init(_ tree: SyntaxTree) {
    condition = tree.field(named: "condition") ?? .max
    value = tree.field(named: "value") ?? .max
    right = tree.field(named: "right") ?? .max
  }
}

extension CarvingSettings.Unit {
  /// Place in `allCases`.
  var number: UInt8 {
    switch self {
    case .call: 0
    case .arguments: 1
    case .condition: 2
    case .rightSide: 3
    case .expression: 4
    case .statement: 5
    case .block: 6
    case .member: 7
    case .signature: 8
    case .import: 9
    case .literal: 10
    case .token: 11
    }
  }
}
