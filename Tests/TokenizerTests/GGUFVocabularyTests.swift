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

  private static let bad: [(String, GGUFValue?)] = [
    ("model", nil), ("model", .string("gpt2")), ("model", .uint32(1)), ("tokens", nil),
    ("tokens", .bool(true)),
    ("tokens", .array(GGUFArray(["a"]))), ("tokens", .array(GGUFArray([Int32](repeating: 0, count: 3_072)))),
    ("scores", .array(GGUFArray([Float(1)]))),
    ("scores", .array(GGUFArray([Float](repeating: .nan, count: 3_072)))),
    ("token_type", .array(GGUFArray([Int32](repeating: 9, count: 3_072)))),
    ("token_type", .array(GGUFArray([Int32](repeating: 6, count: 3_072)))),
    ("token_type", .array(GGUFArray([Int32](repeating: 1, count: 3_072)))),
    ("bos_token_id", .uint32(3_072)), ("eos_token_id", .int32(-1)), ("padding_token_id", .uint64(.max)),
    ("unknown_token_id", .string("3")), ("fim_pre_token_id", .uint32(1 << 30)),
    ("remove_extra_whitespaces", .bool(true)), ("precompiled_charsmap", .array(GGUFArray([Int32(1)]))),
  ]

  @Test(arguments: bad)
  func refuses(key: String, value: GGUFValue?) throws {
    let file = try file { $0["tokenizer.ggml." + key] = value }
    #expect(throws: TokenizerError.self) { try Tokenizer(gguf: file) }
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
