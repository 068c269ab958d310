import Testing
import Weights

@testable import Tokenizer

@Suite("Merging")
struct MergingTests {
  /// Words of the kind that make trouble: repetitions, in which equal pieces overlap.
  private func words(_ count: Int, _ length: ClosedRange<Int>, _ letters: [String], seed: UInt64) -> [[UInt8]]
  {
    var generator = Generator(state: seed)
    return (0..<count).map { _ in
      let size = Int.random(in: length, using: &generator)
      return (0..<size).flatMap { _ in Array((letters.randomElement(using: &generator) ?? "").utf8) }
    }
  }

  private func merged(_ word: [UInt8], _ vocabulary: Vocabulary, shortLimit: Int) -> [Int32] {
    let rules = MergeRules(
      vocabulary, mergeable: vocabulary.types.map { $0 == .normal || $0 == .userDefined })
    var merger = PairMerger(shortLimit: shortLimit)
    word.withUnsafeBufferPointer { merger.merge($0, rules) }
    return merger.symbols.filter { $0.count > 0 }.map(\.token)
  }

  @Test func longAndShortWordsAreMergedAlike() throws {
    let vocabularies = [
      try Fixture.small().vocabulary,
      try Vocabulary(tokenizerJSON: Fixture.folder + "/small-tokenizer.json"),
    ]
    for vocabulary in vocabularies {
      for word in words(300, 0...40, ["e", "t", "te", "-", "a", "▁", "é", "日", "\n"], seed: 31) {
        #expect(merged(word, vocabulary, shortLimit: 64) == merged(word, vocabulary, shortLimit: 0))
      }
    }
  }

  /// Merges listed against the order of their results, so that only the list can have decided.
  @Test(arguments: [
    (["aa", "aaa"], [("a", "aa"), ("aa", "a"), ("a", "a")]),
    (["ab", "aba", "ba"], [("ab", "a"), ("a", "ba"), ("b", "a"), ("a", "b")]),
  ])
  func listedMergesFollowTheList(pieces: [String], merges: [(String, String)]) throws {
    let path = try Fixture.changedTokenizerJSON { document in
      var vocabulary: JSONValue = [:]
      let names =
        ["<pad>", "<eos>", "<bos>", "<unk>", "a", "b"] + pieces
        + (0..<256).map { "<0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) + ">" }
      for (id, name) in names.enumerated() { vocabulary[name] = .int(id) }
      document["model"]?["vocab"] = vocabulary
      document["model"]?["merges"] = .array(merges.map { [.string($0.0), .string($0.1)] })
      document["added_tokens"] = []
    }
    let tokenizer = try Tokenizer(tokenizerJSON: path)
    let naive = NaiveMergeList(merges)
    for word in words(200, 0...50, ["a", "b"], seed: 37) {
      let text = String(decoding: word, as: UTF8.self)
      let expected = naive.encode(text)
      let found = tokenizer.encode(text).map { String(decoding: tokenizer.bytes(of: $0), as: UTF8.self) }
      #expect(found == expected, "\(text)")
    }
  }

  @Test func scoresKeepTheirOrderAsKeys() {
    let scores: [Float] = [.infinity, 3e38, 7, 1, 1e-38, 0, -0.0, -1e-38, -1, -1000, -.infinity]
    for (index, left) in scores.enumerated() {
      for right in scores[index...] {
        #expect((left > right) == (MergeRules.key(ofScore: left) < MergeRules.key(ofScore: right)))
        #expect((left == right) == (MergeRules.key(ofScore: left) == MergeRules.key(ofScore: right)))
      }
    }
  }

  @Test func aCacheThatForgetsChangesNothing() throws {
    let tokenizer = try Fixture.small()
    let vocabulary = tokenizer.vocabulary
    let rules = MergeRules(
      vocabulary, mergeable: vocabulary.types.map { $0 == .normal || $0 == .userDefined })
    var byteTokens = [Int32](repeating: 0, count: 256)
    for token in 0..<vocabulary.count where vocabulary.types[token] == .byte {
      byteTokens[Int(vocabulary.byteValue(of: token) ?? 0)] = Int32(token)
    }
    // Two slots only: nearly every word pushes another one out.
    var encoder = Encoder(rules: rules, byteTokens: byteTokens, cacheBits: 1)
    for word in words(3_000, 1...30, ["e", "te", " ", "x", "日", "1", "aaaaaaaaaaaaaaaaaaaa"], seed: 41) {
      encoder.reset()
      word.withUnsafeBufferPointer { encoder.encode($0, tokenizer.plainSegments) }
      #expect(encoder.output.tokens == tokenizer.encode(word))
    }
  }
}

/// The definition: the first merge of the list that applies anywhere, at its leftmost place, again and again.
private struct NaiveMergeList {
  let merges: [(String, String)]

  init(_ merges: [(String, String)]) { self.merges = merges }

  func encode(_ text: String) -> [String] {
    var symbols = text.map(String.init)
    outer: while true {
      for (left, right) in merges {
        for index in symbols.indices.dropLast() where symbols[index] == left && symbols[index + 1] == right {
          symbols[index] += symbols.remove(at: index + 1)
          continue outer
        }
      }
      return symbols
    }
  }
}
