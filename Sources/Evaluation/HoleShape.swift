import Carving

/// How much of a text is missing, as somebody who types sees it.
public enum HoleShape: String, Codable, Sendable, CaseIterable {
  /// The rest of a line that was begun.
  case lineTail
  /// One whole line.
  case wholeLine
  /// More lines than one.
  case severalLines

  /// The shape of an example's hole. Line ends around the middle do not count as lines.
  public init(_ example: FIMExample) {
    let newline = UInt8(ascii: "\n")
    let middle = example.middle.utf8.drop { $0 == newline }
    let last = middle.lastIndex { $0 != newline } ?? middle.startIndex
    if middle[..<last].contains(newline) {
      self = .severalLines
    } else {
      let line = example.prefix.utf8.reversed().prefix { $0 != newline }
      self = line.contains { $0 > 0x20 } ? .lineTail : .wholeLine
    }
  }
}
