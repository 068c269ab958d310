/// Decides whether generated text has finished what stood open at the cursor.
///
/// Inside a line, that is the line, with every bracket that it opened and the suffix does not close, and the block
/// that its header begins. On an empty line, it is a run of statements: up to a blank line, a finished compound
/// statement, a smaller indentation, or a bracket that closes something from before the cursor.
struct CompletionBorder {
  private let style: GrammarDescription.BlockStyle
  private let keywords: GrammarDescription.BlockKeywords?
  private let source: [UInt8]
  private let cursor: Int
  private let lexemes: [Lexeme]
  private let insideString: Bool
  /// What follows the cursor on its line.
  private let restOfLine: ArraySlice<UInt8>
  private let suffix: [UInt8]
  private let cursorLine: Int

  private static let window = 1_600
  private static let statementLimit = 8
  private static let continuations = Set("=+-*/%&|^<,.\\([{~".utf8)
  private static let sameLevelKeywords: Set<String> = ["else", "elif", "except", "finally", "case"]

  init(language: Language?, prefix: [UInt8], generated: [UInt8], suffix: [UInt8]) {
    let before = CompletionSyntax.tail(prefix, Self.window)
    style = language?.blockStyle ?? .indentation
    keywords = language?.blockKeywords
    source = before + generated
    cursor = before.count
    cursorLine = Blank.lineStart(in: source, before: cursor)
    lexemes =
      language?.lexemes(of: source, from: cursorLine) ?? PlainLexer.lexemes(of: source, from: cursorLine)
    restOfLine = suffix[..<Blank.lineEnd(in: suffix, from: 0)]
    self.suffix = suffix
    let text = source
    insideString = language.map { Self.stringIsOpen(text, language: $0) } ?? false
  }

  /// True when the last token may have ended a line or closed a bracket; everything else cannot be an end.
  static func isPlausible(_ generated: [UInt8], language: Language?) -> Bool {
    guard let last = generated.last else { return false }
    if let bracket = Lexeme.bracket(last), case .close = bracket { return true }
    guard let newline = generated.lastIndex(of: 0x0A) else {
      return language?.blockKeywords?.close.contains { generated.hasSuffix($0) } ?? false
    }
    return generated[(newline + 1)...].count { !Blank.isSpace($0) } <= 12
  }

  private struct State {
    var depth = 0
    /// Brackets that stood open on the cursor's line and are not closed by the suffix.
    var needed = 0
    var isList = false
    var base: Int?
    var blockIndent: Int?
    var statements = 0
    var crossedLine = false
    var last: Lexeme?
    var lineIndent = 0
  }

  func isComplete() -> Bool {
    guard !insideString else { return false }
    var state = initialState()
    let generated = lexemes.filter { $0.range.upperBound > cursor }
    var end = cursor
    for lexeme in generated {
      let gap = source[end..<max(end, lexeme.range.lowerBound)]
      if gap.contains(0x0A) {
        if lineEnds(&state, newlines: gap.count { $0 == 0x0A }) { return true }
        let indent = gap.reversed().prefix { $0 != 0x0A }.count
        if dedents(state, lexeme: lexeme, indent: indent) { return true }
        state.lineIndent = indent
      }
      if state.last == nil || state.base == nil { state.base = column(of: lexeme) }
      if case .open = lexeme.kind { state.depth += 1 }
      if case .close = lexeme.kind { state.depth -= 1 }
      if state.depth < -state.needed { return true }
      state.last = lexeme
      end = lexeme.range.upperBound
    }
    let gap = source[min(end, source.count)...]
    return gap.contains(0x0A) && lineEnds(&state, newlines: gap.count { $0 == 0x0A })
  }

  private func initialState() -> State {
    var state = State()
    state.lineIndent = Blank.indentation(source[cursorLine..<cursor])
    let before = lexemes.filter { $0.range.upperBound <= cursor }
    state.isList = before.isEmpty && Blank.isBlank(source[cursorLine..<cursor])
    state.last = before.last
    var open: [UInt8] = []
    for lexeme in before {
      if case .open(let bracket) = lexeme.kind { open.append(bracket) }
      if case .close = lexeme.kind, !open.isEmpty { open.removeLast() }
    }
    removeClosedBySuffix(&open)
    state.needed = open.count
    // A generation that begins with a new line begins new statements.
    if open.isEmpty, source[cursor...].prefix(while: Blank.isSpace).contains(0x0A) { state.isList = true }
    return state
  }

  /// Takes away the brackets that the suffix closes at its beginning.
  private func removeClosedBySuffix(_ open: inout [UInt8]) {
    var rest = suffix[...]
    while let innermost = open.last {
      rest = rest.drop(while: Blank.isSpace)
      let closer = Lexeme.closer(of: innermost)
      let word = rest.prefix(while: Blank.isWord)
      if closer == Lexeme.keyword {
        guard keywords?.close.contains(String(decoding: word, as: UTF8.self)) ?? false else { return }
      } else if rest.first != closer {
        return
      }
      rest = rest.dropFirst(max(1, word.count))
      open.removeLast()
    }
  }

  /// Whether the generation is over because a line has ended.
  private func lineEnds(_ state: inout State, newlines: Int) -> Bool {
    guard let last = state.last else { return false }
    let hasNew = last.range.upperBound > cursor
    if !Blank.isBlank(restOfLine), hasNew, !state.isList {
      let mayGoOn = state.depth > -state.needed || isContinuation(last)
      if !mayGoOn || !restOfLine.allSatisfy(Self.isCloser) { return true }
    }
    guard state.depth <= -state.needed else {
      state.crossedLine = true
      return false
    }
    if style == .indentation, isHeader(last) {
      state.blockIndent = min(state.blockIndent ?? state.lineIndent, state.lineIndent)
      return false
    }
    guard hasNew, !isContinuation(last) else { return false }
    if last.kind == .comment { return !state.isList && state.blockIndent == nil }
    if state.blockIndent != nil { return newlines >= 2 }
    guard state.isList else { return true }
    if state.crossedLine, endsBlock(last) { return true }
    state.crossedLine = false
    state.statements += 1
    return newlines >= 2 || state.statements >= Self.statementLimit
  }

  /// Whether the generation is over because the next line stands further left.
  private func dedents(_ state: State, lexeme: Lexeme, indent: Int) -> Bool {
    guard state.depth <= -state.needed else { return false }
    if let block = state.blockIndent {
      guard indent <= block else { return false }
      let word = String(decoding: source[lexeme.range], as: UTF8.self)
      let unfinished = lexeme.range.upperBound == source.count
      let continues = Self.sameLevelKeywords.contains { $0 == word || (unfinished && $0.hasPrefix(word)) }
      return !(indent == block && continues)
    }
    guard state.isList, let base = state.base, state.last.map({ $0.range.upperBound > cursor }) ?? false
    else {
      return false
    }
    return indent < base
  }

  private func column(of lexeme: Lexeme) -> Int {
    Blank.indentation(source[Blank.lineStart(in: source, before: lexeme.range.lowerBound)...])
  }

  /// Whether a token closes a body, not just arguments or a list.
  private func endsBlock(_ lexeme: Lexeme) -> Bool {
    lexeme.kind == .close(UInt8(ascii: "}")) || lexeme.kind == .close(Lexeme.keyword)
  }

  private static func isCloser(_ byte: UInt8) -> Bool {
    Blank.isSpace(byte) || ")]},;:".utf8.contains(byte)
  }

  private func isHeader(_ lexeme: Lexeme) -> Bool {
    style == .indentation && lexeme.range.count == 1 && source[lexeme.range.lowerBound] == UInt8(ascii: ":")
  }

  /// Whether a statement cannot end with this token.
  private func isContinuation(_ lexeme: Lexeme) -> Bool {
    guard lexeme.kind == .other else { return false }
    let text = source[lexeme.range]
    let whole = String(decoding: text.prefix(4), as: UTF8.self)
    if ["++", "--", "..."].contains(whole) || text.first.map(Blank.isWord) ?? true { return false }
    return text.count <= 3 && (text.last.map(Self.continuations.contains) ?? false) || whole == "=>"
      || whole == "->"
  }

  /// An odd number of long quotes, or an open quote on the last line: what ends there ends nothing.
  private static func stringIsOpen(_ source: [UInt8], language: Language) -> Bool {
    if language.longQuotes.contains(where: { count($0, in: source) % 2 == 1 }) { return true }
    var open: UInt8?
    var escaped = false
    for byte in source[Blank.lineStart(in: source, before: source.count)...] {
      if escaped {
        escaped = false
      } else if byte == UInt8(ascii: "\\") {
        escaped = true
      } else if let quote = open {
        if byte == quote { open = nil }
      } else if language.quotes.contains(byte) {
        open = byte
      }
    }
    return open != nil
  }

  private static func count(_ pattern: [UInt8], in source: [UInt8]) -> Int {
    var found = 0
    var index = 0
    while index + pattern.count <= source.count {
      if source[index] == pattern[0], source[index...].starts(with: pattern) {
        found += 1
        index += pattern.count
      } else {
        index += 1
      }
    }
    return found
  }
}

extension [UInt8] {
  fileprivate func hasSuffix(_ text: String) -> Bool {
    suffix(text.utf8.count).elementsEqual(text.utf8)
  }
}
