import Testing
import Weights

@testable import Tokenizer

@Suite("Tokens of a text that is edited")
struct IncrementalTokensTests {
  /// A tokenizer of each kind.
  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable () throws -> Tokenizer
  }

  static let kinds: [Kind] = [
    Kind(testDescription: "SentencePiece") { try Fixture.small() },
    Kind(testDescription: "transformers") {
      try Tokenizer(tokenizerJSON: Fixture.folder + "/small-tokenizer.json")
    },
    Kind(testDescription: "space before text") {
      var vocabulary = try Fixture.small().vocabulary
      vocabulary.addsSpaceBeforeText = true
      return Tokenizer(vocabulary)
    },
    Kind(testDescription: "whole pieces with ▁ inside") {
      // Pieces that a scanner can only rule out far behind their beginning.
      var vocabulary = try Fixture.small().vocabulary
      vocabulary.append("<a▁long▁▁piece▁é>".utf8, score: 0, type: .userDefined)
      vocabulary.append("e▁x".utf8, score: -1, type: .normal)
      return Tokenizer(vocabulary)
    },
  ]

  private static let words = [
    "func ", "return", "    ", "  ", " ", "\n", "\n\n", "\t", "x", "let", "=", "é", "日本", "😀", "\u{301}", "▁",
    "▁▁", "<",
    "<bos", ">", "<unused3>", "<tab", "le>", "<a", " long", "  piece", " é>", "e x", "\r\n", "12", "(", ")",
    String(repeating: " ", count: 33), String(repeating: "a", count: 40),
  ]

  private func text(_ count: Int, _ generator: inout Generator) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<count {
      if Int.random(in: 0..<12, using: &generator) == 0 {
        bytes.append(UInt8.random(in: .min ... .max, using: &generator))
      } else {
        bytes += Array((Self.words.randomElement(using: &generator) ?? "").utf8)
      }
    }
    return bytes
  }

  @Test(arguments: kinds, [false, true])
  func areThoseOfTheWholeTextAfterEveryEdit(_ kind: Kind, parseSpecial: Bool) throws {
    let tokenizer = try kind.make()
    var generator = Generator(state: 17)
    for _ in 0..<150 {
      var bytes = text(Int.random(in: 0...80, using: &generator), &generator)
      var tokens = IncrementalTokens(tokenizer, bytes, parseSpecial: parseSpecial)
      #expect(tokens.tokens == tokenizer.encode(bytes, parseSpecial: parseSpecial))
      for _ in 0..<20 {
        let start = Int.random(in: 0...bytes.count, using: &generator)
        let longest = Int.random(in: 0..<10, using: &generator) == 0 ? bytes.count : 6
        let end = min(bytes.count, start + Int.random(in: 0...longest, using: &generator))
        let inserted = text(Int.random(in: 0...3, using: &generator), &generator)
        let before = tokens.tokens
        bytes.replaceSubrange(start..<end, with: inserted)
        let change = tokens.replace(start..<end, with: inserted)
        #expect(tokens.tokens == tokenizer.encode(bytes, parseSpecial: parseSpecial))
        #expect(Array(tokens.text) == bytes && tokens.byteCount == bytes.count)
        // The change describes exactly what happened to the tokens.
        #expect(tokens.tokens.count == before.count - change.replaced.count + change.insertedCount)
        #expect(tokens.tokens.prefix(change.replaced.lowerBound) == before.prefix(change.replaced.lowerBound))
        #expect(
          Array(tokens.tokens.dropFirst(change.replaced.lowerBound + change.insertedCount))
            == Array(before.dropFirst(change.replaced.upperBound)))
      }
    }
  }

  @Test func onlyTheNeighbourhoodIsEncodedAgain() throws {
    let tokenizer = try Fixture.small()
    let line = Array("    let value = compute(first, second) + 12\n".utf8)
    let bytes = Array(repeatElement(line, count: 2_000).joined())
    var tokens = IncrementalTokens(tokenizer, bytes)
    var generator = Generator(state: 23)
    for _ in 0..<200 {
      let place = Int.random(in: 0...tokens.byteCount, using: &generator)
      let change = tokens.replace(place..<place, with: Array("x".utf8))
      // Its word, and as far back as the longest whole piece may reach: 31 spaces, each perhaps written as ▁.
      #expect(change.encodedByteCount < 200)
    }
    #expect(tokens.tokens == tokenizer.encode(tokens.text))
  }

  @Test func aTextMayBecomeEmptyAndFullAgain() throws {
    for kind in Self.kinds {
      let tokenizer = try kind.make()
      var tokens = IncrementalTokens(tokenizer, Array("let x".utf8))
      tokens.replace(0..<5, with: [])
      #expect(tokens.tokens.isEmpty && tokens.text.isEmpty)
      tokens.replace(0..<0, with: [])
      tokens.replace(0..<0, with: Array("let y".utf8))
      #expect(tokens.tokens == tokenizer.encode("let y"))
    }
  }
}
