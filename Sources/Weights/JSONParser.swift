/// Why a text is not JSON, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Offset of the byte at which parsing stopped.
  public let byteOffset: Int
  /// What was found there.
  public let problem: String

  /// An error at `byteOffset`.
  public init(byteOffset: Int, problem: String) {
    self.byteOffset = byteOffset
    self.problem = problem
  }

  /// The message: what and where.
  public var description: String { "not valid JSON at byte \(byteOffset): \(problem)" }
}

/// Recursive descent over borrowed bytes (RFC 8259).
struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let maximumDepth: Int
  private var position = 0
  private var depth = 0

  init(bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
  }

  mutating func parseDocument() throws(JSONError) -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try parseValue()
    skipSpace()
    guard position == bytes.count else { throw problem("text after the end of the document") }
    return value
  }

  private func problem(_ text: String, at offset: Int? = nil) -> JSONError {
    JSONError(byteOffset: offset ?? position, problem: text)
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func parseValue() throws(JSONError) -> JSONValue {
    skipSpace()
    guard let byte = current else { throw problem("the text ends where a value was expected") }
    switch byte {
    case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.parseObject() }
    case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.parseArray() }
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
    default: throw problem("a value was expected")
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSONValue
  ) throws(JSONError) -> JSONValue {
    guard depth < maximumDepth else { throw problem("nested deeper than \(maximumDepth) levels") }
    depth += 1
    position += 1
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let count = text.utf8CodeUnitCount
    guard bytes.count - position >= count,
      (0..<count).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
    else { throw problem("'\(text)' was expected") }
    position += count
    return value
  }
}

// MARK: - Containers

extension JSONParser {
  private mutating func parseArray() throws(JSONError) -> JSONValue {
    var elements: [JSONValue] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      elements.append(try parseValue())
      if try endsContainer(with: UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  private mutating func parseObject() throws(JSONError) -> JSONValue {
    var object = JSONObject()
    skipSpace()
    if current == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw problem("a key in quotes was expected") }
      let key = try parseString()
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw problem("':' was expected after the key") }
      position += 1
      object[key] = try parseValue()
      if try endsContainer(with: UInt8(ascii: "}")) { return .object(object) }
    }
  }

  private mutating func endsContainer(with close: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard let byte = current, byte == close || byte == UInt8(ascii: ",") else {
      throw problem("',' or '\(Character(Unicode.Scalar(close)))' was expected")
    }
    position += 1
    return byte == close
  }
}

// MARK: - Numbers

extension JSONParser {
  private mutating func skipDigits() throws(JSONError) {
    let start = position
    while let byte = current, byte >= 0x30, byte <= 0x39 { position += 1 }
    guard position > start else { throw problem("a digit was expected") }
  }

  private mutating func parseNumber() throws(JSONError) -> JSONValue {
    let start = position
    var isInteger = true
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") {
      position += 1
      if let byte = current, byte >= 0x30, byte <= 0x39 { throw problem("a number may not begin with 0") }
    } else {
      try skipDigits()
    }
    if current == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try skipDigits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try skipDigits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else { throw problem("number out of range", at: start) }
    return .double(value)
  }
}

// MARK: - Strings

extension JSONParser {
  /// Parses from the opening to past the closing quote.
  private mutating func parseString() throws(JSONError) -> String {
    position += 1
    let start = position
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    let unescaped = bytes[start..<position]
    let text: String?
    if current == UInt8(ascii: "\"") {
      text = String(validating: unescaped, as: UTF8.self)
    } else {
      var copy = Array(unescaped)
      try appendRest(to: &copy)
      text = String(validating: copy, as: UTF8.self)
    }
    position += 1
    guard let text else { throw problem("the string is not valid UTF-8", at: start) }
    return text
  }

  /// Appends what follows, escapes undone, up to the closing quote, at which `position` stays.
  private mutating func appendRest(to copy: inout [UInt8]) throws(JSONError) {
    while true {
      guard let byte = current else { throw problem("the string is not closed") }
      switch byte {
      case UInt8(ascii: "\""): return
      case UInt8(ascii: "\\"): try appendEscape(to: &copy)
      case 0..<0x20: throw problem("a control character must be escaped in a string")
      default:
        copy.append(byte)
        position += 1
      }
    }
  }

  private mutating func appendEscape(to copy: inout [UInt8]) throws(JSONError) {
    position += 1
    guard let byte = current else { throw problem("the string is not closed") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): copy.append(byte)
    case UInt8(ascii: "b"): copy.append(0x08)
    case UInt8(ascii: "f"): copy.append(0x0C)
    case UInt8(ascii: "n"): copy.append(0x0A)
    case UInt8(ascii: "r"): copy.append(0x0D)
    case UInt8(ascii: "t"): copy.append(0x09)
    case UInt8(ascii: "u"): copy.append(contentsOf: Array(String(try unicodeEscape()).utf8))
    default: throw problem("unknown escape", at: position - 2)
    }
  }

  /// Reads the digits after `\u`, and the second half of a surrogate pair.
  private mutating func unicodeEscape() throws(JSONError) -> Character {
    let replacement: Character = "\u{FFFD}"
    let first = try hexUnit()
    guard (0xD800..<0xE000).contains(first) else {
      return Unicode.Scalar(first).map { Character($0) } ?? replacement
    }
    guard first < 0xDC00, bytes.count - position >= 6, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { return replacement }
    let afterFirst = position
    position += 2
    let second = try hexUnit()
    guard (0xDC00..<0xE000).contains(second) else {
      position = afterFirst
      return replacement
    }
    let scalar = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    return Unicode.Scalar(scalar).map { Character($0) } ?? replacement
  }

  private mutating func hexUnit() throws(JSONError) -> UInt32 {
    guard bytes.count - position >= 4 else { throw problem("four hexadecimal digits were expected") }
    var value: UInt32 = 0
    for offset in 0..<4 {
      let byte = bytes[position + offset]
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw problem("four hexadecimal digits were expected")
      }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }
}
