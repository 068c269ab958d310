/// What a file declares to other files, and what it imports: found in one pass over the flat tree.
///
/// Bodies of named functions are skipped: what is declared inside them cannot be used elsewhere, and the pass costs a
/// small part of what parsing did.
public struct DeclaredNames: Sendable, Equatable {
  /// A definition that other files may use.
  public struct Definition: Sendable, Equatable {
    /// Bytes of the name.
    public let name: Range<Int>
    /// Bytes of the definition, with decorators and modifiers around it.
    public let range: Range<Int>
    /// True for types and functions, false for fields, constants and variables.
    public let isScope: Bool
  }

  /// Bytes of the import statements, in order, not nested.
  public private(set) var imports: [Range<Int>] = []
  /// Definitions, in order of their first byte.
  public private(set) var definitions: [Definition] = []

  /// Longest name that counts, in bytes.
  private static let longestName = 100

  /// Collects the names of a tree of `source`. Complexity: linear in the nodes outside of function bodies.
  public init(_ tree: SyntaxTree, source: [UInt8]) {
    let language = tree.language
    let fields = language.declarationFields
    let roles = language.symbolRoles
    let naming: NodeRoles = [.function, .type, .member, .assignment]
    tree.entries.withUnsafeBufferPointer { entries in
      var index = 0
      while index < entries.count {
        let entry = entries[index]
        let symbol = Int(entry.symbol)
        let role = symbol < roles.count ? roles[symbol] : []
        guard entry.flags & SyntaxTree.namedFlag != 0, entry.end <= source.count else {
          index += 1
          continue
        }
        if role.contains(.import) {
          imports.append(Int(entry.start)..<Int(entry.end))
          index = Int(entry.subtreeEnd)
          continue
        }
        if !role.isDisjoint(with: [.string, .comment, .arguments, .parameters]) {
          index = Int(entry.subtreeEnd)
          continue
        }
        let mayName = !role.isDisjoint(with: naming) || fields.isDeclaration(symbol)
        guard mayName, let name = Self.name(of: index, entries: entries, fields: fields, source: source)
        else {
          index += 1
          continue
        }
        let isFunction =
          role.contains(.function) || fields.holdsFunction(index, entries: entries, roles: roles)
        definitions.append(
          Definition(
            name: name, range: Self.outerRange(of: index, entries: entries, fields: fields),
            isScope: isFunction || role.contains(.type)))
        index = isFunction ? Int(entry.subtreeEnd) : index + 1
      }
    }
  }

  /// The name below a node: its `name` field, else the identifier at the end of its declarators or left of its `=`.
  private static func name(
    of index: Int, entries: UnsafeBufferPointer<SyntaxTree.Entry>, fields: Fields, source: [UInt8]
  ) -> Range<Int>? {
    var node = index
    for _ in 0..<8 {
      var next = 0
      var child = node + 1
      let end = Int(entries[node].subtreeEnd)
      while child < end {
        let entry = entries[child]
        if entry.field != 0 {
          if entry.field == fields.name { return identifier(entry, in: source) }
          if entry.field == fields.declarator || entry.field == fields.left, next == 0 { next = child }
        }
        child = Int(entry.subtreeEnd)
      }
      guard next != 0 else { return node == index ? nil : identifier(entries[node], in: source) }
      if Int(entries[next].subtreeEnd) == next + 1 { return identifier(entries[next], in: source) }
      node = next
    }
    return nil
  }

  /// The first identifier of a node's text; nil for attributes (`self.x`), patterns and texts that are none.
  private static func identifier(_ entry: SyntaxTree.Entry, in source: [UInt8]) -> Range<Int>? {
    var end = Int(entry.end)
    guard end <= source.count else { return nil }
    var start = Int(entry.start)
    // A qualified name (`Type::method`) is known by its last part.
    if let separator = source[start..<end].lastIndex(of: UInt8(ascii: ":")) { start = separator + 1 }
    end = start + source[start..<end].prefix { Blank.isWord($0) || $0 == UInt8(ascii: "$") }.count
    guard end > start, end - start <= longestName, end == Int(entry.end) || source[end] != UInt8(ascii: "."),
      !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[start])
    else { return nil }
    return start..<end
  }

  /// The range of a node or of the wrapper (decorators, export, declaration) around it.
  private static func outerRange(
    of index: Int, entries: UnsafeBufferPointer<SyntaxTree.Entry>, fields: Fields
  ) -> Range<Int> {
    var node = index
    for _ in 0..<3 {
      let parent = Int(entries[node].parent)
      guard node != 0, fields.isWrapper(Int(entries[parent].symbol)) else { break }
      // Of several declarations behind one keyword only the first stands in its line.
      let isFirst = entries[parent].startRow == entries[node].startRow
      guard isFirst || fields.isDecorated(Int(entries[parent].symbol)) else { break }
      node = parent
    }
    return Int(entries[node].start)..<Int(entries[node].end)
  }

  /// Numbers of the fields and kinds that matter; made once for each language.
  struct Fields: Sendable {
    let name: UInt16
    let declarator: UInt16
    let left: UInt16
    let value: UInt16
    private let declarations: [Bool]
    private let wrappers: [Bool]
    private let decorated: [Bool]

    init(fieldNames: [String], symbolNames: [String]) {
      func number(_ name: String) -> UInt16 { fieldNames.firstIndex(of: name).map { UInt16($0) } ?? .max }
      name = number("name")
      declarator = number("declarator")
      left = number("left")
      value = number("value")
      declarations = symbolNames.map { Self.declarationKinds.contains($0) }
      wrappers = symbolNames.map {
        Self.wrapperKinds.contains($0) || Self.decoratedKinds.contains($0)
      }
      decorated = symbolNames.map { Self.decoratedKinds.contains($0) }
    }

    /// Declarations that carry no role, since nobody carves them as such.
    private static let declarationKinds: Set<String> = [
      "declaration", "preproc_def", "preproc_function_def", "type_spec", "type_alias", "type_item",
      "static_item",
      "macro_definition", "type_alias_declaration", "function_signature", "function_signature_item",
      "alias_declaration", "type_alias_statement",
    ]

    private static let wrapperKinds: Set<String> = [
      "export_statement", "lexical_declaration", "variable_declaration", "type_declaration",
      "const_declaration",
      "var_declaration", "expression_statement", "type_definition", "field_declaration",
      "property_declaration",
    ]
    private static let decoratedKinds: Set<String> = ["decorated_definition", "template_declaration"]

    func isWrapper(_ symbol: Int) -> Bool { symbol < wrappers.count && wrappers[symbol] }
    func isDecorated(_ symbol: Int) -> Bool { symbol < decorated.count && decorated[symbol] }
    func isDeclaration(_ symbol: Int) -> Bool { symbol < declarations.count && declarations[symbol] }

    /// True for a variable that holds a function.
    func holdsFunction(
      _ index: Int, entries: UnsafeBufferPointer<SyntaxTree.Entry>, roles: [NodeRoles]
    ) -> Bool {
      var child = index + 1
      while child < Int(entries[index].subtreeEnd) {
        let entry = entries[child]
        if entry.field == value {
          return Int(entry.symbol) < roles.count && roles[Int(entry.symbol)].contains(.function)
        }
        child = Int(entry.subtreeEnd)
      }
      return false
    }
  }
}
