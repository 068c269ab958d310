/// Cuts source text of any language into words, runs of blanks, line ends with the indentation behind them, and single other
/// bytes. Joined, the tokens are the text.
enum LexicalTokens {
  static func split(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    var tokens: [ArraySlice<UInt8>] = []
    var start = 0
    while start < text.count {
      var end = start + 1
      switch text[start] {
      case let byte where isWord(byte): while end < text.count, isWord(text[end]) { end += 1 }
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        while end < text.count, TextMetrics.isWhitespace(text[end]) { end += 1 }
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        while end < text.count, isBlank(text[end]) { end += 1 }
      default: break
      }
      tokens.append(text[start..<end])
      start = end
    }
    return tokens
  }

  static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x80 || byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// True when more text could make the token longer.
  static func mayGrow(_ token: ArraySlice<UInt8>) -> Bool {
    token.last.map { isWord($0) || TextMetrics.isWhitespace($0) } ?? false
  }

  static func isLineEnd(_ token: ArraySlice<UInt8>) -> Bool {
    token.first == UInt8(ascii: "\n") || token.first == UInt8(ascii: "\r")
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
}
