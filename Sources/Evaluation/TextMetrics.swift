/// How near a completion comes to the text that really stood in the hole. All measures work on UTF-8 bytes, so that
/// broken text is measured too; for code, bytes and characters are nearly the same.
public enum TextMetrics {
  /// `text` with every run of white space as one space, and none at the ends.
  public static func whitespaceNormalised(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var pending = false
    for byte in text {
      if isWhitespace(byte) {
        pending = !result.isEmpty
      } else {
        if pending { result.append(UInt8(ascii: " ")) }
        pending = false
        result.append(byte)
      }
    }
    return result
  }

  /// True when both texts are equal up to white space.
  public static func matchesExactly(_ completion: [UInt8], _ truth: [UInt8]) -> Bool {
    whitespaceNormalised(completion) == whitespaceNormalised(truth)
  }

  /// True when the first lines that hold more than white space are equal up to white space.
  public static func firstLineMatches(_ completion: [UInt8], _ truth: [UInt8]) -> Bool {
    firstLine(completion) == firstLine(truth)
  }

  /// Number of leading bytes that are equal: what a person could accept before having to correct something.
  public static func matchingPrefixLength(_ completion: [UInt8], _ truth: [UInt8]) -> Int {
    var length = 0
    while length < completion.count, length < truth.count, completion[length] == truth[length] { length += 1 }
    return length
  }

  /// 1 − Levenshtein distance / length of the longer text; 1 for two empty texts.
  public static func editSimilarity(_ completion: [UInt8], _ truth: [UInt8]) -> Double {
    let longer = max(completion.count, truth.count)
    guard longer > 0 else { return 1 }
    return 1 - Double(editDistance(completion, truth)) / Double(longer)
  }

  /// Levenshtein distance: the fewest insertions, deletions and replacements of one byte.
  /// - Complexity: O(m · n) time and O(min(m, n)) memory, after equal ends are cut off.
  public static func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    let (short, long) = withoutEqualEnds(first, second)
    guard !short.isEmpty else { return long.count }
    var row = Array(0...short.count)
    for (longIndex, longByte) in long.enumerated() {
      var diagonal = row[0]
      row[0] = longIndex + 1
      for (shortIndex, shortByte) in short.enumerated() {
        let replaced = diagonal + (longByte == shortByte ? 0 : 1)
        diagonal = row[shortIndex + 1]
        row[shortIndex + 1] = min(replaced, min(diagonal, row[shortIndex]) + 1)
      }
    }
    return row[short.count]
  }

  static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private static func firstLine(_ text: [UInt8]) -> [UInt8] {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let normalised = whitespaceNormalised(Array(line))
      if !normalised.isEmpty { return normalised }
    }
    return []
  }

  private static func withoutEqualEnds(
    _ first: [UInt8], _ second: [UInt8]
  ) -> (short: ArraySlice<UInt8>, long: ArraySlice<UInt8>) {
    let head = matchingPrefixLength(first, second)
    var firstEnd = first.count
    var secondEnd = second.count
    while firstEnd > head, secondEnd > head, first[firstEnd - 1] == second[secondEnd - 1] {
      firstEnd -= 1
      secondEnd -= 1
    }
    let (left, right) = (first[head..<firstEnd], second[head..<secondEnd])
    return left.count <= right.count ? (left, right) : (right, left)
  }
}
