import Foundation
import Testing
import Weights

@testable import Tokenizer

@Suite("tokenizer.json that is wrong or of another kind")
struct HostileTokenizerJSONTests {
  /// A change to the sound file, and a part of the message that it must lead to.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let message: String
    let change: @Sendable (inout JSONValue) -> Void

    init(_ name: String, _ message: String, _ change: @escaping @Sendable (inout JSONValue) -> Void) {
      (testDescription, self.message, self.change) = (name, message, change)
    }
  }

  private static let otherKinds: [Case] = [
    Case("unigram", "model.type") { $0["model"]?["type"] = "Unigram" },
    Case("unigram list", "model.type") {
      $0["model"] = ["type": "Unigram", "byte_fallback": true, "vocab": [["a", 0.5]], "merges": []]
    },
    Case("no byte fallback", "model.byte_fallback") { $0["model"]?["byte_fallback"] = false },
    Case("byte fallback not named", "model.byte_fallback") { $0["model"]?["byte_fallback"] = nil },
    Case("dropout", "model.dropout") { $0["model"]?["dropout"] = 0.1 },
    Case("subword prefix", "model.continuing_subword_prefix") {
      $0["model"]?["continuing_subword_prefix"] = "##"
    },
    Case("word suffix", "model.end_of_word_suffix") { $0["model"]?["end_of_word_suffix"] = "</w>" },
    Case("merges ignored", "model.ignore_merges") { $0["model"]?["ignore_merges"] = true },
    Case("unknown key of the model", "model.colour") { $0["model"]?["colour"] = 1 },
    Case("unknown key", "colour") { $0["colour"] = 1 },
    Case("NFKC", "normalizer") { $0["normalizer"] = ["type": "NFKC"] },
    Case("no normalizer", "normalizer") { $0["normalizer"] = nil },
    Case("space before text", "normalizer") {
      $0["normalizer"] = ["type": "Sequence", "normalizers": [["type": "Prepend", "prepend": "▁"]]]
    },
    Case("byte level", "pre_tokenizer") { $0["pre_tokenizer"] = ["type": "ByteLevel"] },
    Case("split at letters", "pre_tokenizer") { $0["pre_tokenizer"]?["pattern"] = ["String": "e"] },
    Case("byte level decoder", "decoder") { $0["decoder"] = ["type": "ByteLevel"] },
    Case("BERT", "post_processor") { $0["post_processor"] = ["type": "BertProcessing"] },
    Case("stripping added token", "added_tokens[0].lstrip") {
      $0["added_tokens"] = [["id": 0, "content": "<pad>", "lstrip": true]]
    },
    Case("normalised added token", "added_tokens[0].normalized") {
      $0["added_tokens"] = [["id": 0, "content": "<pad>", "normalized": true]]
    },
    Case("without begin", "bos_token") {
      $0["added_tokens"] = []
      $0["model"]?["vocab"]?["<bos>"] = nil
      $0["model"]?["vocab"]?["begin"] = 2
    },
  ]

  private static let contradictions: [Case] = [
    Case("an id twice", "twice") { $0["model"]?["vocab"]?["brand new"] = 3_000 },
    Case("an id missing", "missing") { $0["model"]?["vocab"]?["brand new"] = 3_073 },
    Case("gigantic id", "too large") { $0["model"]?["vocab"]?["brand new"] = 4_000_000_000_000 },
    Case("negative id", "whole number") { $0["model"]?["vocab"]?["brand new"] = -1 },
    Case("id with fraction", "expected") { $0["model"]?["vocab"]?["brand new"] = 1.5 },
    Case("id of another type", "whole number") { $0["model"]?["vocab"]?["brand new"] = "7" },
    Case("endless piece", "2000 bytes long") {
      $0["model"]?["vocab"]?[String(repeating: "a", count: 2_000)] = 3_072
    },
    Case("endless added token", "2000 bytes long") {
      $0["added_tokens"]?.append(["id": 3_072, "content": .string(String(repeating: "a", count: 2_000))])
    },
    Case("empty piece", "empty piece") { $0["model"]?["vocab"]?[""] = 3_072 },
    Case("vocabulary of another type", "object") { $0["model"]?["vocab"] = 5 },
    Case("no vocabulary", "bos_token") {
      $0["model"]?["vocab"] = nil; $0["added_tokens"] = nil
    },
    Case("no merges", "model.merges") { $0["model"]?["merges"] = nil },
    Case("merges of another type", "array") { $0["model"]?["merges"] = 5 },
    Case("merge of a missing piece", "model.merges[0]: 'nowhere' is no piece") {
      $0["model"]?["merges"] = [["nowhere", "a"]]
    },
    Case("merge with a missing second piece", "'nowhere' is no piece") {
      $0["model"]?["merges"] = [["a", "nowhere"]]
    },
    Case("merge into a missing piece", "together are no piece") {
      $0["model"]?["merges"] = [["▁", "<bos>"]]
    },
    Case("merge of three", "two pieces") { $0["model"]?["merges"] = [["a", "b", "c"]] },
    Case("merge of one", "two pieces") { $0["model"]?["merges"] = ["a"] },
    Case("joined merge of three", "two pieces") { $0["model"]?["merges"] = ["a b c"] },
    Case("merge of nothing", "two pieces") { $0["model"]?["merges"] = [" a"] },
    Case("merge of numbers", "quotes") { $0["model"]?["merges"] = [[1, 2]] },
    Case("merge twice", "second time") { document in
      let first = document["model"]?["merges"]?[0] ?? .null
      document["model"]?["merges"]?.append(first)
    },
    Case("added token elsewhere", "added_tokens") {
      $0["added_tokens"]?.append(["id": 9, "content": "new"])
    },
    Case("added token far away", "added_tokens") {
      $0["added_tokens"]?.append(["id": 1_000_000_000, "content": "new"])
    },
    Case("added token without text", "added_tokens") { $0["added_tokens"]?.append(["id": 3_072]) },
    Case("added token with negative id", "added_tokens") {
      $0["added_tokens"]?.append(["id": -1, "content": "new"])
    },
    Case("added tokens of another type", "added_tokens") { $0["added_tokens"] = 1 },
    Case("a byte is missing", "255 of the 256") { document in
      let pieces = document["model"]?["vocab"]?.objectValue ?? JSONObject()
      let renamed = pieces.map { ($0.key == "<0x41>" ? "renamed" : $0.key, $0.value) }
      document["model"]?["vocab"] = .object(JSONObject(renamed))
    },
  ]

  @Test(arguments: otherKinds + contradictions)
  func isRefused(_ wrong: Case) throws {
    let path = try Fixture.changedTokenizerJSON(wrong.change)
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(tokenizerJSON: path) }
    let text = error?.description ?? ""
    #expect(text.contains(wrong.message), "\(text)")
    #expect(text.contains(path))
  }

  private static let texts = [
    "", "{", "[]", "null", "{}", "{\"model\"", "{\"model\":{}}", "{\"model\":{\"vocab\":{\"a\":}}}",
    "{\"a\":1}x",
    "{\"model\":{\"vocab\":{\"a\\ud800\\q\":0}}}", "{\"model\":{\"vocab\":{\"a\":0,}}}",
    "{\"model\":{\"vocab\":{\"a\":00}}}", "{\"model\":{},\"model\":{}}", "{\"version\":]}", "{\"version\":}",
    "{\"version\":\"1\n\"}", String(repeating: "{\"model\":", count: 100_000),
    "{\"x\":" + String(repeating: "[", count: 1_000_000),
  ]

  @Test(arguments: texts.indices)
  func brokenTextIsRefused(_ index: Int) throws {
    let path = try Fixture.temporaryFolder() + "/tokenizer.json"
    try AtomicFile.write(Array(Self.texts[index].utf8), to: path)
    #expect(throws: TokenizerError.self) { try Tokenizer(tokenizerJSON: path) }
  }

  @Test func invalidUTF8IsRefused() throws {
    let path = try Fixture.temporaryFolder() + "/tokenizer.json"
    try AtomicFile.write(
      Array("{\"model\":{\"vocab\":{\"a".utf8) + [0xC3] + Array("\":0}}}".utf8), to: path)
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(tokenizerJSON: path) }
    #expect(error?.description.contains("UTF-8") == true)
  }

  @Test func damageNeverCrashes() throws {
    let sound = try [UInt8](Data(contentsOf: URL(fileURLWithPath: Fixture.folder + "/small-tokenizer.json")))
    let path = try Fixture.temporaryFolder() + "/tokenizer.json"
    var generator = Generator(state: 3)
    var refused = 0
    for round in 0..<150 {
      var damaged = sound
      if round % 5 == 0 {
        damaged.removeLast(Int.random(in: 1..<sound.count, using: &generator))
      } else {
        for _ in 0..<(1 + round % 6) {
          let place = Int.random(in: 0..<damaged.count, using: &generator)
          damaged[place] = Array("0129\"{}[],: a\\\u{80}".utf8).randomElement(using: &generator) ?? 0
        }
      }
      try AtomicFile.write(damaged, to: path)
      do throws(TokenizerError) {
        let tokenizer = try Tokenizer(tokenizerJSON: path)
        let text = Array("func f(x: Int) -> Int { x + 1 }\n".utf8)
        #expect(tokenizer.encode(text).allSatisfy { (0..<Int32(tokenizer.vocabularySize)).contains($0) })
      } catch {
        refused += 1
      }
    }
    #expect(refused > 30)
  }
}
