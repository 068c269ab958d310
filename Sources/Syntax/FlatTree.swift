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
      (table + index).initialize(to: entry(symbolFlags))
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
  private mutating func entry(_ symbolFlags: UnsafeBufferPointer<UInt8>) -> Entry {
    let node = ts_tree_cursor_current_node(&cursor)
    let symbol = ts_node_symbol(node)
    var flags = symbol < symbolFlags.count ? symbolFlags[Int(symbol)] : SyntaxTree.namedFlag
    if ts_node_has_error(node) {
      // What is missing has an error, so that sound nodes need not be asked.
      flags |= SyntaxTree.hasErrorFlag | (ts_node_is_missing(node) ? SyntaxTree.missingFlag : 0)
      if symbol == TSSymbol.max { flags |= SyntaxTree.errorFlag }
    }
    if ts_node_is_extra(node) { flags |= SyntaxTree.extraFlag }
    return Entry(
      start: ts_node_start_byte(node), end: ts_node_end_byte(node), startRow: ts_node_start_point(node).row,
      parent: UInt32(truncatingIfNeeded: parent), subtreeEnd: 0, symbol: symbol,
      field: ts_tree_cursor_current_field_id(&cursor), flags: flags)
  }
}
