import CTreeSitter

/// A tree-sitter tree and its lifetime; the only owner of the C object. Not Sendable.
struct RawTree: ~Copyable {
  let pointer: OpaquePointer

  /// Parses `source`, reusing what did not change since `old` (which must have been told of the edit). A parser that
  /// is restricted to a range reads up to `end`.
  init?(parser: OpaquePointer, source: [UInt8], old: OpaquePointer?, timeoutMs: Int, end: Int? = nil) {
    guard source.count <= 64 << 20 else { return nil }
    ts_parser_set_timeout_micros(parser, UInt64(max(1, timeoutMs)) * 1_000)
    let tree = source.withUnsafeBytes { bytes in
      ts_parser_parse_string(
        parser, old, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(bytes.count))
    }
    guard let tree else {
      ts_parser_reset(parser)
      return nil
    }
    guard Self.isWhole(tree, end: end ?? source.count) else {
      ts_tree_delete(tree)
      return nil
    }
    pointer = tree
  }

  /// False for a tree in which a node has more children than tree-sitter counts (see `ParserMemory`): the text that it
  /// lost is missing at the end. That takes more than 65,535 tokens.
  private static func isWhole(_ tree: OpaquePointer, end: Int) -> Bool {
    let root = ts_tree_root_node(tree)
    return end < 1 << 15 || !ts_node_has_error(root) || Int(ts_node_end_byte(root)) == end
  }

  /// Makes a parser see only the bytes in `range`, which must lie in the source that `lines` describes; false when the
  /// range is refused.
  static func restrict(_ parser: OpaquePointer, to range: Range<Int>, lines: LineIndex) -> Bool {
    func point(_ offset: Int) -> TSPoint {
      let row = lines.line(at: offset)
      return TSPoint(row: UInt32(row), column: UInt32(offset - lines.range(of: row).lowerBound))
    }
    var only = TSRange()
    only.start_byte = UInt32(range.lowerBound)
    only.end_byte = UInt32(range.upperBound)
    only.start_point = point(range.lowerBound)
    only.end_point = point(range.upperBound)
    return ts_parser_set_included_ranges(parser, &only, 1)
  }

  /// Row and column, in bytes, of an offset.
  static func point(at offset: Int, in source: [UInt8]) -> TSPoint {
    var row = 0
    var lineStart = 0
    source.withUnsafeBufferPointer { buffer in
      for index in 0..<offset where buffer[index] == 0x0A {
        row += 1
        lineStart = index + 1
      }
    }
    return TSPoint(row: UInt32(row), column: UInt32(offset - lineStart))
  }

  deinit {
    ts_tree_delete(pointer)
  }

  /// Number of ERROR and MISSING nodes, and how many of them begin inside `local`.
  ///
  /// Complexity: visits only subtrees that contain an error.
  func errors(within local: Range<Int>) -> (total: Int, local: Int) {
    var cursor = ts_tree_cursor_new(ts_tree_root_node(pointer))
    defer { ts_tree_cursor_delete(&cursor) }
    var total = 0
    var inside = 0
    while true {
      let node = ts_tree_cursor_current_node(&cursor)
      let broken = ts_node_has_error(node)
      if ts_node_is_missing(node) || ts_node_symbol(node) == TSSymbol.max {
        total += 1
        let start = Int(ts_node_start_byte(node))
        if local.contains(start) || start == local.upperBound { inside += 1 }
      }
      if broken, ts_tree_cursor_goto_first_child(&cursor) { continue }
      while !ts_tree_cursor_goto_next_sibling(&cursor) {
        guard ts_tree_cursor_goto_parent(&cursor) else { return (total, inside) }
      }
    }
  }
}
