import Numerics
import Testing

@testable import Evaluation

struct TextMetricsTests {
  /// Straight from the definition, with the whole matrix.
  private func naiveDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var table = [[Int]](repeating: Array(0...second.count), count: first.count + 1)
    for row in 0...first.count { table[row][0] = row }
    for row in 0..<first.count {
      for column in 0..<second.count {
        let replaced = table[row][column] + (first[row] == second[column] ? 0 : 1)
        table[row + 1][column + 1] = min(replaced, table[row][column + 1] + 1, table[row + 1][column] + 1)
      }
    }
    return table[first.count][second.count]
  }

  @Test func editDistanceEqualsTheTextbookMatrix() {
    var random = SeededRandom(seed: 7)
    for _ in 0..<400 {
      let first = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        UInt8.random(in: 97...99, using: &random)
      }
      let second = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        UInt8.random(in: 97...99, using: &random)
      }
      #expect(TextMetrics.editDistance(first, second) == naiveDistance(first, second))
    }
  }

  @Test(arguments: [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("flaw", "lawn", 2)])
  func editDistanceOfKnownPairs(first: String, second: String, distance: Int) {
    #expect(TextMetrics.editDistance(Array(first.utf8), Array(second.utf8)) == distance)
  }

  @Test func editSimilarityRunsFromZeroToOne() {
    #expect(TextMetrics.editSimilarity([], []) == 1)
    #expect(TextMetrics.editSimilarity(Array("aaaa".utf8), Array("bbbb".utf8)) == 0)
    #expect(TextMetrics.editSimilarity(Array("abcd".utf8), Array("abxd".utf8)) == 0.75)
  }

  @Test func exactMatchIgnoresOnlyWhiteSpace() {
    #expect(TextMetrics.matchesExactly(Array("  a = b\n\tc ".utf8), Array("a =   b\nc".utf8)))
    #expect(!TextMetrics.matchesExactly(Array("a=b".utf8), Array("a = b".utf8)))
  }

  @Test func firstLineIsTheFirstOneWithText() {
    #expect(TextMetrics.firstLineMatches(Array("\n  return x\n  more".utf8), Array("return x\nother".utf8)))
    #expect(!TextMetrics.firstLineMatches(Array("return y".utf8), Array("return x".utf8)))
  }

  @Test func matchingPrefixCountsBytesUntilTheFirstDifference() {
    #expect(TextMetrics.matchingPrefixLength(Array("value)".utf8), Array("value + 1".utf8)) == 5)
    #expect(TextMetrics.matchingPrefixLength([], Array("x".utf8)) == 0)
  }
}
