import Weights

/// Text with every run of white space made one space, and none at the ends: what makes two texts "equal up to white
/// space".
enum WhitespaceNormalised {
  /// The first 128 bits of the normalised text's SHA-256.
  static func hash(of bytes: [UInt8]) -> SIMD2<UInt64> {
    withText(bytes) { text in
      let words = SHA256.words(of: UnsafeRawBufferPointer(text))
      return SIMD2(UInt64(words[0]) << 32 | UInt64(words[1]), UInt64(words[2]) << 32 | UInt64(words[3]))
    }
  }

  /// The normalised text, valid within `body`.
  static func withText<Result>(_ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + 1) { space in
      let count = bytes.withUnsafeBufferPointer { normalise($0, into: space) }
      return body(UnsafeBufferPointer(rebasing: space[..<count]))
    }
  }

  /// Writes at most `source.count` bytes and says how many.
  private static func normalise(
    _ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>
  ) -> Int {
    var count = 0
    var isGap = false
    for byte in source {
      if isSpace(byte) {
        isGap = true
        continue
      }
      if isGap, count > 0 {
        target[count] = 0x20
        count += 1
      }
      isGap = false
      target[count] = byte
      count += 1
    }
    return count
  }

  /// Space, tab, line feed, vertical tab, form feed, carriage return.
  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
