/// Splits code into the words by which chunks are found: identifiers, and their parts at camelCase and underscores.
enum WordScanner {
  /// A word at a place of the text.
  struct Word {
    /// Hash of the word in small letters without underscores; 24 bits.
    let hash: UInt32
    /// Hash of the identifier as it is written, for whole identifiers; 0 for parts.
    let name: UInt32
    /// Offset of the identifier's first byte.
    let offset: UInt32
    /// Bytes of the word, at most 255.
    let length: UInt8
    /// True for an identifier of several parts.
    let isCompound: Bool
    /// True when a dot, an arrow or `::` stands before it.
    let isMember: Bool
  }

  /// Shorter parts say nothing.
  static let shortest = 3
  /// A longer run of letters is data.
  static let longest = 64
  private static let seed: UInt32 = 2_166_136_261
  private static let prime: UInt32 = 16_777_619

  /// Hash of a whole name as it is written, as `Word.name` has it.
  static func nameHash(_ name: some Sequence<UInt8>) -> UInt32 {
    var hash = seed
    for byte in name { hash = (hash ^ UInt32(byte)) &* prime }
    return finish(hash)
  }

  /// True for bytes that belong to an identifier.
  static func isWord(_ byte: UInt8) -> Bool { classify(byte) != .other }

  private static func finish(_ hash: UInt32) -> UInt32 {
    var mixed = hash
    mixed ^= mixed >> 16
    mixed = mixed &* 0x7feb_352d
    mixed ^= mixed >> 15
    return max(1, mixed)
  }

  private static func wordHash(_ hash: UInt32) -> UInt32 { finish(hash) >> 8 }

  /// Hash of a word in small letters, as `Word.hash` has it.
  static func hash(of word: String) -> UInt32 {
    var hash = seed
    for byte in word.utf8 where byte != UInt8(ascii: "_") { hash = (hash ^ UInt32(byte | 0x20)) &* prime }
    return wordHash(hash)
  }

  /// Appends the words of `text[range]`: of each identifier first the parts, then the whole.
  static func scan(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into words: inout [Word]) {
    kinds.withUnsafeBufferPointer { kinds in
      var index = range.lowerBound
      while index < range.upperBound {
        guard kinds[Int(text[index])] != .other else {
          index += 1
          continue
        }
        let start = index
        while index < range.upperBound, kinds[Int(text[index])] != .other { index += 1 }
        guard index - start >= shortest, kinds[Int(text[start])] != .digit else { continue }
        identifier(text, start..<index, kinds, lowerBound: range.lowerBound, into: &words)
      }
    }
  }

  private static func identifier(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ kinds: UnsafeBufferPointer<Kind>,
    lowerBound: Int, into words: inout [Word]
  ) {
    guard range.count <= longest else { return }
    var exact = seed
    var whole = seed
    var part = seed
    var partLength = 0
    var partCount = 0
    var wholeLength = 0
    var last = Kind.other
    let first = words.count
    let offset = UInt32(truncatingIfNeeded: range.lowerBound)
    let member = isMember(text, at: range.lowerBound, lowerBound: lowerBound)
    func endPart() {
      if partLength > 0 { partCount += 1 }
      if partLength >= shortest {
        words.append(
          Word(
            hash: wordHash(part), name: 0, offset: offset, length: UInt8(partLength), isCompound: false,
            isMember: member))
      }
      part = seed
      partLength = 0
    }
    var kind = kinds[Int(text[range.lowerBound])]
    for index in range {
      let byte = text[index]
      let next = index + 1 < range.upperBound ? kinds[Int(text[index + 1])] : .other
      defer { kind = next }
      exact = (exact ^ UInt32(byte)) &* prime
      if kind == .joint {
        endPart()
        last = .joint
        continue
      }
      if kind == .upper, last == .lower || last == .digit || (last == .upper && next == .lower) { endPart() }
      let small = UInt32(kind == .upper ? byte | 0x20 : byte)
      part = (part ^ small) &* prime
      whole = (whole ^ small) &* prime
      partLength += 1
      wholeLength += 1
      last = kind
    }
    let isCompound = partCount > 0 && partLength > 0 || partCount > 1
    if isCompound { endPart() } else { words.removeLast(words.count - first) }
    words.append(
      Word(
        hash: wordHash(whole), name: finish(exact), offset: offset, length: UInt8(wholeLength),
        isCompound: isCompound, isMember: member))
  }

  private static func isMember(_ text: UnsafeBufferPointer<UInt8>, at start: Int, lowerBound: Int) -> Bool {
    guard start > lowerBound else { return false }
    let before = text[start - 1]
    if before == UInt8(ascii: ".") { return true }
    guard start > lowerBound + 1 else { return false }
    return before == UInt8(ascii: ">") && text[start - 2] == UInt8(ascii: "-")
      || before == UInt8(ascii: ":") && text[start - 2] == UInt8(ascii: ":")
  }

  private enum Kind: UInt8 {
    case other, lower, upper, digit, joint
  }

  /// By byte: every byte of every file is asked.
  private static let kinds: [Kind] = (0...255).map { classify(UInt8($0)) }

  @inline(__always)
  private static func classify(_ byte: UInt8) -> Kind {
    if (byte | 0x20) &- UInt8(ascii: "a") < 26 { return byte & 0x20 == 0 ? .upper : .lower }
    if byte &- UInt8(ascii: "0") < 10 { return .digit }
    if byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$") { return .joint }
    return byte >= 0x80 ? .lower : .other
  }
}
