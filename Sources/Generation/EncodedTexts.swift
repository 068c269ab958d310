import Tokenizer

/// The tokens of the texts around cursors, kept from request to request: one that differs from an earlier one in a few
/// places is encoded anew only there. The tokens are those of `Tokenizer.encode` always.
struct EncodedTexts {
  /// Texts that are kept; each document in use has two.
  private static let most = 16

  private let tokenizer: Tokenizer
  private var texts: [IncrementalTokens] = []  // the one used last at the end

  init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// The tokens of `text`, without begin and end.
  mutating func tokens(of text: [UInt8]) -> [Int32] {
    var best: (index: Int, head: Int, tail: Int)?
    for (index, old) in texts.enumerated() {
      let shared = Self.shared(old.text, text)
      if shared.head + shared.tail > (best.map { $0.head + $0.tail } ?? 0) {
        best = (index, shared.head, shared.tail)
      }
    }
    guard let best, (best.head + best.tail) * 2 >= text.count else {
      if texts.count == Self.most { texts.removeFirst() }
      texts.append(IncrementalTokens(tokenizer, text))
      return texts[texts.count - 1].tokens
    }
    var known = texts.remove(at: best.index)
    let old = best.head..<(known.byteCount - best.tail)
    let new = text[best.head..<(text.count - best.tail)]
    if !old.isEmpty || !new.isEmpty { known.replace(old, with: new) }
    texts.append(known)
    return known.tokens
  }

  /// How many bytes two texts share at their beginnings and, of what is left, at their ends.
  private static func shared(_ a: ArraySlice<UInt8>, _ b: [UInt8]) -> (head: Int, tail: Int) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        let limit = min(a.count, b.count)
        var head = 0
        while head < limit, a[head] == b[head] { head += 1 }
        var tail = 0
        while tail < limit - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] { tail += 1 }
        return (head, tail)
      }
    }
  }
}
