/// The definitions of a file as runs of lines that cover it.
struct Outline {
  let tree: SyntaxTree
  let source: [UInt8]
  let lines: LineIndex
  let maximumLines: Int

  func pieces() -> [Chunker.Piece] {
    let all = Chunker.Piece(lines: 0..<lines.count, symbol: "", kind: .group)
    return cut(all, at: definitions(in: tree.root, depth: 0), prefix: "")
  }

  /// A definition with the comments above it.
  private struct Definition {
    /// The function or type itself, without what wraps it.
    let node: SyntaxNode
    let lines: Range<Int>
    let name: String
  }

  /// Cuts a piece at the definitions inside it; what is between them keeps the piece's name.
  private func cut(_ whole: Chunker.Piece, at definitions: [Definition], prefix: String) -> [Chunker.Piece] {
    var pieces: [Chunker.Piece] = []
    var next = whole.lines.lowerBound
    func addRest(upTo end: Int) {
      guard end > next else { return }
      pieces.append(Chunker.Piece(lines: next..<end, symbol: whole.symbol, kind: whole.kind))
      next = end
    }
    for definition in definitions {
      let start = max(next, definition.lines.lowerBound)
      let end = min(definition.lines.upperBound, whole.lines.upperBound)
      guard end > start else { continue }
      addRest(upTo: start)
      let symbol = prefix.isEmpty ? definition.name : prefix + "." + definition.name
      let kind: CodeChunk.Kind = definition.node.isTypeLike ? .type : .function
      let piece = Chunker.Piece(lines: start..<end, symbol: symbol, kind: kind)
      let inner = end - start > maximumLines ? self.definitions(in: definition.node, depth: 0) : []
      pieces += kind == .type && !inner.isEmpty ? cut(piece, at: inner, prefix: symbol) : [piece]
      next = end
    }
    addRest(upTo: whole.lines.upperBound)
    return pieces
  }

  /// Definitions below a node, not inside one another, looking through wrappers such as exports and namespaces.
  private func definitions(in node: SyntaxNode, depth: Int) -> [Definition] {
    guard depth < 8 else { return [] }
    var found: [Definition] = []
    var commentStart: Int?
    for child in node.namedChildren {
      let rows = rowRange(of: child)
      if child.roles.contains(.comment) {
        let touches = commentStart != nil && isAdjacent(child)
        if !touches { commentStart = rows.lowerBound }
        continue
      }
      let start = isAdjacent(child) ? commentStart ?? rows.lowerBound : rows.lowerBound
      commentStart = nil
      let holder = child.definitionHolder
      if let name = definedName(of: holder) {
        found.append(
          Definition(node: holder.variableValue ?? holder, lines: start..<rows.upperBound, name: name))
      } else {
        found += definitions(in: child, depth: depth + 1)
      }
    }
    return found
  }

  /// True when the line above the node is not blank.
  private func isAdjacent(_ node: SyntaxNode) -> Bool {
    node.startRow > 0 && !Blank.isBlank(source[lines.range(of: node.startRow - 1)])
  }

  private func rowRange(of node: SyntaxNode) -> Range<Int> {
    let last = lines.line(at: max(node.byteRange.lowerBound, node.byteRange.upperBound - 1))
    return node.startRow..<last + 1
  }

  /// The name of a function or type definition; nil for every other node.
  private func definedName(of node: SyntaxNode, depth: Int = 0) -> String? {
    if node.roles.isDisjoint(with: [.function, .type]) {
      let value = node.variableValue
      return value == nil ? nil : (node.child(inField: "name") ?? node.namedChildren.first).map(text)
    }
    if let name = node.definedName { return text(of: name) }
    guard depth < 8 else { return nil }
    let inner = node.namedChildren
    for child in inner {
      if let name = definedName(of: child, depth: depth + 1) { return name }
    }
    for child in inner {
      if let name = child.child(inField: "name") { return text(of: name) }
    }
    // Grammars without a field for it; what is no member, such as a lambda, begins with its parameters.
    guard node.roles.contains(.member) else { return nil }
    return inner.first { $0.kind.hasSuffix("identifier") || $0.roles.contains(.string) }.map(text)
  }

  private func text(of node: SyntaxNode) -> String {
    String(decoding: source[node.byteRange].prefix(120), as: UTF8.self)
  }
}

extension SyntaxNode {
  /// True for type declarations, also inside wrappers such as decorators.
  fileprivate var isTypeLike: Bool {
    if roles.contains(.type) { return true }
    return child(inField: "definition")?.roles.contains(.type) ?? false
  }

  /// This node, or what stands at its beginning where a member only wraps a signature or a variable, as in Zig.
  fileprivate var definitionHolder: SyntaxNode {
    guard roles.contains(.member), roles.isDisjoint(with: [.function, .type]),
      let first = namedChildren.first,
      first.byteRange.lowerBound == byteRange.lowerBound
    else { return self }
    return first.roles.isDisjoint(with: [.function, .type]) && first.variableValue == nil ? self : first
  }

  /// The function or type that a variable holds; nil for every other node.
  fileprivate var variableValue: SyntaxNode? {
    guard roles.isDisjoint(with: [.function, .type]) else { return nil }
    if let value = child(inField: "value"), value.roles.contains(.function), child(inField: "name") != nil {
      return value
    }
    guard roles.contains(.assignment) else { return nil }
    let parts = namedChildren.filter { !$0.isExtra }
    guard parts.count > 1, parts[0].startRow == startRow, var value = parts.last else { return nil }
    // Some grammars wrap a value in several nodes of the same extent.
    for _ in 0..<6 where value.roles.isDisjoint(with: [.function, .type]) {
      let inner = value.namedChildren
      guard inner.count == 1, inner[0].byteRange == value.byteRange else { return nil }
      value = inner[0]
    }
    return value.roles.isDisjoint(with: [.function, .type]) ? nil : value
  }

  /// The node that names this definition: its `name` field, or the identifier inside its declarators.
  fileprivate var definedName: SyntaxNode? {
    if let name = child(inField: "name") ?? child(inField: "function") { return name }
    var node = self
    for _ in 0..<8 {
      guard let next = node.child(inField: "declarator") ?? node.child(inField: "type") else { break }
      if next.isLeaf || next.kind.hasSuffix("identifier") { return next }
      node = next
      if let name = node.child(inField: "name") { return name }
    }
    return node.index == index ? nil : node
  }
}
