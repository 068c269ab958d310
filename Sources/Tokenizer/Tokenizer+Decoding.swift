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

  private func append(_ token: Int32, to bytes: inout [UInt8]) {
    let index = Int(token)
    guard (0..<vocabulary.count).contains(index) else { return }
    switch vocabulary.types[index] {
    case .control, .unknown: return
    case .byte: if let byte = vocabulary.byteValue(of: index) { bytes.append(byte) }
    case .normal, .userDefined, .unused: appendText(vocabulary.piece(index), to: &bytes)
    }
  }

  /// Appends a piece with its space marks undone.
  private func appendText(_ piece: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    var position = piece.startIndex
    while position < piece.endIndex {
      if piece[position...].starts(with: Vocabulary.spaceMark) {
        bytes.append(0x20)
        position += Vocabulary.spaceMark.count
      } else {
        bytes.append(piece[position])
        position += 1
      }
    }
  }
}
