/// What most often followed this context before: a sorted index of every token position of the training tree by the tokens in
/// front of it. The strongest completer without a parameter, since a good part of new code repeats old code.
struct RepetitionIndex: Sendable {
  /// Longest context in tokens.
  static let maxContext = 8
  /// Positions looked at in one range; longer ranges are sampled evenly.
  private static let maxFollowersSeen = 2_048
  private static let boundary: Int32 = 0

  private var vocabulary: [ArraySlice<UInt8>: Int32] = [:]
  private var words: [[UInt8]] = [[]]
  private var ids: [Int32] = [boundary]
  private var positions: [Int32] = []

  init(texts: [[UInt8]]) {
    for text in texts {
      for token in LexicalTokens.split(text) { ids.append(intern(token)) }
      ids.append(Self.boundary)
    }
    let ids = self.ids
    positions = (1..<Int32(max(ids.count, 1))).filter { ids[Int($0)] != Self.boundary }
    ids.withUnsafeBufferPointer { ids in
      positions.sort { Self.contextPrecedes(ids, Int($0), Int($1)) }
    }
  }

  /// The most frequent token that begins with `partial`, behind the longest known end of `context`; nil where nothing is known.
  /// `depth` is the number of context tokens that matched.
  func follower(
    of context: ArraySlice<ArraySlice<UInt8>>, beginningWith partial: [UInt8]
  ) -> (token: [UInt8], depth: Int)? {
    var ranges: [Range<Int>] = []
    var range = 0..<positions.count
    for (depth, token) in zip(1..., context.reversed().prefix(Self.maxContext)) {
      guard let id = vocabulary[token] else { break }
      range = narrowed(range, depth: depth, to: id)
      if range.isEmpty { break }
      ranges.append(range)
    }
    for (index, range) in ranges.enumerated().reversed() {
      if let best = mostFrequent(in: range, beginningWith: partial) { return (words[Int(best)], index + 1) }
    }
    return nil
  }

  private func mostFrequent(in range: Range<Int>, beginningWith partial: [UInt8]) -> Int32? {
    var counts: [Int32: Int] = [:]
    let step = max(1, range.count / Self.maxFollowersSeen)
    for index in stride(from: range.lowerBound, to: range.upperBound, by: step) {
      let follower = ids[Int(positions[index])]
      if words[Int(follower)].starts(with: partial) {
        counts[follower, default: 0] += 1
      }
    }
    // Ties go to the token met first in the tree, so that the answer does not depend on the dictionary's order.
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }

  /// The part of `range` whose token `depth` places back is `id`. `range` agrees on all nearer tokens, so it is sorted by this one.
  private func narrowed(_ range: Range<Int>, depth: Int, to id: Int32) -> Range<Int> {
    let low = firstIndex(in: range) { token(before: $0, depth) >= id }
    return low..<firstIndex(in: low..<range.upperBound) { token(before: $0, depth) > id }
  }

  private func token(before index: Int, _ depth: Int) -> Int32 {
    let place = Int(positions[index]) - depth
    return place >= 0 ? ids[place] : Self.boundary
  }

  private func firstIndex(in range: Range<Int>, where holds: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private mutating func intern(_ token: ArraySlice<UInt8>) -> Int32 {
    if let id = vocabulary[token] { return id }
    let word = Array(token)
    let id = Int32(words.count)
    words.append(word)
    vocabulary[word[...]] = id
    return id
  }

  private static func contextPrecedes(_ ids: UnsafeBufferPointer<Int32>, _ first: Int, _ second: Int) -> Bool
  {
    for depth in 1...maxContext {
      let left = first >= depth ? ids[first - depth] : boundary
      let right = second >= depth ? ids[second - depth] : boundary
      if left != right { return left < right }
      // A boundary ends the context: what stands behind it is another file.
      if left == boundary { break }
    }
    return first < second
  }
}
