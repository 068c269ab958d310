/// What a file consists of, counted in one pass.
struct TextShape {
  private(set) var lines = 0
  private(set) var longestLine = 0
  /// Bytes in lines beyond the limit.
  private(set) var inLongLines = 0
  private(set) var words = 0
  /// Letters, digits and bytes beyond ASCII.
  private(set) var alphanumerics = 0
  /// Digits, and the letters of numbers such as `0x1F`.
  private(set) var numbers = 0
  /// Bytes that are neither white space nor control characters.
  private(set) var visible = 0
  let count: Int

  private static let visibleBit: UInt8 = 1
  private static let wordBit: UInt8 = 2
  private static let digitBit: UInt8 = 4
  private static let classes: [UInt8] = (0...255).map { byte in
    let byte = UInt8(byte)
    let isWord = ByteSet.word.contains(byte) || byte >= 0x80
    return (byte > 0x20 && byte != 0x7F ? visibleBit : 0) | (isWord ? wordBit : 0)
      | (ByteSet.digits.contains(byte) ? digitBit : 0)
  }

  /// Counts; lines longer than `longLine` are summed up besides.
  init(_ bytes: UnsafeBufferPointer<UInt8>, longLine: Int) {
    count = bytes.count
    Self.classes.withUnsafeBufferPointer { classes in
      var lineStart = 0
      var wordStart = 0
      var kind: UInt8 = 0
      for index in 0..<bytes.count {
        let byte = bytes[index]
        let now = classes[Int(byte)]
        visible += Int(now & Self.visibleBit)
        if (now ^ kind) & Self.wordBit != 0 {
          if now & Self.wordBit != 0 { wordStart = index } else { endWord(wordStart..<index, classes, bytes) }
        }
        if byte == 0x0A {
          lines += 1
          endLine(index - lineStart, longLine)
          lineStart = index + 1
        }
        kind = now
      }
      if kind & Self.wordBit != 0 { endWord(wordStart..<bytes.count, classes, bytes) }
      if lineStart < bytes.count { lines += 1 }
      endLine(bytes.count - lineStart, longLine)
    }
  }

  @inline(__always)
  private mutating func endLine(_ length: Int, _ longLine: Int) {
    longestLine = max(longestLine, length)
    if length > longLine { inLongLines += length }
  }

  @inline(__always)
  private mutating func endWord(
    _ range: Range<Int>, _ classes: UnsafeBufferPointer<UInt8>, _ bytes: UnsafeBufferPointer<UInt8>
  ) {
    words += 1
    alphanumerics += range.count
    guard classes[Int(bytes[range.lowerBound])] & Self.digitBit != 0 else { return }
    // In hexadecimal the letters are digits too.
    let isHex = range.count > 2 && bytes[range.lowerBound + 1] | 0x20 == UInt8(ascii: "x")
    for index in range where isHex || classes[Int(bytes[index])] & Self.digitBit != 0 { numbers += 1 }
  }

  /// Why the shape is not that of code which somebody wrote; nil when it may be.
  func fault(_ options: HygieneOptions, language: String) -> SkippedFile? {
    if words < options.minimumWords { return SkippedFile(.tooShort, "\(words) words") }
    if Double(inLongLines) > options.maximumLongLineShare * Double(count) {
      return SkippedFile(.minified, "a line of \(longestLine) bytes")
    }
    let mean = count / max(1, lines)
    if mean > options.maximumMeanLine { return SkippedFile(.minified, "lines of \(mean) bytes on average") }
    let solid = Double(max(1, visible))
    let letters = Double(alphanumerics) / solid
    if letters < options.minimumAlphanumericShare {
      return SkippedFile(.data, "\(Self.percent(letters)) letters and digits")
    }
    let digits = Double(numbers) / solid
    if digits > options.maximumNumberShare { return SkippedFile(.data, "\(Self.percent(digits)) in numbers") }
    if language == "json", count > options.maximumJSONBytes {
      return SkippedFile(.data, "JSON of \(count) bytes")
    }
    return nil
  }

  static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
