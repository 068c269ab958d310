/// White space, words and brackets in bytes.
enum Blanks {
  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
  }

  @inline(__always)
  static func isWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || (byte >= 0x30 && byte <= 0x39)
      || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
  }

  /// True for bytes that begin a character.
  @inline(__always)
  static func startsCharacter(_ byte: UInt8) -> Bool {
    byte & 0xC0 != 0x80
  }

  @inline(__always)
  static func isCloser(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}")
  }

  /// The bracket that closes `byte`; nil when it opens nothing.
  @inline(__always)
  static func closer(of byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "("): UInt8(ascii: ")")
    case UInt8(ascii: "["): UInt8(ascii: "]")
    case UInt8(ascii: "{"): UInt8(ascii: "}")
    default: nil
    }
  }

  /// A range without the white space at its ends.
  static func trimmed(_ range: Range<Int>, of source: [UInt8]) -> Range<Int> {
    source.withUnsafeBufferPointer { trimmed(range, of: $0) }
  }

  /// A range without the white space at its ends.
  static func trimmed(_ range: Range<Int>, of source: UnsafeBufferPointer<UInt8>) -> Range<Int> {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high, isSpace(source[low]) { low += 1 }
    while high > low, isSpace(source[high - 1]) { high -= 1 }
    return low..<high
  }
}
