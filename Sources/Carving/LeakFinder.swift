/// Finds which of many texts occur verbatim in files, with one look at each file (Rabin and Karp 1987): the first bytes of
/// each text are known by a rolling hash.
struct LeakFinder: Sendable {
  /// Shorter texts are everywhere and say nothing.
  static let leastBytes = 20

  private let texts: [[UInt8]]
  private let byHash: [UInt64: [Int]]
  /// One bit for each of 2¹⁶ ends of a hash, so that most places are passed without a look into the table.
  private let filter: [UInt64]
  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let highest = (1..<leastBytes).reduce(UInt64(1)) { power, _ in power &* base }

  init(_ texts: [[UInt8]]) {
    self.texts = texts
    var byHash: [UInt64: [Int]] = [:]
    var filter = [UInt64](repeating: 0, count: 1 << 10)
    for (index, text) in texts.enumerated() where text.count >= Self.leastBytes {
      let hash = text.prefix(Self.leastBytes).reduce(UInt64(0)) { $0 &* Self.base &+ UInt64($1) }
      byHash[hash, default: []].append(index)
      let bit = Int(hash >> 48)
      filter[bit >> 6] |= 1 << UInt64(bit & 63)
    }
    self.byHash = byHash
    self.filter = filter
  }

  /// Indices of the texts that occur in `bytes`.
  func texts(in bytes: [UInt8]) -> Set<Int> {
    var found: Set<Int> = []
    let length = Self.leastBytes
    guard bytes.count >= length, !byHash.isEmpty else { return [] }
    bytes.withUnsafeBufferPointer { bytes in
      filter.withUnsafeBufferPointer { filter in
        var hash: UInt64 = 0
        for index in 0..<bytes.count {
          if index >= length { hash = hash &- UInt64(bytes[index - length]) &* Self.highest }
          hash = hash &* Self.base &+ UInt64(bytes[index])
          guard index >= length - 1 else { continue }
          let bit = Int(hash >> 48)
          guard filter[bit >> 6] >> UInt64(bit & 63) & 1 == 1, let candidates = byHash[hash] else { continue }
          let start = index - length + 1
          for candidate in candidates where !found.contains(candidate) {
            let text = texts[candidate]
            if start + text.count <= bytes.count,
              text.elementsEqual(UnsafeBufferPointer(rebasing: bytes[start..<(start + text.count)]))
            {
              found.insert(candidate)
            }
          }
        }
      }
    }
    return found
  }
}
