/// Decides how much of a draft is worth verifying, from what earlier drafts and passes came to.
///
/// A pass over `1 + k` tokens costs `1 + s·k` times a pass over one. A drafted token saves a pass of one token where it
/// and all before it are right: with a chance of `p` for each, that is `p^j` for the j-th. So the draft goes on while
/// `p^j > s`. `p` is counted by source and length of the match, `s` is measured. Neither touches what is generated.
struct DraftPlanner {
  /// Most drafted tokens of one pass.
  static let longestDraft = 16
  /// A draft that does not look worth it is verified all the same once in so many times, or its chance would stay unknown.
  private static let exploration = 48

  /// Right and wrong guesses, older ones counting less.
  private struct Record {
    var right: Double
    var wrong: Double
    var skipped = 0
    var chance: Double { right / (right + wrong) }
  }

  private var records: [Record]
  private var single: Double?  // seconds of a pass over one token
  private var slope = 0.2  // s

  init() {
    // Guesses that four or five observations outweigh; a long match is seldom wrong.
    records = Draft.Source.allCases.flatMap { _ in
      [0.4, 0.6, 0.75, 0.85].map { Record(right: 4 * $0, wrong: 4 * (1 - $0)) }
    }
  }

  private static func record(_ draft: Draft) -> Int {
    let length = draft.matched >= 12 ? 3 : draft.matched >= 6 ? 2 : draft.matched >= 3 ? 1 : 0
    return draft.source.rawValue * 4 + length
  }

  /// The beginning of `draft` that is worth a pass; empty where none is.
  mutating func worthwhile(_ draft: Draft) -> ArraySlice<Int32> {
    let index = Self.record(draft)
    let chance = records[index].chance
    var length = 0
    var all = chance
    while length < draft.tokens.count, length < Self.longestDraft, all > slope {
      length += 1
      all *= chance
    }
    if length == 0 {
      records[index].skipped += 1
      if records[index].skipped % Self.exploration == 0 { length = 1 }
    }
    return draft.tokens.prefix(length)
  }

  /// Takes note of a draft of which `right` tokens of `verified` were right. The generation may have ended before the
  /// rest was compared: `isOver` then, and none of it counts as wrong.
  mutating func learn(_ draft: Draft, right: Int, verified: Int, isOver: Bool) {
    let index = Self.record(draft)
    let fade = 0.97
    records[index].right = records[index].right * fade + Double(right)
    records[index].wrong = records[index].wrong * fade + (right < verified && !isOver ? 1 : 0)
  }

  /// Takes note of how long a pass over `tokens` tokens took.
  mutating func learn(seconds: Double, tokens: Int) {
    guard seconds > 0 else { return }
    if tokens == 1 {
      // A pass that was interrupted says little: it counts as twice the usual at most.
      single = single.map { $0 + 0.1 * (min(seconds, 2 * $0) - $0) } ?? seconds
    } else if let single {
      let measured = (seconds / single - 1) / Double(tokens - 1)
      slope += 0.05 * (min(max(measured, 0.005), 1.5) - slope)
    }
  }
}
