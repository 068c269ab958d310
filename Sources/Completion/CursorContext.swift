/// What stands around a cursor, seen as lines: the basis of every rule about what may be shown there.
struct CursorContext: Sendable {
  /// What stands right of the cursor on its line.
  enum RightSide: Sendable {
    /// Nothing but white space.
    case nothing
    /// Closing brackets, quotes and punctuation only.
    case closers
    /// Code.
    case code
  }

  /// Most bytes on either side that syntax rules look at.
  static let bytesBefore = 16_384
  static let bytesBehind = 8_192

  /// Text before the cursor, from a line border on.
  let before: [UInt8]
  /// Text behind the cursor, up to a line border.
  let behind: [UInt8]
  /// Text of the cursor's line left of the cursor.
  let lineStart: [UInt8]
  /// Text of the cursor's line right of the cursor.
  let lineRest: [UInt8]
  let rightSide: RightSide

  init(text: [UInt8], cursor: Int) {
    let window = ContextWindow(
      text: text, cursor: cursor,
      limits: .init(
        prefixBytes: Self.bytesBefore, suffixBytes: Self.bytesBehind, prefixTokens: Self.bytesBefore,
        suffixTokens: Self.bytesBehind))
    before = Array(text[window.prefix])
    behind = Array(text[window.suffix])
    let start = text[..<cursor].lastIndex(of: Bytes.newline).map { $0 + 1 } ?? 0
    lineStart = Array(text[max(start, cursor - Self.bytesBefore)..<cursor])
    let end = behind.firstIndex(of: Bytes.newline) ?? behind.count
    lineRest = Array(behind[..<end])
    if lineRest.allSatisfy(Bytes.isWhiteSpace) {
      rightSide = .nothing
    } else {
      rightSide = lineRest.allSatisfy(Bytes.isClosing) ? .closers : .code
    }
  }

  /// True when the cursor's line holds nothing but white space left of the cursor.
  var lineStartIsBlank: Bool { lineStart.allSatisfy(Bytes.isWhiteSpace) }

  /// True when the cursor stands inside or directly before a word.
  var touchesWordAtRight: Bool { lineRest.first.map(Bytes.isIdentifier) ?? false }

  /// True when only text up to the end of the line may be shown.
  var singleLineOnly: Bool {
    switch rightSide {
    case .nothing: false
    case .code: true
    case .closers: !(lineStart.last.map(Bytes.isOpener) ?? false)
    }
  }

  /// Lines above the cursor's line, nearest last, without blank ones; at most `count`.
  func linesAbove(_ count: Int) -> [ArraySlice<UInt8>] {
    let above = before[..<(before.count - min(lineStart.count, before.count))]
    var found: [ArraySlice<UInt8>] = []
    var end = above.endIndex
    while end > above.startIndex, found.count < count {
      let start = above[..<(end - 1)].lastIndex(of: Bytes.newline).map { $0 + 1 } ?? above.startIndex
      let line = above[start..<(end - 1)]
      if !line.allSatisfy(Bytes.isWhiteSpace) { found.append(line) }
      end = start
    }
    return found.reversed()
  }

  /// Lines below the cursor's line without blank ones; at most `count`.
  func linesBelow(_ count: Int) -> [ArraySlice<UInt8>] {
    var found: [ArraySlice<UInt8>] = []
    for line in Bytes.lines(behind[lineRest.count...].dropFirst())
    where !line.allSatisfy(Bytes.isWhiteSpace) {
      found.append(line)
      if found.count == count { break }
    }
    return found
  }
}
