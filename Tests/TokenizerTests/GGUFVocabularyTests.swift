import Foundation
import Testing
import Weights

@testable import Tokenizer

@Suite("Vocabulary in a GGUF file")
struct GGUFVocabularyTests {
  /// The small vocabulary as a GGUF file, after `change`.
  private func file(_ change: (inout GGUFWriter) -> Void) throws -> GGUFFile {
    var writer = GGUFWriter(architecture: "gemma3")
    try Fixture.small().vocabulary.write(to: &writer)
    change(&writer)
    let path = try Fixture.temporaryFolder() + "/vocabulary.gguf"
    try writer.write(to: path)
    return try GGUFFile(path: path)
  }

  @Test func marksAreFoundByTheirKeys() throws {
    let tokenizer = try Tokenizer(
      gguf: file { writer in
        for (index, name) in ["pre", "mid", "suf", "sep"].enumerated() {
          writer["tokenizer.ggml.fim_\(name)_token_id"] = .uint32(UInt32(10 + index))
        }
      })
    #expect(tokenizer.fimPrefix == 10 && tokenizer.fimMiddle == 11)
    #expect(tokenizer.fimSuffix == 12 && tokenizer.fileSeparator == 13)
    // <unused4> is user-defined in this vocabulary; as a mark it can no longer be typed.
    #expect(!tokenizer.encode("<unused4>").contains(10))
    #expect(try Fixture.small().encode("<unused4>") == [10])
  }

  @Test func theSpaceBeforeTextFollowsItsKey() throws {
    let tokenizer = try Tokenizer(gguf: file { $0["tokenizer.ggml.add_space_prefix"] = .bool(true) })
    let small = try Fixture.small()
    #expect(tokenizer.encode("a") == small.encode(" a"))
    #expect(tokenizer.decode(tokenizer.encode("a")) == Array("a".utf8))
    #expect(tokenizer.encode("").isEmpty)
  }

  /// A value that makes the file wrong.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let key: String
    let value: GGUFValue?

    init(_ name: String, _ key: String, _ value: GGUFValue?) {
      (testDescription, self.key, self.value) = (name, key, value)
    }
  }

  private static func numbers(_ number: Int32, _ count: Int = 3_072) -> GGUFValue {
    .array(GGUFArray([Int32](repeating: number, count: count)))
  }

  private static let bad: [Case] = [
    Case("no kind", "model", nil), Case("another kind", "model", .string("gpt2")),
    Case("kind as number", "model", .uint32(1)), Case("no pieces", "tokens", nil),
    Case("pieces as Boolean", "tokens", .bool(true)),
    Case("one piece", "tokens", .array(GGUFArray(["a"]))), Case("pieces as numbers", "tokens", numbers(0)),
    Case("one score", "scores", .array(GGUFArray([Float(1)]))),
    Case("scores as texts", "scores", .array(GGUFArray([String](repeating: "1", count: 3_072)))),
    Case("no numbers", "scores", .array(GGUFArray([Float](repeating: .nan, count: 3_072)))),
    Case("unknown types", "token_type", numbers(9)), Case("negative types", "token_type", numbers(-1)),
    Case("too few types", "token_type", numbers(1, 3_071)), Case("only bytes", "token_type", numbers(6)),
    Case("no bytes", "token_type", numbers(1)),
    Case("begin outside", "bos_token_id", .uint32(3_072)), Case("negative end", "eos_token_id", .int32(-1)),
    Case("gigantic pad", "padding_token_id", .uint64(.max)),
    Case("unknown as text", "unknown_token_id", .string("3")),
    Case("mark outside", "fim_pre_token_id", .uint32(1 << 30)),
    Case("spaces removed", "remove_extra_whitespaces", .bool(true)),
    Case("characters mapped", "precompiled_charsmap", .array(GGUFArray([Int32(1)]))),
  ]

  @Test(arguments: bad)
  func refuses(_ wrong: Case) throws {
    let file = try file { $0["tokenizer.ggml." + wrong.key] = wrong.value }
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(gguf: file) }
    #expect(error?.description.contains(file.path) == true)
  }

  private static let badMerges: [Case] = [
    Case("numbers", "merges", numbers(1)), Case("a text", "merges", .string("a b")),
    Case("one piece", "merges", .array(GGUFArray(["a"]))),
    Case("nothing left", "merges", .array(GGUFArray([" a"]))),
    Case("nothing right", "merges", .array(GGUFArray(["a "]))),
    Case("missing piece", "merges", .array(GGUFArray(["nowhere x"]))),
    Case("missing result", "merges", .array(GGUFArray(["▁ <bos>"]))),
    Case("twice", "merges", .array(GGUFArray(["i n", "i n"]))),
    Case("bytes", "merges", .array(GGUFArray(["<0x41> a"]))),
    Case("invalid UTF-8", "merges", .array(GGUFArray(texts: [[0xC3, 0x20, 0x61]]))),
  ]

  @Test(arguments: badMerges)
  func refusesMerges(_ wrong: Case) throws {
    let file = try file {
      $0["tokenizer.ggml.model"] = .string("gemma4")
      $0["tokenizer.ggml.merges"] = wrong.value
    }
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(gguf: file) }
    #expect(error?.description.contains("tokenizer.ggml.merges") == true, "\(error?.description ?? "")")
  }

  @Test func listedMergesSurviveTheWayThroughAFile() throws {
    let tokenizer = try Tokenizer(tokenizerJSON: Fixture.folder + "/small-tokenizer.json")
    var writer = GGUFWriter(architecture: "gemma4")
    tokenizer.vocabulary.write(to: &writer)
    let path = try Fixture.temporaryFolder() + "/vocabulary.gguf"
    try writer.write(to: path)
    let again = try Tokenizer(gguf: GGUFFile(path: path))
    #expect(again.vocabulary.convention == .transformers)
    #expect(again.vocabulary.merges?.merges == tokenizer.vocabulary.merges?.merges)
    // In GGUF of this kind, user-defined pieces are recognised on request only.
    for text in ["let x = 1", "    return", "日本語", "a ▁b", String(repeating: " ", count: 40) + "x"] {
      #expect(again.encode(text) == tokenizer.encode(text))
    }
  }

  @Test func damageNeverCrashes() throws {
    let sound = try file { _ in }
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: sound.path)))
    let path = try Fixture.temporaryFolder() + "/damaged.gguf"
    var generator = Generator(state: 5)
    for _ in 0..<100 {
      var damaged = bytes
      for _ in 0..<20 {
        damaged[Int(generator.next() % UInt64(bytes.count))] = UInt8.random(in: 0...9, using: &generator)
      }
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      guard let file = try? GGUFFile(path: path), let tokenizer = try? Tokenizer(gguf: file) else { continue }
      let text = Array("func f(x: Int) -> Int { x + 1 }\n".utf8)
      #expect(tokenizer.encode(text).allSatisfy { (0..<Int32(tokenizer.vocabularySize)).contains($0) })
    }
  }
}
