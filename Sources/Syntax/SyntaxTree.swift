import CTreeSitter

/// The syntax tree of one source text, stored flat in preorder. Immutable.
///
/// Flat, because carving asks for parents, siblings and ranges of thousands of nodes per file, which the C interface
/// answers by searching from the root; and because a value without pointers may go to any thread.
public final class SyntaxTree: Sendable {
  /// One node of the table; 28 bytes.
  public struct Entry: Sendable {
    /// Offset of the first byte.
    public let start: UInt32
    /// Offset behind the last byte.
    public let end: UInt32
    /// 0-based line of the first byte.
    public let startRow: UInt32
    /// Index of the node above; the root's is its own.
    public let parent: UInt32
    /// Index just behind the last node of this subtree.
    public internal(set) var subtreeEnd: UInt32
    /// Number of the kind.
    public let symbol: UInt16
    /// Number of the field that the parent holds the node in; 0 for none.
    public let field: UInt16
    @usableFromInline let flags: UInt8
  }

  static let namedFlag: UInt8 = 1
  static let missingFlag: UInt8 = 2
  static let errorFlag: UInt8 = 4
  static let hasErrorFlag: UInt8 = 8
  static let extraFlag: UInt8 = 16

  /// The language that was parsed.
  public let language: Language
  let entries: [Entry]

  init(language: Language, source: borrowing RawTree) {
    self.language = language
    var flat = FlatTree(source.pointer)
    entries = flat.entries(symbolFlags: language.symbolFlags)
  }

  /// The node of the whole text.
  public var root: SyntaxNode { SyntaxNode(tree: self, index: 0) }

  /// Number of nodes.
  public var nodeCount: Int { entries.count }

  /// Every node in preorder.
  public var nodes: some Sequence<SyntaxNode> {
    (0..<entries.count).lazy.map { SyntaxNode(tree: self, index: $0) }
  }

  /// The node at a place in preorder.
  public subscript(index: Int) -> SyntaxNode { SyntaxNode(tree: self, index: index) }

  /// Number of ERROR and MISSING nodes.
  public func errorCount() -> Int {
    entries.reduce(0) { $0 + ($1.flags & (Self.errorFlag | Self.missingFlag) != 0 ? 1 : 0) }
  }
}

/// A node of a `SyntaxTree`; cheap to copy.
public struct SyntaxNode: Sendable, Hashable {
  /// The tree that holds the node.
  public let tree: SyntaxTree
  /// Place in preorder.
  public let index: Int

  /// Two nodes are equal when they are the same node of the same tree.
  public static func == (left: SyntaxNode, right: SyntaxNode) -> Bool {
    left.index == right.index && left.tree === right.tree
  }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(index)
  }

  private var entry: SyntaxTree.Entry { tree.entries[index] }

  /// Name of the node's kind in the grammar, or "ERROR".
  public var kind: String {
    let symbol = Int(entry.symbol)
    return symbol < tree.language.symbolNames.count ? tree.language.symbolNames[symbol] : "ERROR"
  }
  /// What the kind is used as.
  public var roles: NodeRoles {
    let symbol = Int(entry.symbol)
    return symbol < tree.language.symbolRoles.count ? tree.language.symbolRoles[symbol] : []
  }
  /// Name of the field that the parent holds the node in; empty for none.
  public var field: String {
    let field = Int(entry.field)
    return field < tree.language.fieldNames.count ? tree.language.fieldNames[field] : ""
  }
  /// True for rules, false for punctuation and keywords.
  public var isNamed: Bool { entry.flags & SyntaxTree.namedFlag != 0 }
  /// True for text that no rule fits.
  public var isError: Bool { entry.flags & SyntaxTree.errorFlag != 0 }
  /// True for a token that the parser had to invent.
  public var isMissing: Bool { entry.flags & SyntaxTree.missingFlag != 0 }
  /// True for tokens that may stand anywhere, such as comments.
  public var isExtra: Bool { entry.flags & SyntaxTree.extraFlag != 0 }
  /// True when the node or something in it is an error or missing.
  public var hasError: Bool { entry.flags & SyntaxTree.hasErrorFlag != 0 }
  /// The node's bytes in the source.
  public var byteRange: Range<Int> { Int(entry.start)..<Int(entry.end) }
  /// 0-based line of the first byte.
  public var startRow: Int { Int(entry.startRow) }
  /// True for nodes without children.
  public var isLeaf: Bool { Int(entry.subtreeEnd) == index + 1 }
  /// Index just behind the last node of this subtree.
  public var subtreeEnd: Int { Int(entry.subtreeEnd) }

  /// The node above; nil for the root.
  public var parent: SyntaxNode? {
    index == 0 ? nil : SyntaxNode(tree: tree, index: Int(entry.parent))
  }

  /// The nodes directly below, in order.
  public var children: [SyntaxNode] {
    var found: [SyntaxNode] = []
    var next = index + 1
    while next < subtreeEnd {
      let child = SyntaxNode(tree: tree, index: next)
      found.append(child)
      next = child.subtreeEnd
    }
    return found
  }

  /// The rules directly below, in order, without those that only open or close this node.
  public var namedChildren: [SyntaxNode] {
    children.filter { $0.isNamed && !$0.roles.contains(.punctuation) }
  }

  /// The first child in the given field.
  public func child(inField name: String) -> SyntaxNode? { children.first { $0.field == name } }

  /// Kinds from the root to this node, joined by `/`, at most the lowest 32; the root is left out unless it is the node.
  public var path: String {
    var kinds = [kind]
    var above = parent
    while let node = above, node.index != 0, kinds.count < 32 {
      kinds.append(node.kind)
      above = node.parent
    }
    return kinds.reversed().joined(separator: "/")
  }
}
