import Numerics
import Testing

@testable import Generation

@Suite struct DraftTests {
  /// The longest earlier occurrence, by looking everywhere.
  private func longest(_ ending: [Int32], in text: [Int32]) -> Int {
    (1..<max(1, text.count)).map { end in
      zip(ending.reversed(), text[..<end].reversed()).prefix { $0 == $1 }.count
    }.max() ?? 0
  }

  @Test(arguments: 0..<40)
  func aDraftContinuesTheLongestEarlierOccurrence(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let finder = DraftFinder(barriers: [])
    let context = Models.repetitive(2 + Int(random.next() % 120), below: 6, &random)
    let expected = longest(context, in: context)
    let draft = finder.draft(after: context, limit: 5)
    if expected < DraftFinder.shortestMatch {
      #expect(draft == nil)
    } else {
      #expect(draft?.matched == min(expected, DraftFinder.longestMatch))
      let tokens = Array(draft?.tokens ?? [])
      #expect((1...5).contains(tokens.count))
      // What it offers stands behind such an occurrence.
      let whole = context.suffix(draft?.matched ?? 0) + tokens
      #expect((0...context.count).contains { context[$0...].starts(with: whole) })
    }
  }

  @Test(arguments: 0..<20)
  func theIndexFindsWhatLookingEverywhereFinds(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    // Few enough occurrences of each run that all of them are looked at.
    let text = Models.tokens(2_000, below: 40, &random)
    let index = FollowerIndex(texts: [text])
    for _ in 0..<50 {
      let start = Int(random.next() % 1_900)
      let ending = Models.tokens(2, below: 40, &random) + text[start..<(start + Int(random.next() % 20))]
      let expected = min(longest(ending, in: text), FollowerIndex.longestContext)
      let found = index.continuation(behind: ending[...], shortest: 3, limit: 5)
      if expected < 3 {
        #expect(found == nil)
      } else {
        #expect(found?.matched == expected)
        let whole = ending.suffix(expected) + (found?.tokens ?? [])
        #expect(found?.tokens.isEmpty == false && whole.count <= expected + 5)
        #expect(text.indices.contains { text[$0...].starts(with: whole) })
      }
    }
  }

  @Test func shortTextsHaveNothingToFind() {
    for text: [Int32] in [[], [1], [1, 2], [1, 2, 3]] {
      let index = FollowerIndex(texts: [text])
      #expect(index.continuation(behind: text[...], shortest: 3, limit: 4) == nil)
      #expect(DraftFinder(barriers: []).draft(after: text, limit: 4) == nil)
    }
  }

  @Test func aDraftEndsBeforeTokensThatEndGeneration() {
    let finder = DraftFinder(barriers: [9])
    #expect(finder.draft(after: [1, 2, 3, 4, 9, 5, 1, 2], limit: 8)?.tokens == [3, 4])
    #expect(finder.draft(after: [1, 2, 9, 5, 1, 2], limit: 8) == nil)
  }

  @Test func theLatestSuggestionIsTheFirstGuess() {
    var finder = DraftFinder(barriers: [])
    finder.remember([7, 1, 2, 30, 31])
    finder.remember([7, 1, 2, 40, 41])
    let draft = finder.draft(after: [1, 2, 20, 21, 7, 1, 2], limit: 8)
    #expect(draft?.tokens == [40, 41] && draft?.source == .recent)
  }

  @Test func textOfTheRepositoryIsUsedWhereItAgreesLonger() {
    var finder = DraftFinder(barriers: [])
    finder.corpus = FollowerIndex(texts: [[5, 6, 7, 8, 9, 10, 11]])
    let draft = finder.draft(after: [7, 8, 1, 1, 5, 6, 7, 8], limit: 8)
    #expect(draft?.tokens == [9, 10, 11] && draft?.source == .corpus)
  }

  @Test func draftsThatFailAreGivenUpAndOnesThatHoldGrow() {
    var planner = DraftPlanner()
    let draft = Draft(tokens: [Int32](0..<16)[...], source: .prompt, matched: 2)
    for _ in 0..<20 { planner.learn(seconds: 1, tokens: 1) }
    for _ in 0..<200 { planner.learn(seconds: 1.6, tokens: 4) }  // a drafted token costs a fifth of a pass
    for _ in 0..<40 { planner.learn(draft, right: 0, verified: 4, isOver: false) }
    let tried = (0..<480).map { _ in planner.worthwhile(draft).count }
    #expect(tried.reduce(0, +) <= 12, "it tries now and then, one token each time")
    #expect(tried.contains(1))
    for _ in 0..<60 { planner.learn(draft, right: 8, verified: 8, isOver: false) }
    #expect(planner.worthwhile(draft).count >= 12)
  }

  @Test func draftsThatCostAsMuchAsTokensAreNotWorthIt() {
    var planner = DraftPlanner()
    let draft = Draft(tokens: [1, 2, 3, 4], source: .prompt, matched: 16)
    for _ in 0..<200 {
      planner.learn(seconds: 1, tokens: 1)
      planner.learn(seconds: 4.5, tokens: 4)
    }
    #expect(planner.worthwhile(draft).isEmpty)
  }
}
