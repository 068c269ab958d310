import Syntax

extension Sketch {
  /// Reads a sketch off a syntax tree.
  init(tree: SyntaxTree, source: [UInt8], lines: LineIndex) {
    self.init()
    path = { tree[$0].path }
    for node in tree.nodes where node.isNamed && !node.byteRange.isEmpty {
      note(node, source: source, lines: lines)
    }
    headerEnd = LicenceHeader.end(in: source, comments: comments)
    sort()
  }

  private mutating func note(_ node: SyntaxNode, source: [UInt8], lines: LineIndex) {
    let range = node.byteRange
    let roles = node.roles
    if node.isError || node.isMissing {
      if range.count <= 400 { errors.append(range) }
      return
    }
    if roles.contains(.comment) {
      if (comments.last?.upperBound ?? 0) <= range.lowerBound { comments.append(range) }
      return
    }
    if roles.contains(.string), (strings.last?.upperBound ?? 0) <= range.lowerBound { strings.append(range) }
    if roles.contains(.function) { functions.append(range) }
    if !roles.isDisjoint(with: [.list, .arguments, .parameters, .block, .root]) {
      noteSiblings(under: node, source: source)
    }
    guard !node.hasError, !isTainted(node), let unit = unit(of: node) else { return }
    // Some grammars end a node behind its newline.
    let whole = Self.trimmed(range, of: source)
    let inner = unit == .statement || unit == .member ? whole : Self.inside(whole, of: source)
    add(
      Candidate(range: inner, unit: unit, node: node.index),
      lines: lines.line(at: max(inner.lowerBound, inner.upperBound - 1)) - lines.line(at: inner.lowerBound)
        + 1)
  }

  private mutating func noteSiblings(under node: SyntaxNode, source: [UInt8]) {
    let children = node.namedChildren.filter { !$0.isExtra && !$0.byteRange.isEmpty }
    guard !children.isEmpty else { return }
    let isBlock = !node.roles.isDisjoint(with: [.block, .root])
    // An error between separated elements makes the whole list doubtful; between statements only itself.
    let isWhole = isBlock || !node.hasError
    add(
      Siblings(
        children: children.map { Self.trimmed($0.byteRange, of: source) },
        isSound: children.map { isWhole && !$0.hasError && !$0.isError },
        isBlock: isBlock, node: node.index))
  }

  /// True when an error stands beside or above the node, below the level of statements.
  private func isTainted(_ node: SyntaxNode) -> Bool {
    var current = node
    for _ in 0..<6 {
      if !current.roles.isDisjoint(with: [.statement, .member, .root]) { return false }
      guard let parent = current.parent else { return false }
      if parent.isError { return true }
      if parent.roles.isDisjoint(with: [.block, .root]), parent.hasError { return true }
      current = parent
    }
    return false
  }

  private func unit(of node: SyntaxNode) -> Unit? {
    let roles = node.roles
    if roles.contains(.root) { return nil }
    if roles.contains(.import) { return .import }
    if let parent = node.parent {
      if parent.roles.contains(.condition), node.field == "condition" || node.field == "value" {
        return .condition
      }
      if parent.roles.contains(.assignment), node.field == "right" || node.field == "value" {
        return .rightSide
      }
    }
    if roles.contains(.arguments) { return .arguments }
    if !roles.isDisjoint(with: [.parameters, .annotation]), roles.isDisjoint(with: [.type]) {
      return .signature
    }
    if roles.contains(.block) { return .block }
    if !roles.isDisjoint(with: [.member, .function, .type]) { return .member }
    if roles.contains(.statement), node.parent?.roles.isDisjoint(with: [.block, .root]) == false {
      return .statement
    }
    if roles.contains(.call) { return .call }
    if !roles.isDisjoint(with: [.literal, .list]) { return .literal }
    if roles.contains(.statement) { return .statement }
    return roles.contains(.expression) ? .expression : nil
  }

  /// What is between a node's own brackets, without the white space at its ends; the node when it has none.
  private static func inside(_ range: Range<Int>, of source: [UInt8]) -> Range<Int> {
    guard range.count > 2, let closer = closers[source[range.lowerBound]],
      source[range.upperBound - 1] == closer
    else {
      return range
    }
    return Sketch.trimmed(range.lowerBound + 1..<range.upperBound - 1, of: source)
  }

  static let closers: [UInt8: UInt8] = [
    UInt8(ascii: "("): UInt8(ascii: ")"), UInt8(ascii: "["): UInt8(ascii: "]"),
    UInt8(ascii: "{"): UInt8(ascii: "}"),
  ]

  /// A range without the white space at its ends.
  static func trimmed(_ range: Range<Int>, of source: [UInt8]) -> Range<Int> {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high, Blanks.isSpace(source[low]) { low += 1 }
    while high > low, Blanks.isSpace(source[high - 1]) { high -= 1 }
    return low..<high
  }
}

/// The licence comment that many files begin with: nobody types it, so it is never a middle.
enum LicenceHeader {
  private static let words = [
    "copyright", "spdx-license-identifier", "licensed under", "license", "licence", "(c)",
  ]

  /// End of the run of comments at the top, when it speaks of a licence; else 0.
  static func end(in source: [UInt8], comments: [Range<Int>]) -> Int {
    var end = 0
    for comment in comments {
      let gap = source[end..<comment.lowerBound]
      // A blank line ends the header once there is one; an interpreter line may stand before it.
      guard gap.allSatisfy(Blanks.isSpace), end == 0 || gap.count(where: { $0 == 0x0A }) < 2 else { break }
      end = comment.upperBound
    }
    let text = String(decoding: source[..<min(end, 6_000)], as: UTF8.self).lowercased()
    return words.contains { text.contains($0) } ? end : 0
  }
}

/// White space and words in bytes.
enum Blanks {
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
  }

  static func isWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || (byte >= 0x30 && byte <= 0x39)
      || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
  }

  /// True for bytes that begin a character.
  static func startsCharacter(_ byte: UInt8) -> Bool {
    byte & 0xC0 != 0x80
  }
}
