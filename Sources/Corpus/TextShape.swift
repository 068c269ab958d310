import Foundation

/// What a file consists of.
struct TextShape {
  private(set) var lines = 0
  private(set) var longestLine = 0
  /// Bytes in lines beyond the limit.
  private(set) var inLongLines = 0
  let words: Int
  /// Letters, digits and bytes beyond ASCII.
  let alphanumerics: Int
  /// Digits, and the letters of numbers such as `0x1F`.
  let numbers: Int
  /// Bytes that are neither white space nor control characters.
  private(set) var visible = 0
  let count: Int

  /// Counts; lines longer than `longLine` are summed up besides.
  ///
  /// - Parameter words: the words of the same bytes.
  init(_ bytes: UnsafeBufferPointer<UInt8>, words: Repetition, longLine: Int) {
    count = bytes.count
    self.words = words.words
    alphanumerics = words.wordBytes
    numbers = words.numbers
    // One thing at a time: the compiler and the library's search take whole vectors then.
    for byte in bytes { visible += byte > 0x20 && byte != 0x7F ? 1 : 0 }
    guard let base = UnsafeRawPointer(bytes.baseAddress) else { return }
    var start = 0
    while let found = memchr(base + start, 0x0A, bytes.count - start) {
      let end = UnsafeRawPointer(found) - base
      lines += 1
      endLine(end - start, longLine)
      start = end + 1
    }
    if start < bytes.count { lines += 1 }
    endLine(bytes.count - start, longLine)
  }

  private mutating func endLine(_ length: Int, _ longLine: Int) {
    longestLine = max(longestLine, length)
    if length > longLine { inLongLines += length }
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
