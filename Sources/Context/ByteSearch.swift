/// Looks for bytes in bytes.
enum ByteSearch {
  /// Offsets at which `pattern` stands, at most `limit`.
  static func places(of pattern: [UInt8], in text: [UInt8], limit: Int = .max) -> [Int] {
    guard let first = pattern.first, text.count >= pattern.count else { return [] }
    var found: [Int] = []
    text.withUnsafeBufferPointer { text in
      pattern.withUnsafeBufferPointer { pattern in
        var index = 0
        let end = text.count - pattern.count
        while index <= end, found.count < limit {
          if text[index] == first, matches(text, at: index, pattern) { found.append(index) }
          index += 1
        }
      }
    }
    return found
  }

  private static func matches(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int, _ pattern: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    var index = 1
    while index < pattern.count {
      if text[start + index] != pattern[index] { return false }
      index += 1
    }
    return true
  }
}
