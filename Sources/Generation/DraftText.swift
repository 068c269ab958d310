/// A guess at the next tokens.
struct Draft {
  /// Where a guess comes from.
  enum Source: Int, CaseIterable {
    /// Further up in the prompt, or in what has been generated.
    case prompt
    /// A suggestion that was generated shortly before.
    case recent
    /// Text of the repository.
    case corpus
  }

  var tokens: ArraySlice<Int32>
  let source: Source
  /// How many tokens before the guess are the same in both places.
  let matched: Int
}

/// Finds drafts: the continuation of the longest earlier occurrence of the last tokens (prompt look-up decoding,
/// Saxena 2023; n-gram look-up as such is much older).
struct DraftFinder {
  /// Tokens that must agree before a continuation is worth a guess.
  static let shortestMatch = 2
  /// Agreement beyond this makes no difference.
  static let longestMatch = 16
  /// Tokens of one suggestion, with what stood before it, that are kept.
  private static let recentLength = 256
  private static let recentCount = 8

  private var recent: [[Int32]] = []
  /// Text of the repository; nil for none.
  var corpus: FollowerIndex?
  /// Tokens that must agree with the repository's text, of which there is much.
  private static let shortestFarMatch = 3
  /// Tokens that no draft contains: a draft ends before them.
  let barriers: Set<Int32>

  init(barriers: Set<Int32>) {
    self.barriers = barriers
  }

  /// Remembers a generated text behind the end of its prompt, for the next request of the same place.
  mutating func remember(_ tokens: [Int32]) {
    guard tokens.count > Self.shortestMatch else { return }
    if recent.count == Self.recentCount { recent.removeFirst() }
    recent.append(Array(tokens.suffix(Self.recentLength)))
  }

  /// At most `limit` tokens that may follow `context`; nil where nothing like its end was seen.
  /// `corpus` stands for the finder's own where it is given.
  func draft(after context: [Int32], limit: Int, corpus: FollowerIndex? = nil) -> Draft? {
    guard limit > 0, context.count >= Self.shortestMatch else { return nil }
    return context.withUnsafeBufferPointer { ending in
      var best: Draft?
      func offer(_ text: ArraySlice<Int32>, end: Int, matched: Int, _ source: Draft.Source) {
        guard matched > best?.matched ?? Self.shortestMatch - 1 else { return }
        let tokens = text[end...].prefix(limit).prefix { !barriers.contains($0) }
        if !tokens.isEmpty { best = Draft(tokens: tokens, source: source, matched: matched) }
      }
      // The latest suggestion first: at equal lengths it is the best guess.
      for text in recent.reversed() {
        if let found = text.withUnsafeBufferPointer({ Self.find(ending, in: $0, before: $0.count) }) {
          offer(text[...], end: found.end, matched: found.matched, .recent)
        }
      }
      if let found = Self.find(ending, in: ending, before: ending.count - 1) {
        offer(context[...], end: found.end, matched: found.matched, .prompt)
      }
      if best?.matched ?? 0 < FollowerIndex.longestContext, let corpus = corpus ?? self.corpus,
        let found = corpus.continuation(behind: context[...], shortest: Self.shortestFarMatch, limit: limit)
      {
        offer(found.tokens, end: found.tokens.startIndex, matched: found.matched, .corpus)
      }
      return best
    }
  }

  /// The longest, and of equals the last, occurrence in `text` of what `ending` ends with; it ends before `before`, so
  /// that something follows it.
  private static func find(
    _ ending: UnsafeBufferPointer<Int32>, in text: UnsafeBufferPointer<Int32>, before: Int
  ) -> (end: Int, matched: Int)? {
    guard ending.count >= shortestMatch else { return nil }
    let last = ending[ending.count - 1]
    var best: (end: Int, matched: Int)?
    var index = min(before, text.count - 1) - 1
    while index >= shortestMatch - 1 {
      if text[index] == last {
        let matched = agreement(ending, text, endingAt: index + 1)
        if matched > best?.matched ?? shortestMatch - 1 {
          best = (index + 1, matched)
          if matched >= longestMatch { break }
        }
      }
      index -= 1
    }
    return best
  }

  /// How many tokens before `end` in `text` equal the last ones of `ending`; at most `longestMatch`.
  static func agreement(
    _ ending: UnsafeBufferPointer<Int32>, _ text: UnsafeBufferPointer<Int32>, endingAt end: Int
  ) -> Int {
    let limit = min(longestMatch, min(ending.count, end))
    var count = 0
    while count < limit, ending[ending.count - 1 - count] == text[end - 1 - count] { count += 1 }
    return count
  }
}
