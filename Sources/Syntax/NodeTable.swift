/// The nodes of a tree as a borrowed table in preorder, for loops over all of them: nothing is counted or copied.
///
/// Valid only inside `SyntaxTree.withTable`.
public struct NodeTable {
  /// The nodes in preorder; an index is a node's index in the tree.
  public let entries: UnsafeBufferPointer<SyntaxTree.Entry>
  /// Roles by symbol.
  @usableFromInline let roles: UnsafeBufferPointer<NodeRoles>

  fileprivate init(
    entries: UnsafeBufferPointer<SyntaxTree.Entry>, roles: UnsafeBufferPointer<NodeRoles>
  ) {
    self.entries = entries
    self.roles = roles
  }

  /// Roles of the kind of a node; none for errors.
  @inlinable
  public func roles(of index: Int) -> NodeRoles {
    let symbol = Int(entries[index].symbol)
    return symbol < roles.count ? roles[symbol] : []
  }
}

extension SyntaxTree {
  /// Lends the table of the nodes.
  public func withTable<Result>(_ body: (NodeTable) throws -> Result) rethrows -> Result {
    try entries.withUnsafeBufferPointer { entries in
      try language.symbolRoles.withUnsafeBufferPointer { roles in
        try body(NodeTable(entries: entries, roles: roles))
      }
    }
  }

  /// The number by which entries name a field; nil when the grammar has no such field.
  public func field(named name: String) -> UInt16? {
    language.fieldNames.firstIndex(of: name).map(UInt16.init)
  }
}

extension SyntaxTree.Entry {
  /// True for rules, false for punctuation and keywords.
  @inlinable public var isNamed: Bool { flags & 1 != 0 }
  /// True for a token that the parser had to invent.
  @inlinable public var isMissing: Bool { flags & 2 != 0 }
  /// True for text that no rule fits.
  @inlinable public var isError: Bool { flags & 4 != 0 }
  /// True when the node or something in it is an error or missing.
  @inlinable public var hasError: Bool { flags & 8 != 0 }
  /// True for tokens that may stand anywhere, such as comments.
  @inlinable public var isExtra: Bool { flags & 16 != 0 }
  /// True for nodes without bytes.
  @inlinable public var isEmpty: Bool { start == end }
}
