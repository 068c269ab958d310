import Carving
import Foundation
import Generation
import Numerics
import Testing

@testable import Evaluation

struct NgramTests {
  private let source = Array(
    """
    def area(width, height):
        return width * height

    def volume(width, height, depth):
        return width * height * depth

    """.utf8)

  @Test(arguments: ["", "def ", "zzzz\u{0}", "    return width"])
  func probabilitiesSumToOneAfterAnyContext(context: String) {
    var model = ByteNgram(order: 6)
    model.add(source)
    var window = ByteNgram(order: 6)
    window.add(Array("def area(x):\n    return x".utf8))
    let text = Array(context.utf8)
    for local in [nil, window] {
      let sum = (0...255).reduce(0.0) {
        $0 + model.probability(of: UInt8($1), after: text, at: text.count, local: local, localWeight: 4)
      }
      #expect(abs(sum - 1) < 1e-9)
    }
  }

  @Test func smoothingFollowsWittenAndBellWithEscapeWeight() {
    // "abac": the empty context saw 4 bytes, 3 distinct; "a" saw b and c. The escape weight is 4.
    var model = ByteNgram(order: 2)
    model.add(Array("abac".utf8))
    let unigram: Double = (1 + 12.0 / 256) / 16
    let expected: Double = (1 + 8 * unigram) / 10
    let text = Array("a".utf8)
    #expect(abs(model.probability(of: UInt8(ascii: "b"), after: text, at: 1) - expected) < 1e-12)
  }

  @Test func textSeenBeforeCostsFewerBitsThanTextNeverSeen() async throws {
    let contender = NgramContender(texts: [source], holes: [example("def f(", "a", "):\n")])
    let known = try await contender.negativeLogLikelihood(
      of: example("def area(width, height):\n    ", "return width * height", "\n"), order: .suffixFirst)
    let strange = try await contender.negativeLogLikelihood(
      of: example("def area(width, height):\n    ", "qzxj%!kw0@ZQ~^#Vbv{=?", "\n"), order: .suffixFirst)
    #expect(known < 21 && strange > 80)
  }

  @Test func stopModelLearnsWhereHolesEnd() {
    let model = StopModel(examples: (0..<50).map { example("f(", "x\($0)y", ")\n") })
    let text = Array("f(x3y".utf8)
    let atEnd = model.probability(of: text, endingAt: text.count, suffix: Array(")\n".utf8))
    let inside = model.probability(of: text, endingAt: 3, suffix: Array(")\n".utf8))
    #expect(atEnd > 0.8 && inside < 0.1)
  }

  @Test func lexicalTokensJoinToTheText() {
    let text = Array("\tif größe_2 != \"a\\n\":\r\n\r\n        x\u{0}".utf8) + [0xFF, 0xFE]
    #expect(LexicalTokens.split(text).flatMap(Array.init) == text)
  }

  @Test func completerRepeatsWhatFollowedTheLongestKnownContext() async throws {
    let contender = NgramContender(texts: [source, source], holes: [])
    let completion = try await contender.complete(
      example("def volume(width, height, depth):\n    ret", "", "\n"), maxTokens: 64)
    #expect(String(decoding: completion.bytes, as: UTF8.self) == "urn width * height * depth")
    #expect(completion.endedItself)
  }

  @Test func completerStopsBeforeTheTextBehindTheHole() async throws {
    let contender = NgramContender(texts: [source], holes: [])
    let completion = try await contender.complete(example("x = area(wid", "", ")\n"), maxTokens: 64)
    #expect(!completion.bytes.contains(UInt8(ascii: ")")))
    #expect(String(decoding: completion.bytes, as: UTF8.self).hasPrefix("th"))
  }

  @Test func completerKnowsNothingWithoutContext() async throws {
    let contender = NgramContender(texts: [], holes: [])
    let completion = try await contender.complete(example("", "", ""), maxTokens: 8)
    #expect(completion.bytes.isEmpty && !completion.endedItself)
  }

  @Test func countTableKeepsCountsWhileGrowing() {
    var table = CountTable(capacity: 4)
    for round in 1...3 {
      for key in 1...2_000 as ClosedRange<UInt64> {
        #expect(table.add(SeededRandom.spread(key)) == UInt32(round - 1))
      }
    }
    #expect(table.count(of: SeededRandom.spread(77)) == 3)
    #expect(table.count(of: SeededRandom.spread(99_999)) == 0)
  }
}

/// An example without positions.
func example(_ prefix: String, _ middle: String, _ suffix: String, path: String = "a.py") -> FIMExample {
  FIMExample(
    path: path, language: "python", kind: .history, nodePath: "", windowStart: 0,
    middleStart: prefix.utf8.count,
    middleEnd: prefix.utf8.count + middle.utf8.count, prefix: prefix, middle: middle, suffix: suffix)
}
