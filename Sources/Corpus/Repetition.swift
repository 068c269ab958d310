import Weights

/// The words of a file in numbers, and how much of it one short sequence of them makes up (the rule of Rae et al., 2021, for
/// the most frequent n-gram, in bytes).
struct Repetition {
  /// Number of words: runs of letters, digits, underscores and bytes beyond ASCII.
  private(set) var words = 0
  /// Bytes of all words.
  private(set) var wordBytes = 0
  /// Digits of numbers, and the letters of those such as `0x1F`.
  private(set) var numbers = 0
  private let limits: [Double]
  /// Bytes of the sequences of two, three and four words by the low bits of their hashes.
  private var sums: [UInt32]

  /// Sequences that occur less often are no repetition, however short the file.
  private static let minimumOccurrences = 12
  private static let buckets = 2_048
  private static let longest = 4

  /// Reads a text. Linear.
  ///
  /// - Parameter limits: for two, three and four words; missing ones are not asked.
  ///
  /// Sums by the low bits of a sequence's hash come first: sequences that share a bucket only raise its sum, so that
  /// most files are done after one pass with tables that fit into the first cache.
  init(_ bytes: UnsafeBufferPointer<UInt8>, limits: [Double]) {
    let limits = Array(limits.prefix(Self.longest - 1))
    var sums = [UInt32](repeating: 0, count: Self.buckets * limits.count)
    var words = 0
    var numbers = 0
    wordBytes = sums.withUnsafeMutableBufferPointer { sums in
      Self.walk(bytes, sequences: limits.count) { word in
        words += 1
        if ByteSet.digits.contains(bytes[word.lowerBound]) { numbers += Self.digits(in: word, bytes) }
      } body: { order, hash, size in
        sums[order * Self.buckets + Int(truncatingIfNeeded: hash & UInt64(Self.buckets - 1))] &+= UInt32(
          truncatingIfNeeded: size)
      }
    }
    self.words = words
    self.numbers = numbers
    self.limits = limits
    self.sums = sums
  }

  /// In hexadecimal the letters are digits too.
  private static func digits(in word: Range<Int>, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    if word.count > 2, bytes[word.lowerBound + 1] | 0x20 == UInt8(ascii: "x") { return word.count }
    return word.reduce(0) { $0 + (ByteSet.digits.contains(bytes[$1]) ? 1 : 0) }
  }

  /// The share of the most frequent sequence of two, three or four words that exceeds its limit; nil for none.
  ///
  /// - Parameter bytes: The text that was read.
  func excess(in bytes: UnsafeBufferPointer<UInt8>) -> (words: Int, share: Double)? {
    for (order, limit) in limits.enumerated() {
      let highest = sums[(order * Self.buckets)..<((order + 1) * Self.buckets)].max() ?? 0
      if Double(highest) <= limit * Double(wordBytes) { continue }
      let share = Self.exactShare(in: bytes, order: order, total: wordBytes)
      if share > limit { return (order + 2, share) }
    }
    return nil
  }

  private static func exactShare(in bytes: UnsafeBufferPointer<UInt8>, order: Int, total: Int) -> Double {
    var sums: [UInt64: (count: Int, size: Int)] = [:]
    _ = walk(bytes, sequences: order + 1) { _ in
    } body: { found, hash, size in
      guard found == order else { return }
      sums[hash, default: (0, 0)].count += 1
      sums[hash, default: (0, 0)].size += size
    }
    let most = sums.values.filter { $0.count >= minimumOccurrences }.map(\.size).max() ?? 0
    return Double(most) / Double(max(1, total))
  }

  /// Calls `each` with every word, and `body` with every sequence of words: its number of words less two, its hash and its
  /// bytes. Returns the bytes of all words.
  @inline(__always)
  private static func walk(
    _ bytes: UnsafeBufferPointer<UInt8>, sequences: Int, each: (Range<Int>) -> Void,
    body: (Int, UInt64, Int) -> Void
  ) -> Int {
    var hashes: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var sizes: (Int, Int, Int) = (0, 0, 0)
    var words = 0
    var total = 0
    var index = 0
    while index < bytes.count {
      var word = FNVHash()
      let start = index
      while index < bytes.count, isWord(bytes[index]) {
        word.add(bytes[index])
        index += 1
      }
      guard index > start else {
        index += 1
        continue
      }
      let hash = word.value
      let size = index - start
      total += size
      each(start..<index)
      if words >= 1, sequences >= 1 { body(0, mix(hashes.0, hash), sizes.0 + size) }
      if words >= 2, sequences >= 2 { body(1, mix(mix(hashes.1, hashes.0), hash), sizes.1 + sizes.0 + size) }
      if words >= 3, sequences >= 3 {
        body(2, mix(mix(mix(hashes.2, hashes.1), hashes.0), hash), sizes.2 + sizes.1 + sizes.0 + size)
      }
      hashes = (hash, hashes.0, hashes.1)
      sizes = (size, sizes.0, sizes.1)
      words += 1
    }
    return total
  }

  @inline(__always)
  private static func isWord(_ byte: UInt8) -> Bool {
    byte >= 0x80 || ByteSet.word.contains(byte)
  }

  @inline(__always)
  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = (left ^ 0x9E37_79B9_7F4A_7C15) &* 0xFF51_AFD7_ED55_8CCD &+ right &* 0xC4CE_B9FE_1A85_EC53
    return product ^ (product >> 29)
  }
}
