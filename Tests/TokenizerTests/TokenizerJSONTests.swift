import Foundation
import Testing
import Weights

@testable import Tokenizer

@Suite("Tokenizer from a tokenizer.json")
struct TokenizerJSONTests {
  private static let path = Fixture.folder + "/small-tokenizer.json"

  @Test func encodesExactlyAsTransformers() throws {
    let tokenizer = try Tokenizer(tokenizerJSON: Self.path)
    let cases = try Fixture.cases(Fixture.folder + "/small-hf.json")
    #expect(cases.count > 500)
    for example in cases {
      #expect(tokenizer.encode(example.text) == example.ids, "\(example.text.debugDescription)")
      #expect(
        tokenizer.encode(example.text, parseSpecial: true) == example.idsWithSpecial,
        "\(example.text.debugDescription)")
      #expect(String(decoding: tokenizer.decode(example.ids), as: UTF8.self) == example.decoded)
    }
  }

  @Test func saysWhoseRulesItFollows() throws {
    #expect(try Tokenizer(tokenizerJSON: Self.path).vocabulary.convention == .transformers)
    #expect(try Fixture.small().vocabulary.convention == .sentencePiece)
  }

  @Test func knowsItsSpecialTokens() throws {
    let tokenizer = try Tokenizer(tokenizerJSON: Self.path)
    #expect(tokenizer.vocabularySize == 3_072)
    #expect(tokenizer.beginToken == 2 && tokenizer.endToken == 1)
    #expect(tokenizer.padToken == 0 && tokenizer.unknownToken == 3)
    #expect(tokenizer.decode([2] + tokenizer.encode("ab") + [1]) == Array("ab".utf8))
  }

  @Test func theConfigurationNamesSpecialTokens() throws {
    let configuration: JSONValue = ["bos_token": ["content": "<table>"], "eos_token": "<tr>"]
    let tokenizer = try Tokenizer(tokenizerJSON: Self.path, configuration: configuration)
    #expect(tokenizer.beginToken == 160 && tokenizer.endToken == 161)
    #expect(!tokenizer.encode("<table>").contains(160))
    #expect(tokenizer.encode("<table>", parseSpecial: true) == [160])
  }

  @Test func readsMergesInBothForms() throws {
    let path = try changed { document in
      let merges = document["model"]?["merges"]?.arrayValue ?? []
      document["model"]?["merges"] = .array(
        merges.map { .string(($0[0]?.stringValue ?? "") + " " + ($0[1]?.stringValue ?? "")) })
    }
    let (joined, pairs) = (try Tokenizer(tokenizerJSON: path), try Tokenizer(tokenizerJSON: Self.path))
    for example in try Fixture.cases(Fixture.folder + "/small-hf.json") {
      #expect(joined.encode(example.text) == pairs.encode(example.text))
    }
  }

  @Test func theOrderOfKeysAndPiecesDoesNotMatter() throws {
    let path = try changed { document in
      let pieces = Array(document["model"]?["vocab"]?.objectValue ?? JSONObject())
      document["model"]?["vocab"] = .object(JSONObject(pieces.reversed().map { ($0.key, $0.value) }))
      let model = Array(document["model"]?.objectValue ?? JSONObject())
      document["model"] = .object(JSONObject(model.reversed().map { ($0.key, $0.value) }))
      let all = Array(document.objectValue ?? JSONObject())
      document = .object(JSONObject(all.reversed().map { ($0.key, $0.value) }))
    }
    let (reversed, sound) = (try Tokenizer(tokenizerJSON: path), try Tokenizer(tokenizerJSON: Self.path))
    for example in try Fixture.cases(Fixture.folder + "/small-hf.json") {
      #expect(reversed.encode(example.text) == sound.encode(example.text))
    }
  }

  @Test func tokensAreAddedBehindTheModel() throws {
    let path = try changed {
      $0["added_tokens"]?.append(["id": 3_072, "content": "<soft>", "special": true])
    }
    let tokenizer = try Tokenizer(tokenizerJSON: path)
    #expect(tokenizer.vocabularySize == 3_073)
    #expect(tokenizer.encode("a<soft>", parseSpecial: true).last == 3_072)
    #expect(!tokenizer.encode("a<soft>").contains(3_072))
  }

  @Test func mergesNeverMakeSpecialTokens() throws {
    let path = try changed { document in
      let steps: [JSONValue] = [["<", "e"], ["<e", "o"], ["<eo", "s"], ["<eos", ">"]]
      for (index, piece) in ["<e", "<eo", "<eos"].enumerated() {
        document["model"]?["vocab"]?[piece] = .int(3_072 + index)
      }
      let others = document["model"]?["merges"]?.arrayValue?.filter { !steps.contains($0) } ?? []
      document["model"]?["merges"] = .array(steps + others)
    }
    let tokens = try Tokenizer(tokenizerJSON: path).encode("<eos>")
    #expect(tokens.first == 3_074 && tokens.count == 2)
  }

  @Test func writesWhatItReads() throws {
    let vocabulary = try Tokenizer(tokenizerJSON: Self.path).vocabulary
    let path = try Fixture.temporaryFolder() + "/tokenizer.json"
    try AtomicFile.write(#require(vocabulary.tokenizerJSON()), to: path)
    let again = try Tokenizer(tokenizerJSON: path)
    for example in try Fixture.cases(Fixture.folder + "/small-hf.json") {
      #expect(again.encode(example.text) == example.ids)
      #expect(again.encode(example.text, parseSpecial: true) == example.idsWithSpecial)
    }
    // Key by key as the file that transformers wrote, but for what cuts nothing and the begin token.
    let (written, original) = (try JSONValue(file: path), try JSONValue(file: Self.path))
    for key in ["added_tokens", "normalizer", "decoder", "model"] { #expect(written[key] == original[key]) }
    #expect(try Fixture.small().vocabulary.tokenizerJSON() == nil)
  }

  @Test func aDirectoryMayHoldEitherFile() throws {
    let folder = try Fixture.temporaryFolder()
    #expect(!Vocabulary.exists(inDirectory: folder))
    #expect(throws: TokenizerError.self) { try Tokenizer(directory: folder) }
    try FileManager.default.copyItem(atPath: Self.path, toPath: folder + "/tokenizer.json")
    #expect(Vocabulary.exists(inDirectory: folder))
    #expect(try Tokenizer(directory: folder).vocabulary.convention == .transformers)
    try AtomicFile.write(Array(#"{"bos_token": "<table>"}"#.utf8), to: folder + "/tokenizer_config.json")
    #expect(try Tokenizer(directory: folder).beginToken == 160)
    try FileManager.default.copyItem(
      atPath: Fixture.folder + "/small-spm.model", toPath: folder + "/tokenizer.model")
    #expect(try Tokenizer(directory: folder).vocabulary.convention == .sentencePiece)
  }

  /// The small file after `change`.
  private func changed(_ change: (inout JSONValue) -> Void) throws -> String {
    try Fixture.changedTokenizerJSON(change)
  }
}

extension Fixture {
  /// The path of the small `tokenizer.json` after `change`.
  static func changedTokenizerJSON(_ change: (inout JSONValue) -> Void) throws -> String {
    var document = try JSONValue(file: folder + "/small-tokenizer.json")
    change(&document)
    let path = try temporaryFolder() + "/tokenizer.json"
    try AtomicFile.write(document.serialized(), to: path)
    return path
  }
}

extension JSONValue {
  /// Appends to an array.
  mutating func append(_ value: JSONValue) {
    self = .array((arrayValue ?? []) + [value])
  }
}
