import Weights

/// How much of a file one short sequence of words makes up (the rule of Rae et al., 2021, for the most frequent
/// n-gram, in bytes).
enum Repetition {
  /// Sequences that occur less often are no repetition, however short the file.
  private static let minimumOccurrences = 12
  private static let buckets = 2_048
  private static let longest = 4

  /// The share of the most frequent sequence of two, three or four words that exceeds its limit; nil for none.
  ///
  /// - Parameter limits: for two, three and four words; missing ones are not asked.
  ///
  /// Sums by the low bits of a sequence's hash come first: sequences that share a bucket only raise its sum, so that
  /// most files are done after one pass with tables that fit into the first cache. Linear.
  static func excess(
    in bytes: UnsafeBufferPointer<UInt8>, limits: [Double]
  ) -> (words: Int, share: Double)? {
    let limits = Array(limits.prefix(longest - 1))
    var sums = [UInt32](repeating: 0, count: buckets * limits.count)
    var total = 0
    sums.withUnsafeMutableBufferPointer { sums in
      total = walk(bytes, sequences: limits.count) { order, hash, size in
        sums[order * buckets + Int(truncatingIfNeeded: hash & UInt64(buckets - 1))] &+= UInt32(
          truncatingIfNeeded: size)
      }
    }
    for (order, limit) in limits.enumerated() {
      let highest = sums[(order * buckets)..<((order + 1) * buckets)].max() ?? 0
      if Double(highest) <= limit * Double(total) { continue }
      let share = exactShare(in: bytes, order: order, total: total)
      if share > limit { return (order + 2, share) }
    }
    return nil
  }

  private static func exactShare(in bytes: UnsafeBufferPointer<UInt8>, order: Int, total: Int) -> Double {
    var sums: [UInt64: (count: Int, size: Int)] = [:]
    _ = walk(bytes, sequences: order + 1) { found, hash, size in
      guard found == order else { return }
      sums[hash, default: (0, 0)].count += 1
      sums[hash, default: (0, 0)].size += size
    }
    let most = sums.values.filter { $0.count >= minimumOccurrences }.map(\.size).max() ?? 0
    return Double(most) / Double(max(1, total))
  }

  /// Calls `body` with every sequence of words: its number of words less two, its hash and its bytes. Returns the bytes
  /// of all words.
  @inline(__always)
  private static func walk(
    _ bytes: UnsafeBufferPointer<UInt8>, sequences: Int, body: (Int, UInt64, Int) -> Void
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
