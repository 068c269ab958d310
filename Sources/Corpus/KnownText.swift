import Weights

/// Answers whether a text occurs in a set of files; used to keep what training saw out of the test.
public struct KnownText: Sendable {
  private let text: [UInt8]
  private let lines: Set<UInt64>

  /// Remembers the contents of files.
  public init(_ files: [SourceFile]) {
    var text: [UInt8] = []
    text.reserveCapacity(files.reduce(0) { $0 + $1.bytes.count + 1 })
    var lines: Set<UInt64> = []
    for file in files {
      text += file.bytes
      text.append(0)
      for line in file.bytes.split(separator: 0x0A) { lines.insert(FNVHash(line).value) }
    }
    self.text = text
    self.lines = lines
  }

  /// True when `bytes` occurs verbatim in one of the files.
  ///
  /// Complexity: constant for text with an unknown whole line in it, else one search through all files.
  public func contains(_ bytes: some Collection<UInt8>) -> Bool {
    let needle = Array(bytes)
    guard !needle.isEmpty, needle.count <= text.count else { return needle.isEmpty }
    if let first = needle.firstIndex(of: 0x0A), let last = needle.lastIndex(of: 0x0A), first < last {
      let inner = needle[(first + 1)..<last].split(separator: 0x0A)
      if inner.contains(where: { !lines.contains(FNVHash($0).value) }) { return false }
    }
    return Self.search(needle, in: text)
  }

  /// Horspool's search: looks at one byte in `needle.count` where little matches.
  private static func search(_ needle: [UInt8], in text: [UInt8]) -> Bool {
    let count = needle.count
    var shift = [Int](repeating: count, count: 256)
    for (index, byte) in needle.dropLast().enumerated() { shift[Int(byte)] = count - 1 - index }
    return text.withUnsafeBufferPointer { text in
      needle.withUnsafeBufferPointer { needle in
        var end = count - 1
        while end < text.count {
          let last = text[end]
          if last == needle[count - 1] {
            var length = 1
            while length < count, text[end - length] == needle[count - 1 - length] { length += 1 }
            if length == count { return true }
          }
          end += shift[Int(last)]
        }
        return false
      }
    }
  }
}
