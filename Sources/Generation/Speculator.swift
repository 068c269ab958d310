/// Drafts for greedy generation, learning over the life of an engine. Not thread-safe: it belongs to the engine.
final class Speculator {
  /// Where drafts come from.
  var finder: DraftFinder
  private var planner = DraftPlanner()

  init(barriers: Set<Int32>) {
    finder = DraftFinder(barriers: barriers)
  }

  /// The part of a draft behind `context` that is worth verifying, at most `limit` tokens.
  /// Text of the repository is `corpus`, or what the finder has.
  func draft(after context: [Int32], limit: Int, corpus: FollowerIndex? = nil) -> Draft? {
    let limit = min(limit, DraftPlanner.longestDraft)
    guard var draft = finder.draft(after: context, limit: limit, corpus: corpus) else { return nil }
    draft.tokens = planner.worthwhile(draft)
    return draft.tokens.isEmpty ? nil : draft
  }

  /// Takes note of what came of a draft; see `DraftPlanner`.
  func learn(_ draft: Draft, right: Int, isOver: Bool) {
    planner.learn(draft, right: right, verified: draft.tokens.count, isOver: isOver)
  }

  /// Takes note of the cost of a pass.
  func learn(seconds: Double, tokens: Int) {
    planner.learn(seconds: seconds, tokens: tokens)
  }
}
