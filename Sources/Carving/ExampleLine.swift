import Context

/// An example as one line of JSON, written by hand: a data set is several times as large as its source, and the general
/// encoder would take longer than the parser.
///
/// The same object as `FIMExample.encode(to:)` gives, with its keys in alphabetical order; text is copied as it is.
enum ExampleLine {
  /// The line with its newline.
  static func json(_ example: FIMExample) -> [UInt8] {
    var line: [UInt8] = []
    line.reserveCapacity(
      400 + (example.prefix.utf8.count + example.middle.utf8.count + example.suffix.utf8.count) * 9 / 8)
    line.append(UInt8(ascii: "{"))
    if !example.contentHash.isEmpty { member("contentHash", example.contentHash, to: &line) }
    if !example.context.isEmpty { context(example.context, to: &line) }
    if let difficulty = example.difficulty, difficulty.isFinite {
      key("difficulty", to: &line)
      line += "\(difficulty)".utf8
    }
    member("kind", example.kind.rawValue, to: &line)
    member("language", example.language, to: &line)
    member("middle", example.middle, to: &line)
    member("middleEnd", example.middleEnd, to: &line)
    member("middleStart", example.middleStart, to: &line)
    if !example.modifiers.isEmpty {
      key("modifiers", to: &line)
      list(example.modifiers, to: &line) { string($0.rawValue, to: &$1) }
    }
    member("nodePath", example.nodePath, to: &line)
    member("path", example.path, to: &line)
    member("prefix", example.prefix, to: &line)
    member("suffix", example.suffix, to: &line)
    if example.unit != example.middleStart..<max(example.middleStart, example.middleEnd) {
      member("unitEnd", example.unit.upperBound, to: &line)
      member("unitStart", example.unit.lowerBound, to: &line)
    }
    member("windowStart", example.windowStart, to: &line)
    line.append(UInt8(ascii: "}"))
    line.append(0x0A)
    return line
  }

  private static func context(_ snippets: [ContextSnippet], to line: inout [UInt8]) {
    key("context", to: &line)
    list(snippets, to: &line) { snippet, line in
      line.append(UInt8(ascii: "{"))
      member("firstLine", snippet.firstLine, to: &line)
      member("path", snippet.path, to: &line)
      member("source", snippet.source.rawValue, to: &line)
      member("text", snippet.text, to: &line)
      line.append(UInt8(ascii: "}"))
    }
  }

  private static func list<Item>(
    _ items: [Item], to line: inout [UInt8], item: (Item, inout [UInt8]) -> Void
  ) {
    line.append(UInt8(ascii: "["))
    for (index, value) in items.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      item(value, &line)
    }
    line.append(UInt8(ascii: "]"))
  }

  private static func key(_ name: StaticString, to line: inout [UInt8]) {
    if line.last != UInt8(ascii: "{") { line.append(UInt8(ascii: ",")) }
    line.append(UInt8(ascii: "\""))
    line += UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    line.append(UInt8(ascii: "\""))
    line.append(UInt8(ascii: ":"))
  }

  private static func member(_ name: StaticString, _ number: Int, to line: inout [UInt8]) {
    key(name, to: &line)
    line += "\(number)".utf8
  }

  private static func member(_ name: StaticString, _ text: String, to line: inout [UInt8]) {
    key(name, to: &line)
    string(text, to: &line)
  }

  /// A JSON string (RFC 8259, section 7): quotes, backslashes and controls are escaped, the rest is copied in runs.
  static func string(_ text: String, to line: inout [UInt8]) {
    line.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var start = 0
      var index = 0
      while index < bytes.count {
        // Most words have nothing to escape: eight bytes are asked at a time.
        if index + 8 <= bytes.count,
          isPlain(UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: index, as: UInt64.self))
        {
          index += 8
          continue
        }
        let byte = bytes[index]
        if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
          line += UnsafeBufferPointer(rebasing: bytes[start..<index])
          start = index + 1
          escape(byte, to: &line)
        }
        index += 1
      }
      line += UnsafeBufferPointer(rebasing: bytes[start...])
    }
    line.append(UInt8(ascii: "\""))
  }

  /// True when none of eight bytes is a control, a quote or a backslash. A byte is below 32, or 0 after the signs are taken
  /// off, when subtracting borrows into its highest bit, which was not set before; a borrow may make the next byte seem one,
  /// never hide it.
  @inline(__always)
  private static func isPlain(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ ones &* 0x22
    let backslashes = word ^ ones &* 0x5C
    let controls = (word &- ones &* 0x20) & ~word
    let signs = (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
    return (controls | signs) & (ones &* 0x80) == 0
  }

  private static func escape(_ byte: UInt8, to line: inout [UInt8]) {
    line.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x0A: line.append(UInt8(ascii: "n"))
    case 0x09: line.append(UInt8(ascii: "t"))
    case 0x0D: line.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): line.append(byte)
    default:
      let digits = Array("0123456789abcdef".utf8)
      line += "u00".utf8
      line.append(digits[Int(byte >> 4)])
      line.append(digits[Int(byte & 15)])
    }
  }
}
