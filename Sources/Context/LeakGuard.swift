import Corpus

/// Tells whether a snippet would give the middle away: it holds it, white space aside, or a near copy of it.
///
/// A short middle such as `return None` stands everywhere and is no leak by itself: there a snippet is one that holds, or
/// nearly copies, the very place, which is the middle with the line before it and the line behind it.
struct LeakGuard {
  /// Shorter middles stand everywhere.
  static let shortest = 20
  /// Words per shingle.
  private static let shingle = 5
  /// Share of the middle's shingles that makes a near copy. Whatever has Jaccard > 0.8 with the middle, in whole or in
  /// a stretch as long as the middle, holds more than this share of them.
  private static let share = 0.8

  /// A middle with less ink than this is compared as it is, since its ink alone stands everywhere.
  private static let leastInk = 12

  private static let prime: UInt64 = 0x9E37_79B9_7F4A_7C15

  private let middle: [UInt8]
  private let ignoresSpace: Bool
  /// Distinct, sorted.
  private let shingles: [UInt64]
  /// One bit for each of the shingles' lowest eight bits: most other shingles are told from it.
  private let filter: SIMD4<UInt64>

  /// A guard for a middle; with nil nothing leaks.
  init(_ middle: [UInt8]?) {
    let text = (middle ?? []).count >= Self.shortest ? middle ?? [] : []
    let ink = Self.compact(text)
    ignoresSpace = ink.count >= Self.leastInk
    self.middle = ignoresSpace ? ink : text
    var shingles: [UInt64] = []
    text.withUnsafeBufferPointer { Self.forEachShingle(of: $0) { shingles.append($0) } }
    shingles = Set(shingles).sorted()
    var filter = SIMD4<UInt64>()
    for value in shingles { filter[Int(value >> 6 & 3)] |= 1 << (value & 63) }
    self.shingles = shingles
    self.filter = filter
  }

  /// A guard for the hole of a query; without a hole nothing leaks.
  init(_ query: ContextQuery) {
    let middle = query.hole?.middle ?? []
    self.init(middle.isEmpty || middle.count >= Self.shortest ? middle : Self.place(of: middle, in: query))
  }

  /// The middle with the rest of its lines, the last line with ink before them and the first one behind them.
  private static func place(of middle: [UInt8], in query: ContextQuery) -> [UInt8] {
    func extent(of text: some Sequence<UInt8>) -> Int {
      var (count, lines, hasInk) = (0, 0, false)
      for byte in text {
        if byte == 0x0A {
          // The first line is the hole's own, the second with ink its neighbour.
          if lines > 0, hasInk { break }
          lines += 1
          hasInk = false
        } else if !isSpace(byte) {
          hasInk = true
        }
        count += 1
      }
      return count
    }
    return Array(query.prefix.suffix(extent(of: query.prefix.reversed()))) + middle
      + query.suffix.prefix(extent(of: query.suffix))
  }

  /// True when `text` must not be shown.
  func forbids(_ text: ArraySlice<UInt8>) -> Bool {
    if middle.isEmpty { return false }
    let searched = ignoresSpace ? Self.compact(text) : Array(text)
    if !ByteSearch.places(of: middle, in: searched, limit: 1).isEmpty { return true }
    guard !shingles.isEmpty else { return false }
    return Double(common(with: text)) > Self.share * Double(shingles.count)
  }

  /// How many of the middle's shingles a text has.
  private func common(with text: ArraySlice<UInt8>) -> Int {
    var isSeen = [Bool](repeating: false, count: shingles.count)
    var common = 0
    text.withUnsafeBufferPointer { text in
      Self.forEachShingle(of: text) { value in
        guard filter[Int(value >> 6 & 3)] >> (value & 63) & 1 == 1 else { return }
        let place = Self.firstPlace(in: shingles, notBelow: value)
        guard place < shingles.count, shingles[place] == value, !isSeen[place] else { return }
        isSeen[place] = true
        common += 1
      }
    }
    return common
  }

  private static func firstPlace(in sorted: [UInt64], notBelow value: UInt64) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0D }

  private static func compact(_ text: some Collection<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: text.count) { room, count in
      for byte in text where !isSpace(byte) {
        room[count] = byte
        count += 1
      }
    }
  }

  /// Hashes of all runs of five tokens: words, and other bytes as what separates them.
  private static func forEachShingle(of text: UnsafeBufferPointer<UInt8>, body: (UInt64) -> Void) {
    // The last five words, the oldest first.
    var words: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
    var count = 0
    var word: UInt64 = 0
    func endWord() {
      guard word != 0 else { return }
      words = (words.1, words.2, words.3, words.4, word)
      word = 0
      count += 1
      guard count >= shingle else { return }
      var hash: UInt64 = 1
      hash = (hash ^ words.0) &* Self.prime
      hash = (hash ^ words.1) &* Self.prime
      hash = (hash ^ words.2) &* Self.prime
      hash = (hash ^ words.3) &* Self.prime
      hash = (hash ^ words.4) &* Self.prime
      body(hash)
    }
    for byte in text {
      if WordScanner.isWord(byte) {
        word = (word == 0 ? 14_695_981_039_346_656_037 : word) ^ UInt64(byte)
        word = word &* 1_099_511_628_211
      } else {
        endWord()
      }
    }
    endWord()
  }
}
