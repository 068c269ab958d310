import Foundation

/// Where the lines of a text begin.
public struct LineIndex: Sendable {
  /// Byte offset of each line's first byte.
  public let starts: [Int]
  /// Number of bytes of the text.
  public let byteCount: Int

  /// Complexity: linear.
  public init(_ source: [UInt8]) {
    var starts = [0]
    // Shorter lines than these are rare in code.
    starts.reserveCapacity(source.count / 24 + 1)
    source.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      var next = 0
      // The library's search takes whole vectors at a time.
      while let found = memchr(base + next, 0x0A, bytes.count - next) {
        next = UnsafeRawPointer(found) - base + 1
        guard next < bytes.count else { return }
        starts.append(next)
      }
    }
    self.starts = starts
    byteCount = source.count
  }

  /// Number of lines; an empty text has one.
  public var count: Int { starts.count }

  /// The 0-based line that holds a byte.
  public func line(at offset: Int) -> Int {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// Byte range of a line with its newline.
  public func range(of line: Int) -> Range<Int> {
    starts[line]..<(line + 1 < starts.count ? starts[line + 1] : byteCount)
  }

  /// Byte range of whole lines.
  public func range(of lines: Range<Int>) -> Range<Int> {
    guard !lines.isEmpty else { return 0..<0 }
    return starts[lines.lowerBound]..<range(of: lines.upperBound - 1).upperBound
  }
}
