import Tokenizer

/// The tokens of a vocabulary sorted by the bytes that they stand for, to find those that begin with given bytes.
struct TokenBytes: Sendable {
  private let bytes: [UInt8]
  private let starts: [Int]  // [V + 1]
  private let sorted: [Int32]  // tokens with at least one byte, by bytes, then by id

  init(_ tokenizer: Tokenizer) {
    var bytes: [UInt8] = []
    var starts: [Int] = [0]
    for token in 0..<tokenizer.vocabularySize {
      bytes += tokenizer.bytes(of: Int32(token))
      starts.append(bytes.count)
    }
    self.sorted = bytes.withUnsafeBufferPointer { text in
      // The first eight bytes as one number decide nearly all comparisons.
      let keys = (0..<starts.count - 1).map { token in
        (0..<8).reduce(UInt64(0)) { key, place in
          let index = starts[token] + place
          return key << 8 | UInt64(index < starts[token + 1] ? text[index] : 0)
        }
      }
      return (0..<Int32(starts.count - 1)).filter { starts[Int($0)] < starts[Int($0) + 1] }.sorted {
        let (a, b) = (Int($0), Int($1))
        if keys[a] != keys[b] { return keys[a] < keys[b] }
        let order = Self.compare(text, starts[a]..<starts[a + 1], starts[b]..<starts[b + 1])
        return order != 0 ? order < 0 : a < b
      }
    }
    self.bytes = bytes
    self.starts = starts
  }

  private static func compare(_ text: UnsafeBufferPointer<UInt8>, _ a: Range<Int>, _ b: Range<Int>) -> Int {
    for (i, j) in zip(a, b) where text[i] != text[j] { return text[i] < text[j] ? -1 : 1 }
    return a.count - b.count
  }

  /// Number of bytes that `token` stands for.
  func length(of token: Int32) -> Int { starts[Int(token) + 1] - starts[Int(token)] }

  private func text(_ token: Int32) -> ArraySlice<UInt8> {
    bytes[starts[Int(token)]..<starts[Int(token) + 1]]
  }

  /// Tokens that may come next where `wanted` must come next: those that begin with it, and those that it begins with.
  /// In a vocabulary with a token for each byte there is at least one.
  func tokens(towards wanted: [UInt8]) -> [Int32] {
    var result: [Int32] = []
    for length in 1..<max(1, wanted.count) {
      let part = wanted.prefix(length)
      var index = firstIndex(notBelow: part)
      while index < sorted.count, text(sorted[index]).elementsEqual(part) {
        result.append(sorted[index])
        index += 1
      }
    }
    var index = firstIndex(notBelow: wanted[...])
    while index < sorted.count, text(sorted[index]).starts(with: wanted) {
      result.append(sorted[index])
      index += 1
    }
    return result
  }

  private func firstIndex(notBelow wanted: ArraySlice<UInt8>) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if text(sorted[middle]).lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Bytes with which generation must begin; they are not part of what is returned.
struct ByteConstraint {
  private let tokens: TokenBytes
  /// What is still to be generated.
  private(set) var rest: [UInt8]

  init(_ bytes: [UInt8], _ tokens: TokenBytes) {
    rest = bytes
    self.tokens = tokens
  }

  /// Tokens that may come next; nil once the constraint is met.
  func allowed() -> [Int32]? { rest.isEmpty ? nil : tokens.tokens(towards: rest) }

  /// Takes note of a token that was allowed.
  mutating func advance(past token: Int32) {
    rest.removeFirst(min(rest.count, tokens.length(of: token)))
  }
}
