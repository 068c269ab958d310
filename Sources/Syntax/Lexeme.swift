/// A token as the completion rules see it: brackets, comments and everything else.
struct Lexeme {
  enum Kind: Equatable {
    case open(UInt8)
    case close(UInt8)
    case comment
    case other
  }

  let range: Range<Int>
  let kind: Kind

  /// Stands for the bracket when a keyword opens or closes a block.
  static let keyword: UInt8 = 0

  /// The closing bracket that belongs to an opening one.
  static func closer(of opener: UInt8) -> UInt8 {
    switch opener {
    case UInt8(ascii: "("): UInt8(ascii: ")")
    case UInt8(ascii: "["): UInt8(ascii: "]")
    case UInt8(ascii: "{"): UInt8(ascii: "}")
    default: keyword
    }
  }

  static func bracket(_ byte: UInt8) -> Kind? {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): .open(byte)
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): .close(byte)
    default: nil
    }
  }

  /// What a whole token opens or closes: `$(` and `#[` open as `(` and `[` do, `))` closes once, `[]` does nothing.
  static func bracket(token: ArraySlice<UInt8>) -> Kind? {
    guard token.count <= 3 else { return nil }
    let brackets = token.compactMap { bracket($0) }
    guard let first = brackets.first else { return nil }
    let isSame = brackets.allSatisfy { kind in
      switch (first, kind) {
      case (.open, .open), (.close, .close): true
      default: false
      }
    }
    return isSame ? brackets.last : nil
  }
}

extension Language {
  /// The tokens of `source` from `start` on; strings and comments are one token each. Nil when parsing gives up.
  func lexemes(of source: [UInt8], from start: Int) -> [Lexeme]? {
    guard let tree = parse(source, timeoutMs: 50) else { return nil }
    var lexemes: [Lexeme] = []
    var index = 0
    while index < tree.nodeCount {
      let node = tree[index]
      let range = node.byteRange
      let whole = node.isLeaf || !node.roles.isDisjoint(with: [.string, .comment])
      index = whole || range.upperBound <= start ? node.subtreeEnd : index + 1
      guard whole, range.upperBound > start, !range.isEmpty, !Blank.isBlank(source[range]) else { continue }
      let line = Blank.lineStart(in: source, before: range.lowerBound)
      let isFirst = Blank.isBlank(source[line..<range.lowerBound])
      lexemes.append(Lexeme(range: range, kind: lexemeKind(of: node, in: source, firstOnLine: isFirst)))
    }
    return lexemes
  }

  private func lexemeKind(of node: SyntaxNode, in source: [UInt8], firstOnLine: Bool) -> Lexeme.Kind {
    if node.roles.contains(.comment) { return .comment }
    if let bracket = node.bracket(in: source) { return node.isStray(bracket, in: source) ? .other : bracket }
    guard let keywords = blockKeywords, !node.isNamed || node.isError else { return .other }
    let text = String(decoding: source[node.byteRange], as: UTF8.self)
    if keywords.close.contains(text) { return .close(Lexeme.keyword) }
    let opens = keywords.open.contains(text) || (firstOnLine && keywords.openAtLineStart.contains(text))
    return opens ? .open(Lexeme.keyword) : .other
  }
}

extension SyntaxNode {
  /// What the token opens or closes; nil for everything that is no bracket.
  fileprivate func bracket(in source: [UInt8]) -> Lexeme.Kind? {
    guard isLeaf, !roles.contains(.string), !isNamed || isError else { return nil }
    return Lexeme.bracket(token: source[byteRange])
  }

  /// True for a closing bracket that the node around it does not open, such as the one behind a pattern of a shell's
  /// `case`. In an error everything is possible, and the bracket counts.
  fileprivate func isStray(_ bracket: Lexeme.Kind, in source: [UInt8]) -> Bool {
    guard case .close = bracket, let parent, !parent.isError else { return false }
    var next = parent.index + 1
    while next < index {
      let sibling = tree[next]
      if case .open = sibling.bracket(in: source) { return false }
      next = sibling.subtreeEnd
    }
    return true
  }
}

/// Tokens without a grammar: brackets outside of quotes, words, punctuation.
enum PlainLexer {
  static func lexemes(of source: [UInt8], from start: Int) -> [Lexeme] {
    var lexemes: [Lexeme] = []
    var index = start
    while index < source.count {
      let byte = source[index]
      var end = index + 1
      if Blank.isSpace(byte) {
        index = end
        continue
      }
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        end = endOfQuote(source, from: index)
      } else if Blank.isWord(byte) {
        while end < source.count, Blank.isWord(source[end]) { end += 1 }
      }
      lexemes.append(Lexeme(range: index..<end, kind: Lexeme.bracket(byte) ?? .other))
      index = end
    }
    return lexemes
  }

  /// End of a quoted text on one line; just behind the quote when it is not closed there.
  private static func endOfQuote(_ source: [UInt8], from start: Int) -> Int {
    var index = start + 1
    while index < source.count, source[index] != 0x0A {
      if source[index] == source[start] { return index + 1 }
      index += source[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return start + 1
  }
}

/// Questions about white space and lines in bytes.
enum Blank {
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
  }

  static func isWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || (byte >= 0x30 && byte <= 0x39)
      || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
  }

  static func isBlank(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.allSatisfy(isSpace)
  }

  /// Offset of the first byte of the line that holds the byte before `offset`.
  static func lineStart(in source: [UInt8], before offset: Int) -> Int {
    var start = min(offset, source.count)
    while start > 0, source[start - 1] != 0x0A { start -= 1 }
    return start
  }

  /// Offset of the newline at or behind `offset`, or the end.
  static func lineEnd(in source: [UInt8], from offset: Int) -> Int {
    var end = offset
    while end < source.count, source[end] != 0x0A { end += 1 }
    return end
  }

  /// Number of white-space bytes at the beginning.
  static func indentation(_ line: some Collection<UInt8>) -> Int {
    line.prefix { $0 == 0x20 || $0 == 0x09 }.count
  }
}
