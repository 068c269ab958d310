/// Words that were encoded before, with their tokens; of bounded size, forgetful, never wrong.
///
/// A slot takes half a cache line and holds short words with few tokens whole; longer ones lie in two arrays, which are
/// emptied together with the slots when they are full.
struct WordCache {
  private struct Slot {
    /// The first eight bytes of a short word; the hash of a long one.
    var first: UInt64 = 0
    /// The other bytes of a short word; where a long one lies in `longWords`.
    var second: UInt64 = 0
    /// 0 where the slot is free.
    var wordLength: UInt16 = 0
    var tokenCount: UInt16 = 0
    /// The tokens, if there are at most three; otherwise the first number is their place in `longTokens`.
    var tokens: (Int32, Int32, Int32) = (0, 0, 0)
  }

  private var slots: [Slot]
  private var longWords: [UInt8] = []
  private var longTokens: [Int32] = []
  private let hash = ByteHash()

  /// Longer words are not kept.
  static let longestWord = 64
  private static let longestInline = 16
  private static let probes = 4
  private static let longWordLimit = 1 << 19
  private static let longTokenLimit = 1 << 17

  /// A cache of about `1 << sizeBits` words.
  init(sizeBits: Int = 15) {
    slots = [Slot](repeating: Slot(), count: 1 << sizeBits)
  }

  /// A word as it is looked up.
  struct Key {
    fileprivate let hash: UInt64
    fileprivate let first: UInt64
    fileprivate let second: UInt64
    fileprivate let bytes: UnsafeBufferPointer<UInt8>
  }

  /// The key of a word; `nil` if it is too long to be kept.
  @inline(__always)
  func key(_ word: UnsafeBufferPointer<UInt8>) -> Key? {
    guard word.count <= Self.longestWord else { return nil }
    if word.count <= 8 {
      let first = ByteHash.word(word, 0, word.count)
      return Key(hash: hash(word: first, count: word.count), first: first, second: 0, bytes: word)
    }
    let hash = hash(word)
    guard word.count <= Self.longestInline else {
      return Key(hash: hash, first: hash, second: 0, bytes: word)
    }
    return Key(
      hash: hash, first: ByteHash.word(word, 0, 8), second: ByteHash.word(word, 8, word.count - 8),
      bytes: word)
  }

  /// Appends the tokens of a word; false if they are not known.
  @inline(__always)
  func append(_ key: Key, to tokens: inout TokenBuffer) -> Bool {
    let mask = slots.count - 1
    for probe in 0..<Self.probes {
      let index = (Int(truncatingIfNeeded: key.hash) + probe) & mask
      let slot = slots[index]
      guard slot.wordLength != 0 else { return false }
      guard holds(slot, key) else { continue }
      if slot.tokenCount <= 3 {
        tokens.append(slot.tokens, count: Int(slot.tokenCount))
      } else {
        let start = Int(slot.tokens.0)
        tokens.append(longTokens[start..<(start + Int(slot.tokenCount))])
      }
      return true
    }
    return false
  }

  @inline(__always)
  private func holds(_ slot: Slot, _ key: Key) -> Bool {
    guard slot.first == key.first, Int(slot.wordLength) == key.bytes.count else { return false }
    if key.bytes.count <= Self.longestInline { return slot.second == key.second }
    let start = Int(slot.second)
    return longWords[start..<(start + key.bytes.count)].elementsEqual(key.bytes)
  }

  /// Keeps a word with its tokens, which end the output, in place of another one if there is no free slot near.
  mutating func insert(_ key: Key, _ output: TokenBuffer, from start: Int) {
    let tokens = output[from: start]
    let isLong = key.bytes.count > Self.longestInline
    if (isLong && longWords.count + key.bytes.count > Self.longWordLimit)
      || (tokens.count > 3 && longTokens.count + tokens.count > Self.longTokenLimit)
    {
      removeAll()
    }
    var slot = Slot(
      first: key.first, second: key.second, wordLength: UInt16(key.bytes.count),
      tokenCount: UInt16(tokens.count))
    if isLong {
      slot.second = UInt64(longWords.count)
      longWords.append(contentsOf: key.bytes)
    }
    if tokens.count > 3 {
      slot.tokens.0 = Int32(longTokens.count)
      longTokens.append(contentsOf: tokens)
    } else {
      if tokens.count > 0 { slot.tokens.0 = tokens[start] }
      if tokens.count > 1 { slot.tokens.1 = tokens[start + 1] }
      if tokens.count > 2 { slot.tokens.2 = tokens[start + 2] }
    }
    let mask = slots.count - 1
    let home = Int(truncatingIfNeeded: key.hash) & mask
    let free = (0..<Self.probes).first { slots[(home + $0) & mask].wordLength == 0 }
    slots[(home + (free ?? 0)) & mask] = slot
  }

  private mutating func removeAll() {
    for index in slots.indices { slots[index].wordLength = 0 }
    longWords.removeAll(keepingCapacity: true)
    longTokens.removeAll(keepingCapacity: true)
  }
}
