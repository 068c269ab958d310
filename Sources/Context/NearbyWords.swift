/// The words around a place, with what they are worth for finding other files.
struct NearbyWords {
  /// A word and its worth.
  struct Word {
    let hash: UInt32
    /// `WordScanner.nameHash`, 0 for parts of identifiers.
    let name: UInt32
    /// 1 next to the place, less with each line.
    var closeness: Float
    /// True when a dot stands before it.
    let isMember: Bool
  }

  /// Bytes before and behind the place that count at most.
  private static let bytesBefore = 1_400
  private static let bytesBehind = 600

  /// Distinct words by hash and name, in the order of first appearance from the place outwards.
  private(set) var words: [Word] = []

  init(prefix: [UInt8], suffix: [UInt8], _ weights: ContextWeights = ContextWeights()) {
    var known: [UInt64: Int] = [:]
    for (scanned, closeness) in Self.scan(prefix, suffix, weights) {
      for word in scanned where !StopWords.contains(word.hash) {
        let key = UInt64(word.hash) << 32 | UInt64(word.name)
        if let place = known[key] {
          words[place].closeness = max(words[place].closeness, closeness)
          continue
        }
        known[key] = words.count
        words.append(Word(hash: word.hash, name: word.name, closeness: closeness, isMember: word.isMember))
      }
    }
  }

  /// Words line by line, the nearest line first.
  private static func scan(_ prefix: [UInt8], _ suffix: [UInt8], _ weights: ContextWeights) -> [(
    [WordScanner.Word], Float
  )] {
    var found: [([WordScanner.Word], Float)] = []
    prefix.withUnsafeBufferPointer { text in
      var end = text.count
      let lowest = max(0, end - bytesBefore)
      var line = 0
      while end > lowest, line <= weights.linesBefore {
        var start = end
        while start > lowest, start == end || text[start - 1] != 0x0A { start -= 1 }
        append(text, start..<end, distance: line, weights.halfLine, to: &found)
        end = start
        line += 1
      }
    }
    suffix.withUnsafeBufferPointer { text in
      var start = 0
      let highest = min(text.count, bytesBehind)
      var line = 0
      while start < highest, line <= weights.linesBehind {
        var end = start
        while end < highest, end == start || text[end - 1] != 0x0A { end += 1 }
        append(text, start..<end, distance: line + 2, weights.halfLine, to: &found)
        start = end
        line += 1
      }
    }
    return found
  }

  private static func append(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, distance: Int, _ halfLine: Float,
    to found: inout [([WordScanner.Word], Float)]
  ) {
    var words: [WordScanner.Word] = []
    WordScanner.scan(text, range, into: &words)
    if !words.isEmpty { found.append((words, halfLine / (halfLine + Float(distance)))) }
  }
}
