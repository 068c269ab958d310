/// Names for bytes and small questions about runs of them. All text in this room is UTF-8 bytes with `\n` line ends.
enum Bytes {
  static let newline = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")
  static let zero = UInt8(ascii: "0")
  static let upperA = UInt8(ascii: "A")
  static let upperZ = UInt8(ascii: "Z")
  static let nine = UInt8(ascii: "9")

  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  static func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == space || byte == newline || (byte >= 0x09 && byte <= 0x0D)
  }

  /// Letters, digits, `_`, `$` and everything outside ASCII.
  static func isIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), zero...nine,
      UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
      true
    default: false
    }
  }

  static func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
  }

  /// The opening bracket of a closing one.
  static func opener(of closer: UInt8) -> UInt8? {
    switch closer {
    case UInt8(ascii: ")"): UInt8(ascii: "(")
    case UInt8(ascii: "]"): UInt8(ascii: "[")
    case UInt8(ascii: "}"): UInt8(ascii: "{")
    default: nil
    }
  }

  static func isOpener(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "(") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{")
  }

  /// Text that an editor puts behind the cursor by itself, or that ends a line: brackets, quotes, punctuation.
  static func isClosing(_ byte: UInt8) -> Bool {
    if opener(of: byte) != nil || isQuote(byte) || isWhiteSpace(byte) { return true }
    return byte == UInt8(ascii: ";") || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":")
      || byte == UInt8(ascii: ">")
  }

  static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    trimmingEnd(text.drop(while: isWhiteSpace))
  }

  static func trimmingEnd(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text
    while let last = text.last, isWhiteSpace(last) { text.removeLast() }
    return text
  }

  static func indentation(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> { line.prefix(while: isBlank) }

  /// Width in columns with tab stops every four columns.
  static func width(_ indentation: ArraySlice<UInt8>) -> Int {
    indentation.reduce(0) { $1 == tab ? ($0 / 4 + 1) * 4 : $0 + 1 }
  }

  static func lines(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    text.split(separator: newline, omittingEmptySubsequences: false)
  }

  static func scalarBorder(_ text: [UInt8], atOrAfter index: Int, before limit: Int) -> Int {
    var index = index
    while index < limit, text[index] & 0xC0 == 0x80 { index += 1 }
    return index
  }

  static func scalarBorder(_ text: [UInt8], atOrBefore index: Int, after limit: Int) -> Int {
    var index = index
    while index > limit, index < text.count, text[index] & 0xC0 == 0x80 { index -= 1 }
    return index
  }

  /// Length of the longest beginning that is well-formed UTF-8 without control characters other than tab and newline.
  static func cleanLength(_ text: [UInt8]) -> Int {
    var index = 0
    while index < text.count {
      let lead = text[index]
      if lead < 0x80 {
        guard lead >= 0x20 && lead != 0x7F || lead == tab || lead == newline else { return index }
        index += 1
        continue
      }
      let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
      guard lead >= 0xC2, lead <= 0xF4, index + length <= text.count,
        String(validating: text[index..<index + length], as: UTF8.self) != nil
      else { return index }
      index += length
    }
    return index
  }
}
