import Weights

extension Tokenizer {
  /// SHA-256 over all pieces and their numbers, in hexadecimal: the same for a vocabulary whether it comes from
  /// `tokenizer.model`, `tokenizer.json` or GGUF. Computed at every call, in linear time.
  public var sha256: String {
    var bytes: [UInt8] = []
    for token in 0..<vocabularySize {
      let piece = vocabulary.piece(token)
      withUnsafeBytes(of: UInt32(piece.count).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: piece)
    }
    return SHA256.hash(bytes)
  }
}
