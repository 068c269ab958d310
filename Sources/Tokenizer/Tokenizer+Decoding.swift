extension Tokenizer {
  /// The bytes that a token stands for; none for control tokens, unknown tokens and numbers that are no tokens.
  public func bytes(of token: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    append(token, to: &bytes)
    return bytes
  }

  /// The bytes that tokens stand for together.
  public func decode(_ tokens: some Sequence<Int32>) -> [UInt8] {
    var bytes: [UInt8] = []
    for token in tokens { append(token, to: &bytes) }
    if vocabulary.addsSpaceBeforeText, bytes.first == 0x20 { bytes.removeFirst() }
    return bytes
  }

  @inline(__always)
  private func append(_ token: Int32, to bytes: inout [UInt8]) {
    let index = Int(token)
    guard (0..<vocabulary.count).contains(index) else { return }
    switch vocabulary.types[index] {
    case .control, .unknown: return
    case .byte: if let byte = vocabulary.byteValue(of: index) { bytes.append(byte) }
    case .normal, .userDefined, .unused: appendText(index, to: &bytes)
    }
  }

  /// Appends a piece with its space marks undone.
  @inline(__always)
  private func appendText(_ token: Int, to bytes: inout [UInt8]) {
    let range = vocabulary.range(of: token)
    vocabulary.withText { text in
      var position = range.lowerBound
      while position < range.upperBound {
        if text[position] == 0xE2, position + 2 < range.upperBound, text[position + 1] == 0x96,
          text[position + 2] == 0x81
        {
          bytes.append(0x20)
          position += 3
        } else {
          bytes.append(text[position])
          position += 1
        }
      }
    }
  }
}
