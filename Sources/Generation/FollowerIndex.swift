/// What followed a run of tokens in a long text: all places of the text, sorted by the tokens in front of them, the nearest
/// first. Places behind the same run stand side by side, so that one binary search for each further token finds them all.
///
/// 8 bytes per token. Texts do not run into each other.
public final class FollowerIndex: Sendable {
  /// Tokens in front of a place that count for its order.
  public static let longestContext = 12
  /// Most tokens of one index; of more, only the last ones are indexed. Places are 32-bit numbers.
  public static let mostTokens = 1 << 28
  /// Places of one range that are looked at; of more, an even sample.
  static let mostLooks = 128
  private static let border: Int32 = -1

  private let tokens: [Int32]
  private let places: [Int32]

  /// Indexes the tokens of each of `texts`; ids are not negative.
  public init(texts: [[Int32]]) {
    var tokens: [Int32] = [Self.border]
    tokens.reserveCapacity(texts.reduce(1) { $0 + $1.count + 1 })
    for text in texts {
      tokens += text
      tokens.append(Self.border)
    }
    if tokens.count > Self.mostTokens { tokens = [Self.border] + tokens.suffix(Self.mostTokens - 1) }
    self.tokens = tokens
    places = tokens.withUnsafeBufferPointer(Self.sorted)
  }

  /// Tokens that are indexed.
  public var tokenCount: Int { places.count }

  private static func sorted(_ tokens: UnsafeBufferPointer<Int32>) -> [Int32] {
    let all = (1..<Int32(max(1, tokens.count))).filter { tokens[Int($0)] != border }
    var starts = [Int](repeating: 0, count: Int(tokens.max() ?? 0) + 3)
    for place in all { starts[Int(tokens[Int(place) - 1]) + 2] += 1 }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    var places = [Int32](repeating: 0, count: all.count)
    var next = starts
    for place in all {
      let bucket = Int(tokens[Int(place) - 1]) + 1
      places[next[bucket]] = place
      next[bucket] += 1
    }
    places.withUnsafeMutableBufferPointer { places in
      // The first bucket holds the beginnings of texts, which have nothing in front of them.
      for bucket in 1..<(starts.count - 1) where starts[bucket + 1] - starts[bucket] > 1 {
        var part = UnsafeMutableBufferPointer(rebasing: places[starts[bucket]..<starts[bucket + 1]])
        part.sort { precedes(tokens, Int($0), Int($1)) }
      }
    }
    return places
  }

  private static func precedes(_ tokens: UnsafeBufferPointer<Int32>, _ first: Int, _ second: Int) -> Bool {
    for depth in 2...longestContext {
      let a = depth <= first ? tokens[first - depth] : border
      let b = depth <= second ? tokens[second - depth] : border
      if a != b { return a < b }
      // Nothing in front of the beginning of a text counts.
      if a == border { break }
    }
    return first < second
  }

  /// The places behind the last 1, 2, … tokens of `context` as ranges of places, as long as there are any.
  func ranges(behind context: ArraySlice<Int32>) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var range = 0..<places.count
    for (depth, token) in zip(1..., context.reversed().prefix(Self.longestContext)) {
      range = narrowed(range, depth: depth, to: token)
      if range.isEmpty { break }
      ranges.append(range)
    }
    return ranges
  }

  private func narrowed(_ range: Range<Int>, depth: Int, to token: Int32) -> Range<Int> {
    guard token >= 0 else { return range.lowerBound..<range.lowerBound }
    func key(_ index: Int) -> Int32 {
      let place = Int(places[index])
      return depth <= place ? tokens[place - depth] : Self.border
    }
    func firstIndex(where isBehind: (Int32) -> Bool) -> Int {
      var low = range.lowerBound
      var high = range.upperBound
      while low < high {
        let middle = (low + high) / 2
        if isBehind(key(middle)) { high = middle } else { low = middle + 1 }
      }
      return low
    }
    return firstIndex { $0 >= token }..<firstIndex { $0 > token }
  }

  /// How often `run` occurs with something behind it.
  /// - Precondition: `run` has at most `longestContext` tokens.
  public func occurrences(of run: [Int32]) -> Int {
    precondition(run.count <= Self.longestContext, "more tokens than the index orders by")
    let ranges = ranges(behind: run[...])
    return run.isEmpty || ranges.count < run.count ? 0 : ranges[run.count - 1].count
  }

  /// What followed the longest occurrence, of at least `shortest` tokens, of what `context` ends with: at most `limit` tokens of the
  /// same text, and how many agree before them. Of several occurrences the last, of very many the last of a sample; nil where there is
  /// none.
  func continuation(
    behind context: ArraySlice<Int32>, shortest: Int, limit: Int
  ) -> (tokens: ArraySlice<Int32>, matched: Int)? {
    let ranges = ranges(behind: context)
    guard ranges.count >= shortest, let range = ranges.last else { return nil }
    let looks = min(range.count, Self.mostLooks)
    let latest = (0..<looks).map { places[range.lowerBound + $0 * range.count / looks] }.max() ?? 0
    let place = Int(latest)
    return (tokens[place...].prefix(limit).prefix { $0 != Self.border }, ranges.count)
  }

  /// Calls `body` with the token at each place of a range, or of an even sample of `mostLooks` of them.
  func forEachFollower(in range: Range<Int>, _ body: (Int32) -> Void) {
    guard range.count > Self.mostLooks else {
      for index in range { body(tokens[Int(places[index])]) }
      return
    }
    for look in 0..<Self.mostLooks {
      body(tokens[Int(places[range.lowerBound + look * range.count / Self.mostLooks])])
    }
  }
}
