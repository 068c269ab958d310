/// Lengths of characters in UTF-8 that may be broken.
enum UTF8Scanner {
  /// The length that a valid character with this first byte has.
  @inline(__always)
  static func length(ofLeadByte byte: UInt8) -> Int {
    switch byte {
    case 0..<0x80: 1
    case 0xE0..<0xF0: 3
    case 0xF0...: 4
    default: 2
    }
  }

  /// The length of the valid character at `start`; `nil` if there is none (Unicode, table 3-7).
  static func validLength(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
    let lead = text[start]
    if lead < 0x80 { return 1 }
    let count = length(ofLeadByte: lead)
    guard lead >= 0xC2, lead <= 0xF4, start + count <= text.count else { return nil }
    let second = text[start + 1]
    let isSecondValid =
      switch lead {
      case 0xE0: (0xA0...0xBF).contains(second)
      case 0xED: (0x80...0x9F).contains(second)
      case 0xF0: (0x90...0xBF).contains(second)
      case 0xF4: (0x80...0x8F).contains(second)
      default: second & 0xC0 == 0x80
      }
    guard isSecondValid else { return nil }
    for offset in 2..<max(count, 2) where text[start + offset] & 0xC0 != 0x80 { return nil }
    return count
  }
}
