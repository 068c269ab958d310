import Foundation

/// Looks for bytes in bytes.
public enum ByteSearch {
  /// Offsets at which `pattern` stands, at most `limit`.
  public static func places(of pattern: [UInt8], in text: [UInt8], limit: Int = .max) -> [Int] {
    var found: [Int] = []
    text.withUnsafeBufferPointer { text in
      pattern.withUnsafeBufferPointer { pattern in
        var start = 0
        while found.count < limit, let place = first(of: pattern, in: text, from: start) {
          found.append(place)
          start = place + 1
        }
      }
    }
    return found
  }

  /// The first offset from `start` on at which `pattern` stands; nil for none and for an empty pattern.
  static func first(
    of pattern: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, from start: Int = 0
  ) -> Int? {
    guard let head = pattern.first, let base = text.baseAddress, let wanted = pattern.baseAddress else {
      return nil
    }
    var index = start
    let end = text.count - pattern.count + 1
    while index < end, let found = memchr(base + index, Int32(head), end - index) {
      index = found.assumingMemoryBound(to: UInt8.self) - UnsafeMutablePointer(mutating: base)
      if memcmp(base + index, wanted, pattern.count) == 0 { return index }
      index += 1
    }
    return nil
  }
}
