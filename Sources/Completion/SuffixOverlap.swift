/// Cuts from generated text what already stands behind the cursor.
struct SuffixOverlap {
  let cursor: CursorContext

  /// The longest beginning of `text` that repeats nothing of the suffix.
  func removed(from text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text
    if cursor.rightSide != .nothing {
      text = withoutClosers(text)
      text = withoutLineRest(text)
    }
    return withoutLinesBelow(text)
  }

  /// Cuts at the first closing bracket or quote that closes what stands left of the cursor, when its like already
  /// stands right of it.
  private func withoutClosers(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard let next = cursor.lineRest.first(where: { !Bytes.isWhiteSpace($0) }) else { return text }
    if Bytes.isQuote(next) {
      guard cursor.lineStart.count(where: { $0 == next }) % 2 == 1 else { return text }
      return text[..<(Self.firstUnescaped(next, in: text) ?? text.endIndex)]
    }
    guard Bytes.opener(of: next) != nil, let index = Self.firstUnmatchedCloser(in: text), text[index] == next
    else { return text }
    return text[..<index]
  }

  /// Cuts an end that repeats the beginning of the rest of the line: all of it, or at least four bytes.
  private func withoutLineRest(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let rest = Bytes.trimmed(cursor.lineRest[...])
    let trimmed = Bytes.trimmingEnd(text)
    var length = min(rest.count, trimmed.count)
    while length > 0 {
      let whole = length == rest.count && (cursor.rightSide == .code || Self.isPunctuation(rest))
      if whole || length >= 4, trimmed.suffix(length).elementsEqual(rest.prefix(length)) {
        return trimmed.dropLast(length)
      }
      length -= 1
    }
    return text
  }

  /// Cuts where whole lines repeat the lines below the cursor.
  private func withoutLinesBelow(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let below = cursor.linesBelow(16).map(Bytes.trimmingEnd)
    guard let first = below.first else { return text }
    let lines = Bytes.lines(text)
    for (index, line) in lines.enumerated() {
      if index == 0, !cursor.lineStartIsBlank { continue }
      let whole = index == 0 ? (cursor.lineStart + line)[...] : line
      guard Bytes.trimmingEnd(whole).elementsEqual(first) else { continue }
      if Repetition.isTelling(line) || Self.follow(lines[index...], below) {
        return text[..<line.startIndex]
      }
    }
    return text
  }

  private static func follow(_ lines: ArraySlice<ArraySlice<UInt8>>, _ below: [ArraySlice<UInt8>]) -> Bool {
    let told = lines.filter { !$0.allSatisfy(Bytes.isWhiteSpace) }
    guard told.count <= below.count else { return false }
    return zip(told, below).allSatisfy { Bytes.trimmed($0).elementsEqual(Bytes.trimmed($1)) }
  }

  private static func isPunctuation(_ text: ArraySlice<UInt8>) -> Bool {
    text.allSatisfy { !Bytes.isQuote($0) && Bytes.opener(of: $0) == nil }
  }

  private static func firstUnescaped(_ quote: UInt8, in text: ArraySlice<UInt8>) -> Int? {
    var escaped = false
    for index in text.indices {
      if text[index] == quote, !escaped { return index }
      escaped = text[index] == UInt8(ascii: "\\") && !escaped
    }
    return nil
  }

  /// Index of the first closing bracket without an opening one; brackets inside quotes on one line do not count.
  static func firstUnmatchedCloser(in text: ArraySlice<UInt8>) -> Int? {
    var open: [UInt8] = []
    var quote: UInt8?
    var escaped = false
    for index in text.indices {
      let byte = text[index]
      if let current = quote {
        if byte == Bytes.newline || (byte == current && !escaped) { quote = nil }
        escaped = byte == UInt8(ascii: "\\") && !escaped
      } else if Bytes.isQuote(byte) {
        quote = byte
        escaped = false
      } else if Bytes.isOpener(byte) {
        open.append(byte)
      } else if let opener = Bytes.opener(of: byte) {
        guard let last = open.popLast() else { return index }
        if last != opener { return index }
      }
    }
    return nil
  }
}
