import Weights

/// Finds text that repeats what is held out for tests: 13 words or 50 tokens in a row that are the same.
///
/// A word is a run of bytes without white space; a token is a run of letters, digits, underscores and bytes beyond ASCII, or any other
/// single byte that is not white space. Case counts, the amount of white space does not; 50 tokens are found
/// whatever the white space between them. Texts that are shorter than both cannot be found (see `DuplicateMiddles`).
/// Keeps one hash for each word and each token of the held-out texts, and nothing of the texts.
public struct Decontaminator: Sendable {
  /// Words in a row that make an overlap.
  public static let wordCount = 13
  /// Tokens in a row that make an overlap.
  public static let tokenCount = 50

  private var words = HashTable()
  private var tokens = HashTable()

  /// Learns what is held out.
  public init(texts: some Sequence<[UInt8]>) {
    for text in texts { insert(text) }
  }

  /// Adds a held-out text.
  public mutating func insert(_ text: [UInt8]) {
    RunHashes.forEach(in: text, count: Self.wordCount, unit: .word) { hash, _ in
      words.insert(hash)
      return true
    }
    RunHashes.forEach(in: text, count: Self.tokenCount, unit: .token) { hash, _ in
      tokens.insert(hash)
      return true
    }
  }

  /// True when nothing is held out.
  public var isEmpty: Bool { words.count == 0 && tokens.count == 0 }

  /// True when the text repeats 13 words or 50 tokens of a held-out text.
  public func overlaps(_ bytes: some Collection<UInt8>) -> Bool {
    guard !isEmpty else { return false }
    let bytes = Array(bytes)
    var isFound = false
    RunHashes.forEach(in: bytes, count: Self.wordCount, unit: .word) { hash, _ in
      isFound = words.contains(hash)
      return !isFound
    }
    guard !isFound else { return true }
    RunHashes.forEach(in: bytes, count: Self.tokenCount, unit: .token) { hash, _ in
      isFound = tokens.contains(hash)
      return !isFound
    }
    return isFound
  }

  /// The parts of the text that repeat held-out text, in order, not touching each other.
  public func overlaps(in bytes: [UInt8]) -> [Range<Int>] {
    guard !isEmpty else { return [] }
    var found: [Range<Int>] = []
    RunHashes.forEach(in: bytes, count: Self.wordCount, unit: .word) { hash, range in
      if words.contains(hash) { found.append(range) }
      return true
    }
    RunHashes.forEach(in: bytes, count: Self.tokenCount, unit: .token) { hash, range in
      if tokens.contains(hash) { found.append(range) }
      return true
    }
    var merged: [Range<Int>] = []
    for range in found.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound {
        merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }
}

/// Rolling hashes of so many words or tokens in a row.
enum RunHashes {
  enum Unit {
    /// What white space separates.
    case word
    /// A run of word bytes, or a single other byte.
    case token
  }

  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Calls `body` with the hash of every run of `count` units and the bytes that it covers, until `body` says false.
  static func forEach(
    in bytes: [UInt8], count: Int, unit: Unit, _ body: (UInt64, Range<Int>) -> Bool
  ) {
    let highest = (0..<count).reduce(UInt64(1)) { power, _ in power &* base }
    var hashes = [UInt64](repeating: 0, count: count)
    var starts = [Int](repeating: 0, count: count)
    var oldest = 0
    var seen = 0
    var rolling: UInt64 = 0
    var position = 0
    while let (hash, start, end) = next(in: bytes, from: position, unit) {
      rolling = rolling &* base &+ hash &- hashes[oldest] &* highest
      hashes[oldest] = hash
      starts[oldest] = start
      oldest = oldest == count - 1 ? 0 : oldest + 1
      seen += 1
      position = end
      if seen >= count, !body(Mixing.mix(rolling), starts[oldest]..<end) { return }
    }
  }

  @inline(__always)
  private static func next(in bytes: [UInt8], from start: Int, _ unit: Unit) -> (UInt64, Int, Int)? {
    var position = start
    while position < bytes.count, WhitespaceNormalised.isSpace(bytes[position]) { position += 1 }
    guard position < bytes.count else { return nil }
    let begin = position
    var hash = FNVHash()
    let isLong = unit == .word || isTokenByte(bytes[position])
    repeat {
      hash.add(bytes[position])
      position += 1
    } while isLong && position < bytes.count
      && (unit == .word ? !WhitespaceNormalised.isSpace(bytes[position]) : isTokenByte(bytes[position]))
    return (Mixing.mix(hash.value), begin, position)
  }

  @inline(__always)
  private static func isTokenByte(_ byte: UInt8) -> Bool { byte >= 0x80 || Shingles.isWordByte[Int(byte)] }
}
