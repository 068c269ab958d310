/// Tells whether a snippet would give the middle away: it holds it, white space aside, or a near copy of it.
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

  private let middle: [UInt8]
  private let ignoresSpace: Bool
  private let shingles: Set<UInt64>

  /// A guard for a middle; with nil nothing leaks.
  init(_ middle: [UInt8]?) {
    let text = (middle ?? []).count >= Self.shortest ? middle ?? [] : []
    let ink = Self.compact(text)
    ignoresSpace = ink.count >= Self.leastInk
    self.middle = ignoresSpace ? ink : text
    shingles = Set(Self.shingles(of: text))
  }

  /// True when `text` must not be shown.
  func forbids(_ text: ArraySlice<UInt8>) -> Bool {
    if middle.isEmpty { return false }
    let searched = ignoresSpace ? Self.compact(text) : Array(text)
    if !ByteSearch.places(of: middle, in: searched, limit: 1).isEmpty { return true }
    guard !shingles.isEmpty else { return false }
    let common = Set(Self.shingles(of: text)).intersection(shingles).count
    return Double(common) > Self.share * Double(shingles.count)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0D }

  private static func compact(_ text: some Sequence<UInt8>) -> [UInt8] { text.filter { !isSpace($0) } }

  /// Hashes of all runs of five tokens: words, and other bytes one by one.
  private static func shingles(of text: some Sequence<UInt8>) -> [UInt64] {
    var tokens: [UInt64] = []
    var word: UInt64 = 0
    for byte in text {
      if WordScanner.isWord(byte) {
        word = (word == 0 ? 14_695_981_039_346_656_037 : word) ^ UInt64(byte)
        word = word &* 1_099_511_628_211
        continue
      }
      if word != 0 { tokens.append(word) }
      word = 0
    }
    if word != 0 { tokens.append(word) }
    guard tokens.count >= shingle else { return [] }
    return (0...tokens.count - shingle).map { start in
      tokens[start..<start + shingle].reduce(1) { ($0 ^ $1) &* 0x9E37_79B9_7F4A_7C15 }
    }
  }
}
