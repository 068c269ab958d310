import Syntax

/// How a range fits the nodes of a tree.
struct SyntaxFit {
  private(set) var alignment = InsertionClass.Alignment.none
  private var isImport = false
  private var isSignatureOrBody = false
  private var isBlockTail = false

  /// The class that the syntax alone decides; nil when the range is neither a node nor a run.
  func kind(lineCount: Int) -> FIMExample.Kind? {
    guard alignment == .node || alignment == .run else { return nil }
    if isImport { return .import }
    if isSignatureOrBody { return .signatureOrBody }
    if alignment == .node { return .node }
    return isBlockTail && lineCount > 1 ? .blockTail : .siblingRun
  }

  /// - Parameter range: visible text, beginning at the start of a word if in one.
  init(_ range: Range<Int>, in tree: SyntaxTree, source: [UInt8]) {
    source.withUnsafeBufferPointer { source in
      tree.withTable { table in
        let finder = NodeFinder(table: table, source: source)
        guard !table.entries.isEmpty else { return }
        let parent = finder.smallest(holding: range)
        if let run = finder.run(range, under: parent) {
          note(run, under: parent, finder, body: tree.field(named: "body") ?? .max)
        } else if finder.hasBorder(at: range.lowerBound, isStart: true, under: parent)
          || finder.hasBorder(at: range.upperBound, isStart: false, under: parent)
        {
          alignment = .oneSide
        }
      }
    }
  }

  private mutating func note(
    _ run: NodeFinder.Run, under parent: Int, _ finder: NodeFinder, body: UInt16
  ) {
    alignment = run.count == 1 ? .node : .run
    let rules = finder.children(of: parent).filter { finder.isRule($0) }
    let own = rules.filter { $0 >= run.first && $0 <= run.last }
    // A node may be alone in another of the same range: what holds for one of them holds for the text.
    let chain = run.count == 1 ? finder.chain(from: run.first) : []
    isImport =
      !own.isEmpty && own.allSatisfy { finder.roles($0).contains(.import) }
      || chain.contains { finder.roles($0).contains(.import) }
    if run.count == 1, let top = chain.first {
      isSignatureOrBody = isBody(top, of: parent, finder, body: body)
    }
    let parentRoles = finder.roles(parent)
    let isWhole = own.first == rules.first && own.last == rules.last && !own.isEmpty
    if isWhole, parent != 0, isBody(parent, of: finder.parent(of: parent), finder, body: body) {
      isSignatureOrBody = true
    }
    if parentRoles.contains(.function), run.first == finder.firstChild(of: parent),
      let next = finder.sibling(after: run.last, under: parent), isBody(next, of: parent, finder, body: body)
    {
      isSignatureOrBody = true
    }
    isBlockTail =
      parent != 0 && parentRoles.contains(.block) && own.count > 1 && own.last == rules.last
  }

  private func isBody(_ node: Int, of parent: Int, _ finder: NodeFinder, body: UInt16) -> Bool {
    finder.roles(parent).contains(.function)
      && (finder.table.entries[node].field == body || finder.roles(node).contains(.block))
  }
}

/// Finds nodes by their ranges.
struct NodeFinder {
  let table: NodeTable
  let source: UnsafeBufferPointer<UInt8>

  /// Children of one parent, by index in the tree.
  struct Run {
    let first: Int
    let last: Int
    let count: Int
  }

  func roles(_ index: Int) -> NodeRoles { table.roles(of: index) }

  func parent(of index: Int) -> Int { Int(table.entries[index].parent) }

  func isRule(_ index: Int) -> Bool {
    let entry = table.entries[index]
    return entry.isNamed && !entry.isExtra && !entry.isEmpty
  }

  /// Bytes of a node; some grammars end a node behind its newline.
  func range(_ index: Int) -> Range<Int> {
    let entry = table.entries[index]
    return Blanks.trimmed(Int(entry.start)..<min(Int(entry.end), source.count), of: source)
  }

  func children(of parent: Int) -> [Int] {
    var found: [Int] = []
    var next = parent + 1
    while next < Int(table.entries[parent].subtreeEnd) {
      found.append(next)
      next = Int(table.entries[next].subtreeEnd)
    }
    return found
  }

  func firstChild(of parent: Int) -> Int? {
    parent + 1 < Int(table.entries[parent].subtreeEnd) ? parent + 1 : nil
  }

  func sibling(after index: Int, under parent: Int) -> Int? {
    let next = Int(table.entries[index].subtreeEnd)
    return next < Int(table.entries[parent].subtreeEnd) ? next : nil
  }

  /// The lowest node that holds the range and is larger than it; the root when the root is no larger.
  func smallest(holding wanted: Range<Int>) -> Int {
    var node = 0
    while true {
      var next = node + 1
      let end = Int(table.entries[node].subtreeEnd)
      var lower: Int?
      while next < end {
        let entry = table.entries[next]
        if Int(entry.start) > wanted.lowerBound { break }
        if Int(entry.end) >= wanted.upperBound, !entry.isEmpty {
          lower = next
          break
        }
        next = Int(entry.subtreeEnd)
      }
      guard let lower, range(lower) != wanted else { return node }
      node = lower
    }
  }

  /// The children of a node that make up exactly the range; nil when there are none such, or an error among them.
  func run(_ wanted: Range<Int>, under parent: Int) -> Run? {
    var first: Int?
    var count = 0
    var next = parent + 1
    while next < Int(table.entries[parent].subtreeEnd) {
      let entry = table.entries[next]
      defer { next = Int(entry.subtreeEnd) }
      if entry.isEmpty || Int(entry.end) <= wanted.lowerBound { continue }
      if first == nil {
        guard Int(entry.start) == wanted.lowerBound else { return nil }
        first = next
      }
      if entry.isError { return nil }
      if !range(next).isEmpty { count += 1 }
      let end = range(next).upperBound
      if end == wanted.upperBound { return first.map { Run(first: $0, last: next, count: count) } }
      if end > wanted.upperBound { return nil }
    }
    return nil
  }

  /// A node and those below it with the same range.
  func chain(from top: Int) -> [Int] {
    var found = [top]
    while let last = found.last, last + 1 < Int(table.entries[last].subtreeEnd),
      range(last + 1) == range(last)
    {
      found.append(last + 1)
    }
    return found
  }

  /// Whether a rule inside `parent` begins or ends at a place.
  func hasBorder(at place: Int, isStart: Bool, under parent: Int) -> Bool {
    var node = parent
    while true {
      var next = node + 1
      var lower: Int?
      while next < Int(table.entries[node].subtreeEnd) {
        let entry = table.entries[next]
        if isStart ? Int(entry.start) == place : range(next).upperBound == place, isRule(next) { return true }
        if Int(entry.start) <= place, Int(entry.end) >= place, Int(entry.start) != place || isStart {
          lower = lower ?? next
        }
        next = Int(entry.subtreeEnd)
      }
      guard let lower, lower != node else { return false }
      node = lower
    }
  }
}
