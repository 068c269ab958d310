/// How columns count. The client offers what it knows; without an offer the protocol says UTF-16.
enum PositionEncoding: String, Sendable {
  case utf8 = "utf-8"
  case utf16 = "utf-16"
  case utf32 = "utf-32"

  /// Columns taken by a scalar that starts with the byte `lead`.
  func width(lead: UInt8) -> Int {
    switch self {
    case .utf8: lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
    case .utf16: lead >= 0xF0 ? 2 : 1
    case .utf32: 1
    }
  }
}

/// A place in a document as the protocol says it; both count from 0.
struct Position: Equatable, Sendable {
  var line: Int
  var column: Int
}

/// A change of a document: all of it, or the text between two places.
struct DocumentChange: Sendable {
  var range: (start: Position, end: Position)?
  var text: [UInt8]
}

/// An open document: UTF-8 bytes with the starts of its lines. `\n`, `\r\n` and `\r` end a line.
struct Document: Sendable {
  let uri: String
  let language: String
  private(set) var version: Int
  private(set) var text: [UInt8]
  /// Byte offsets of the starts of the lines; the first is 0.
  private(set) var lineStarts: [Int]
  /// False once a change could not be applied, until the whole text is sent again.
  private(set) var isInStep = true

  /// Documents above this size are not held; they get no suggestions.
  static let maximumBytes = 16 << 20

  init(uri: String, language: String, version: Int, text: [UInt8]) {
    self.uri = uri
    self.language = language
    self.version = version
    self.text = text
    lineStarts = Self.lineStarts(of: text)
    dropIfTooLarge()
  }

  /// True when lines end with `\r\n`.
  var usesCarriageReturns: Bool {
    guard lineStarts.count > 1, lineStarts[1] >= 2 else { return false }
    return text[lineStarts[1] - 2] == 0x0D && text[lineStarts[1] - 1] == 0x0A
  }

  /// Applies changes in order. A change that makes no sense leaves the document out of step: it gets no suggestions
  /// until the client sends the whole text.
  mutating func apply(_ changes: [DocumentChange], version: Int, encoding: PositionEncoding) {
    self.version = version
    for change in changes {
      guard let range = change.range else {
        text = change.text
        lineStarts = Self.lineStarts(of: text)
        isInStep = true
        dropIfTooLarge()
        continue
      }
      guard isInStep else { continue }
      let start = clampedOffset(of: range.start, encoding: encoding)
      let end = clampedOffset(of: range.end, encoding: encoding)
      guard start <= end else {
        markOutOfStep()
        continue
      }
      replace(start..<end, with: change.text)
      dropIfTooLarge()
    }
  }

  /// Forgets the text: what the client does next can no longer be followed.
  mutating func markOutOfStep() {
    isInStep = false
    text = []
    lineStarts = [0]
  }

  /// Byte offset of a place, nil when it lies outside the document. A place inside a scalar moves to its start.
  func offset(of position: Position, encoding: PositionEncoding) -> Int? {
    guard position.line >= 0, position.column >= 0, position.line < lineStarts.count else { return nil }
    let (offset, column) = walk(position, encoding: encoding)
    return column >= position.column ? offset : nil
  }

  /// Place of a byte offset.
  func position(of offset: Int, encoding: PositionEncoding) -> Position {
    let offset = max(0, min(offset, text.count))
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    var column = 0
    for byte in text[lineStarts[low]..<offset] where byte & 0xC0 != 0x80 {
      column += encoding.width(lead: byte)
    }
    return Position(line: low, column: column)
  }

  /// Byte offset of a place; a column behind the end of its line means that end, a line behind the last one the end
  /// of the document.
  private func clampedOffset(of position: Position, encoding: PositionEncoding) -> Int {
    guard position.line < lineStarts.count else { return text.count }
    return walk(position, encoding: encoding).offset
  }

  private func walk(_ position: Position, encoding: PositionEncoding) -> (offset: Int, column: Int) {
    let end = lineEnd(position.line)
    var offset = lineStarts[position.line]
    var column = 0
    while offset < end, column < position.column {
      let width = encoding.width(lead: text[offset])
      var next = offset + 1
      while next < end, text[next] & 0xC0 == 0x80 { next += 1 }
      guard column + width <= position.column else { return (offset, position.column) }
      column += width
      offset = next
    }
    return (offset, column)
  }

  /// Offset of the end of a line, before its line break.
  private func lineEnd(_ line: Int) -> Int {
    guard line + 1 < lineStarts.count else { return text.count }
    var end = lineStarts[line + 1] - 1
    if text[end] == 0x0A, end > lineStarts[line], text[end - 1] == 0x0D { end -= 1 }
    return end
  }

  private mutating func replace(_ range: Range<Int>, with new: [UInt8]) {
    text.replaceSubrange(range, with: new)
    // Line breaks can form or fall apart at the borders (`\r` and `\n`), so a byte on either side is looked at again.
    let first = lineStarts.partitioningIndex { $0 > max(0, range.lowerBound - 1) }
    let last = lineStarts.partitioningIndex { $0 > range.upperBound + 1 }
    let delta = new.count - range.count
    let scanStart = lineStarts[max(0, first - 1)]
    let scanEnd = min(text.count, range.upperBound + delta + 1)
    var found: [Int] = []
    Self.scan(text, scanStart..<scanEnd) { found.append($0) }
    let keep = lineStarts[..<max(1, first)]
    let moved = lineStarts[last...].map { $0 + delta }
    let lastKept = keep.last ?? 0
    lineStarts = keep + found.filter { $0 > lastKept && $0 < (moved.first ?? Int.max) } + moved
  }

  private mutating func dropIfTooLarge() {
    if text.count > Self.maximumBytes { markOutOfStep() }
  }

  private static func lineStarts(of text: [UInt8]) -> [Int] {
    var starts = [0]
    scan(text, 0..<text.count) { starts.append($0) }
    return starts
  }

  /// Calls `found` with each offset behind a line break whose last byte lies in `range`.
  private static func scan(_ text: [UInt8], _ range: Range<Int>, _ found: (Int) -> Void) {
    for index in range {
      let byte = text[index]
      guard byte == 0x0A || byte == 0x0D else { continue }
      if byte == 0x0D, index + 1 < text.count, text[index + 1] == 0x0A { continue }
      found(index + 1)
    }
  }
}

extension Array where Element == Int {
  /// Index of the first element of a sorted array for which `isBehind` holds.
  func partitioningIndex(where isBehind: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
