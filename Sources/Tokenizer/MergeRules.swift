/// Which neighbours may be merged, into what, and in which order: the part in which the two families of byte-pair
/// encoding differ.
///
/// SentencePiece merges any two symbols whose text together is a piece, the best score first. The transformers library
/// merges the pairs of a list, the first in the list first. In both, the leftmost of equals comes first.
struct MergeRules: Sendable {
  /// A merge that may be done; the smallest key is done first.
  struct Merge {
    let key: UInt32
    let token: Int32
  }

  private enum Rules: Sendable {
    case listed(MergeTable)
    /// With the key of each token.
    case scored([UInt32])
  }

  private let rules: Rules
  private let pieces: PieceTable
  let vocabulary: Vocabulary
  /// Whether some pieces serve merging only and are taken apart again where they are left over.
  let hasUnusedPieces: Bool

  /// The rules of a vocabulary; only tokens in `mergeable` come out of text.
  init(_ vocabulary: Vocabulary, mergeable: [Bool]) {
    self.vocabulary = vocabulary
    if let merges = vocabulary.merges {
      rules = .listed(merges)
      hasUnusedPieces = false
      // The list names everything else.
      pieces = PieceTable(vocabulary) { mergeable[$0] && vocabulary.range(of: $0).count <= 4 }
    } else {
      rules = .scored(
        (0..<vocabulary.count).map { token in
          vocabulary.ranksByIdentifier ? UInt32(token) : Self.key(ofScore: vocabulary.scores[token])
        })
      hasUnusedPieces = (0..<vocabulary.count).contains { mergeable[$0] && vocabulary.types[$0] == .unused }
      pieces = PieceTable(vocabulary) { mergeable[$0] }
    }
  }

  /// A number that is smaller where the score is higher: the bits of floating-point numbers, put in order.
  static func key(ofScore score: Float) -> UInt32 {
    let bits = (score + 0).bitPattern  // −0 becomes 0
    return bits >> 31 == 0 ? ~(bits | 0x8000_0000) : bits
  }

  /// The token of a text, if it is a piece that may come out of text.
  @inline(__always)
  func token(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? { pieces.token(bytes) }

  /// What two neighbours become; `bytes` is the text of both together, a token −1 stands for text without a piece.
  @inline(__always)
  func merge(
    _ left: Int32, _ right: Int32, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Merge? {
    switch rules {
    case .listed(let table):
      guard left >= 0, right >= 0, let found = table[left, right] else { return nil }
      return Merge(key: found.rank, token: found.token)
    case .scored(let keys):
      guard let token = pieces.token(bytes) else { return nil }
      return Merge(key: keys[Int(token)], token: token)
    }
  }
}
