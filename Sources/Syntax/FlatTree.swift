import CTreeSitter

/// Writes the nodes of a tree-sitter tree into a table, in preorder.
///
/// Every file that is carved comes through here, millions of nodes a second: no call into the library that the table
/// of symbols answers, no stack beside the table, and the array is filled in place.
struct FlatTree: ~Copyable {
  private typealias Entry = SyntaxTree.Entry

  private var cursor: TSTreeCursor
  private let byteCount: Int
  private var parent = 0
  private var isDone = false

  init(_ tree: OpaquePointer) {
    let root = ts_tree_root_node(tree)
    cursor = ts_tree_cursor_new(root)
    byteCount = Int(ts_node_end_byte(root) - ts_node_start_byte(root))
  }

  deinit {
    var cursor = cursor
    ts_tree_cursor_delete(&cursor)
  }

  /// The table; for one call.
  ///
  /// - Parameter symbolFlags: `namedFlag` or 0 for each symbol of the language.
  mutating func entries(symbolFlags: [UInt8]) -> [SyntaxTree.Entry] {
    var table: [Entry] = []
    // A node for every five bytes is usual; where there are more, the table is begun anew, twice as large.
    var capacity = 64 + byteCount / 4
    while !isDone {
      let begun = table
      table = Array(unsafeUninitializedCapacity: capacity) { room, count in
        count = room.initialize(fromContentsOf: begun)
        symbolFlags.withUnsafeBufferPointer { fill(room, count: &count, symbolFlags: $0) }
      }
      capacity *= 2
    }
    return table
  }

  /// Goes on until the tree has ended or the room has; the cursor stands on the first node that is not in the table.
  private mutating func fill(
    _ room: UnsafeMutableBufferPointer<Entry>, count: inout Int, symbolFlags: UnsafeBufferPointer<UInt8>
  ) {
    guard let table = room.baseAddress else { return }
    while count < room.count {
      let index = count
      // Where nothing is wrong in the node above, nothing is here: most nodes need not be asked.
      let mayHaveError = index == 0 || table[parent].flags & SyntaxTree.hasErrorFlag != 0
      (table + index).initialize(to: entry(symbolFlags, mayHaveError: mayHaveError))
      count += 1
      if ts_tree_cursor_goto_first_child(&cursor) {
        parent = index
        continue
      }
      table[index].subtreeEnd = UInt32(truncatingIfNeeded: count)
      while !ts_tree_cursor_goto_next_sibling(&cursor) {
        guard ts_tree_cursor_goto_parent(&cursor) else {
          isDone = true
          return
        }
        table[parent].subtreeEnd = UInt32(truncatingIfNeeded: count)
        parent = Int(table[parent].parent)
      }
    }
  }

  /// What the table says about the cursor's node.
  @inline(__always)
  private mutating func entry(_ symbolFlags: UnsafeBufferPointer<UInt8>, mayHaveError: Bool) -> Entry {
    var node = ts_shim_node()
    ts_shim_current_node(&cursor, mayHaveError, &node)
    var flags = node.symbol < symbolFlags.count ? symbolFlags[Int(node.symbol)] : SyntaxTree.namedFlag
    if node.error {
      flags |= SyntaxTree.hasErrorFlag | (node.missing ? SyntaxTree.missingFlag : 0)
      if node.symbol == TSSymbol.max { flags |= SyntaxTree.errorFlag }
    }
    if node.extra { flags |= SyntaxTree.extraFlag }
    return Entry(
      start: node.start, end: node.end, startRow: node.row, parent: UInt32(truncatingIfNeeded: parent),
      subtreeEnd: 0, symbol: node.symbol, field: node.field, flags: flags)
  }
}
