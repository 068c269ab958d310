/// What the parser's library can bear.
///
/// Its nodes count their children with 16 bits (tree-sitter 0.20). Grammars keep lists in trees of small nodes, but where
/// it gives up on unfinished code, as with 30 000 opened brackets, all that is open becomes children of one ERROR node;
/// beyond 65 535 of them it frees memory that it does not own. A file with fewer tokens cannot get there.
enum TokenBound {
  /// Leaves room for the tokens without text that grammars put at the end.
  static let limit = 65_000

  /// Whether a file may have more tokens than the parser's library can bear. A word, a sign and a line's end count as one,
  /// one and two tokens, which is more than any grammar makes of them.
  static func isExceeded(by bytes: [UInt8]) -> Bool {
    guard bytes.count > limit / 2 else { return false }
    var tokens = 0
    var isInWord = false
    for byte in bytes {
      let isWord = Blanks.isWord(byte)
      if byte == 0x0A {
        tokens += 2
      } else if isWord ? !isInWord : !Blanks.isSpace(byte) {
        tokens += 1
      }
      isInWord = isWord
    }
    return tokens > limit
  }
}
