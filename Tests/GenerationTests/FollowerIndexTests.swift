import Numerics
import Testing

@testable import Generation

@Suite struct FollowerIndexTests {
  private func randomTexts(_ seed: UInt64, vocabulary: Int = 4) -> [[Int32]] {
    var random = SeededRandom(seed: seed)
    return (0..<5).map { _ in
      (0..<Int.random(in: 0...60, using: &random)).map { _ in
        Int32.random(in: 0..<Int32(vocabulary), using: &random)
      }
    }
  }

  @Test(arguments: 0..<20)
  func findsTheSamePlacesAsALookAtAllOfThem(seed: Int) {
    let texts = randomTexts(UInt64(seed))
    let index = FollowerIndex(texts: texts)
    #expect(index.tokenCount == texts.reduce(0) { $0 + $1.count })
    var random = SeededRandom(seed: UInt64(seed) + 1_000)
    for _ in 0..<40 {
      let context = (0..<Int.random(in: 1...14, using: &random)).map { _ in
        Int32.random(in: 0..<4, using: &random)
      }
      let ranges = index.ranges(behind: context[...])
      for length in 1...FollowerIndex.longestContext {
        var expected: [Int32: Int] = [:]
        if length <= context.count {
          for text in texts where text.count > length {
            for place in length..<text.count where text[(place - length)..<place] == context.suffix(length) {
              expected[text[place], default: 0] += 1
            }
          }
        }
        var found: [Int32: Int] = [:]
        if length <= ranges.count {
          index.forEachFollower(in: ranges[length - 1]) { found[$0, default: 0] += 1 }
        }
        #expect(found == expected, "length \(length) of \(context)")
      }
    }
  }

  @Test func textsDoNotRunIntoEachOther() {
    let index = FollowerIndex(texts: [[1, 2, 3], [4, 5]])
    #expect(index.ranges(behind: [3]).isEmpty)
    #expect(index.ranges(behind: [2, 3, 4]).count == 1)
    #expect(index.ranges(behind: [2]).count == 1)
  }

  @Test func anEmptyIndexKnowsNothing() {
    for index in [FollowerIndex(texts: []), FollowerIndex(texts: [[], []])] {
      #expect(index.tokenCount == 0 && index.ranges(behind: [1, 2]).isEmpty)
    }
  }

  @Test func aLongRangeIsSampledEvenly() {
    // Behind 1 comes 2 in the first half of the text and 3 in the second.
    let half = FollowerIndex.mostLooks * 4
    let text: [Int32] =
      [[Int32]](repeating: [1, 2], count: half).flatMap { $0 }
      + [[Int32]](repeating: [1, 3], count: half).flatMap { $0 }
    let index = FollowerIndex(texts: [text])
    var counts: [Int32: Int] = [:]
    let range = index.ranges(behind: [1])[0]
    #expect(range.count == 2 * half)
    index.forEachFollower(in: range) { counts[$0, default: 0] += 1 }
    #expect(counts.values.reduce(0, +) == FollowerIndex.mostLooks)
    #expect(abs((counts[2] ?? 0) - FollowerIndex.mostLooks / 2) <= 1)
  }
}
