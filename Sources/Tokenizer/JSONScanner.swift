import Weights

/// Walks over borrowed JSON without building values: a `tokenizer.json` has more than a million strings.
///
/// Small parts are handed to `JSONValue`; only objects, arrays, strings and whole numbers are read here.
struct JSONScanner {
  /// A string as it stands in the file, or with its escapes undone.
  enum Text {
    case plain(Range<Int>)
    case unescaped([UInt8])
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private(set) var position: Int

  init(_ bytes: UnsafeBufferPointer<UInt8>, from position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// Lends the UTF-8 of a string.
  @inline(__always)
  func withBytes<Result>(_ text: Text, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    switch text {
    case .plain(let range): body(UnsafeBufferPointer(rebasing: bytes[range]))
    case .unescaped(let bytes): bytes.withUnsafeBufferPointer(body)
    }
  }

  /// Calls `body` for each member of the object that comes next, in which it must read the value.
  mutating func forEachMember(
    _ body: (inout JSONScanner, Text) throws(JSONError) -> Void
  ) throws(JSONError) {
    try expect(UInt8(ascii: "{"), "an object was expected")
    if skips(UInt8(ascii: "}")) { return }
    repeat {
      let key = try text()
      try expect(UInt8(ascii: ":"), "':' was expected after the key")
      try body(&self, key)
    } while skips(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"), "',' or '}' was expected")
  }

  /// Calls `body` for each element of the array that comes next, which it must read.
  mutating func forEachElement(
    _ body: (inout JSONScanner) throws(JSONError) -> Void
  ) throws(JSONError) {
    try expect(UInt8(ascii: "["), "an array was expected")
    if skips(UInt8(ascii: "]")) { return }
    repeat { try body(&self) } while skips(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"), "',' or ']' was expected")
  }

  /// Whether the value that comes next begins with `byte`.
  mutating func comes(_ byte: UInt8) -> Bool {
    skipSpace()
    return position < bytes.count && bytes[position] == byte
  }

  /// Reads a string.
  @inline(__always)
  mutating func text() throws(JSONError) -> Text {
    try expect(UInt8(ascii: "\""), "a text in quotes was expected")
    let start = position
    var ored: UInt8 = 0
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let range = start..<position
        position += 1
        if ored >= 0x80 { try checkUTF8(range) }
        return .plain(range)
      }
      if byte == UInt8(ascii: "\\") { return try escapedText(from: start - 1) }
      if byte < 0x20 { throw problem("a control character must be escaped in a string") }
      ored |= byte
      position += 1
    }
    throw problem("the string is not closed")
  }

  /// Reads a whole number without sign.
  mutating func integer() throws(JSONError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 {
      guard value < Int.max / 100 else { throw problem("a number that is too large") }
      value = value * 10 + Int(bytes[position] - 0x30)
      position += 1
    }
    guard position > start, bytes[start] != 0x30 || position == start + 1 else {
      throw problem("a whole number was expected")
    }
    return value
  }

  /// Reads any value.
  mutating func value() throws(JSONError) -> JSONValue {
    let range = try skipValue()
    do throws(JSONError) {
      return try JSONValue(parsing: Array(bytes[range]))
    } catch {
      throw JSONError(byteOffset: range.lowerBound + error.byteOffset, problem: error.problem)
    }
  }

  /// Steps over any value and returns where it lies; only brackets and quotes are checked.
  mutating func skipValue() throws(JSONError) -> Range<Int> {
    skipSpace()
    let start = position
    var depth = 0
    repeat {
      guard position < bytes.count else { throw problem("the text ends within a value") }
      switch bytes[position] {
      case UInt8(ascii: "\""):
        _ = try text()
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard depth > 0 else { throw problem("a value was expected") }
        depth -= 1
      case UInt8(ascii: ","):
        guard depth > 0 else { throw problem("a value was expected") }
      default:
        if depth == 0 {
          while position < bytes.count, !Self.endsScalar(bytes[position]) { position += 1 }
          guard position > start else { throw problem("a value was expected") }
          continue
        }
      }
      position += 1
    } while depth > 0
    return start..<position
  }

  /// Makes sure that nothing follows.
  mutating func expectEnd() throws(JSONError) {
    skipSpace()
    guard position == bytes.count else { throw problem("text after the end of the document") }
  }

  /// An error at this place.
  func problem(_ text: String) -> JSONError { JSONError(byteOffset: position, problem: text) }
}

// MARK: - Parts

extension JSONScanner {
  @inline(__always)
  private mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  @inline(__always)
  private mutating func skips(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  @inline(__always)
  private mutating func expect(_ byte: UInt8, _ text: StaticString) throws(JSONError) {
    guard skips(byte) else { throw problem("\(text)") }
  }

  private static func endsScalar(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), 0x20, 0x0A, 0x0D, 0x09: true
    default: false
    }
  }

  /// Reads a string with escapes; `start` is the place of its opening quote.
  private mutating func escapedText(from start: Int) throws(JSONError) -> Text {
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard position < bytes.count else { throw problem("the string is not closed") }
    position += 1
    do throws(JSONError) {
      let value = try JSONValue(parsing: Array(bytes[start..<position]))
      return .unescaped(Array((value.stringValue ?? "").utf8))
    } catch {
      throw JSONError(byteOffset: start + error.byteOffset, problem: error.problem)
    }
  }

  private func checkUTF8(_ range: Range<Int>) throws(JSONError) {
    let text = UnsafeBufferPointer(rebasing: bytes[range])
    var place = 0
    while place < text.count {
      guard let count = UTF8Scanner.validLength(text, at: place) else {
        throw JSONError(byteOffset: range.lowerBound + place, problem: "the string is not valid UTF-8")
      }
      place += count
    }
  }
}
