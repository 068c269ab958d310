/// Borrowed bytes with the questions that matchers ask; every answer is bounded by the limits they give.
struct SecretText {
  let bytes: UnsafeBufferPointer<UInt8>

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  var count: Int { bytes.count }

  /// The byte at an offset, 0 outside.
  @inline(__always)
  subscript(index: Int) -> UInt8 { index >= 0 && index < bytes.count ? bytes[index] : 0 }

  subscript(range: Range<Int>) -> Slice<UnsafeBufferPointer<UInt8>> { bytes[range] }

  /// The end of the run of a set's bytes from `start` on, at most `limit` bytes long.
  @inline(__always)
  func run(from start: Int, of set: ByteSet, limit: Int) -> Int {
    let end = min(bytes.count, start + limit)
    var index = start
    while index < end, set.contains(bytes[index]) { index += 1 }
    return index
  }

  /// The start of the run of a set's bytes that ends before `end`, at most `limit` bytes long.
  @inline(__always)
  func run(before end: Int, of set: ByteSet, limit: Int) -> Int {
    let start = max(0, end - limit)
    var index = end
    while index > start, set.contains(bytes[index - 1]) { index -= 1 }
    return index
  }

  func has(_ word: StaticString, at start: Int) -> Bool {
    guard start >= 0, start + word.utf8CodeUnitCount <= bytes.count else { return false }
    return word.withUTF8Buffer { $0.elementsEqual(bytes[start..<(start + $0.count)]) }
  }

  /// Whether a token of a set's bytes may begin at an offset: what stands before belongs to something else, or ends an
  /// escape such as `\n`.
  func isBorder(before start: Int, of set: ByteSet) -> Bool {
    guard start > 0 else { return true }
    let before = bytes[start - 1]
    if !set.contains(before) || before == UInt8(ascii: "=") { return true }
    return ByteSet.spaceEscapes.contains(before) && self[start - 2] == UInt8(ascii: "\\")
  }

  /// The end of the line, at most `limit` bytes on.
  func lineEnd(from start: Int, limit: Int) -> Int {
    let end = min(bytes.count, start + limit)
    var index = start
    while index < end, bytes[index] != 0x0A { index += 1 }
    return index
  }

  /// Whether a phrase stands within a range.
  func has(_ phrase: StaticString, within range: Range<Int>) -> Bool {
    phrase.withUTF8Buffer { ByteSearch.first(of: $0, in: UnsafeBufferPointer(rebasing: bytes[range])) != nil }
  }
}
