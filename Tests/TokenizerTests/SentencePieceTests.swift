import Foundation
import Testing
import Weights

@testable import Tokenizer

@Suite("Tokenizer from a SentencePiece model")
struct SentencePieceTests {
  @Test func encodesExactlyAsSentencePiece() throws {
    let tokenizer = try Fixture.small()
    let cases = try Fixture.cases(Fixture.folder + "/small-spm.json")
    #expect(cases.count == 160)
    for example in cases {
      #expect(tokenizer.encode(example.text) == example.ids, "\(example.text.debugDescription)")
    }
  }

  @Test func decodesWhatItEncodes() throws {
    let tokenizer = try Fixture.small()
    for example in try Fixture.cases(Fixture.folder + "/small-spm.json") {
      #expect(String(decoding: tokenizer.decode(example.ids), as: UTF8.self) == example.decoded)
    }
  }

  @Test func knowsItsSpecialTokens() throws {
    let tokenizer = try Fixture.small()
    #expect(tokenizer.vocabularySize == 3072)
    #expect(tokenizer.beginToken == 2)
    #expect(tokenizer.endToken == 1)
    #expect(tokenizer.padToken == 0)
    #expect(tokenizer.unknownToken == 3)
    #expect(tokenizer.fimPrefix == nil)
  }

  @Test func recognisesSpecialNamesOnlyOnRequest() throws {
    let tokenizer = try Fixture.small()
    #expect(tokenizer.encode("<bos>x<eos>", parseSpecial: true) == [2] + tokenizer.encode("x") + [1])
    let plain = tokenizer.encode("<bos>x<eos>")
    #expect(!plain.contains(2) && !plain.contains(1))
  }

  @Test func controlTokensHaveNoText() throws {
    let tokenizer = try Fixture.small()
    #expect(tokenizer.bytes(of: 2).isEmpty)
    #expect(tokenizer.bytes(of: -1).isEmpty)
    #expect(tokenizer.bytes(of: 3072).isEmpty)
    #expect(tokenizer.decode([2] + tokenizer.encode("ab") + [1]) == Array("ab".utf8))
  }

  @Test func survivesTheWayThroughGGUFAndBack() throws {
    let tokenizer = try Fixture.small()
    let folder = try Fixture.temporaryFolder()
    var writer = GGUFWriter(architecture: "gemma3")
    tokenizer.vocabulary.write(to: &writer)
    try writer.write(to: folder + "/vocabulary.gguf")
    let fromGGUF = try Tokenizer(gguf: GGUFFile(path: folder + "/vocabulary.gguf"))
    try AtomicFile.write(fromGGUF.vocabulary.sentencePieceModel(), to: folder + "/tokenizer.model")
    let again = try Tokenizer(sentencePieceModel: folder + "/tokenizer.model")
    for example in try Fixture.cases(Fixture.folder + "/small-spm.json") {
      #expect(fromGGUF.encode(example.text) == example.ids)
      #expect(again.encode(example.text) == example.ids)
    }
    #expect(again.padToken == 0 && again.beginToken == 2 && again.endToken == 1 && again.unknownToken == 3)
  }

  /// Messages of a protocol buffer that are no models, by what is wrong with them.
  private static let messages: [(name: String, bytes: [UInt8])] = [
    ("nothing", []), ("a field without end", [0x0A]), ("a length beyond the end", [0x0A, 0x05, 0x41]),
    ("a gigantic length", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
    ("a negative length", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
    ("an endless number", [UInt8](repeating: 0xFF, count: 11)), ("an unknown wire type", [0x0B, 0x00]),
    ("a piece without text", [0x0A, 0x05, 0x15, 0, 0, 0, 0]),
    ("a score that is no number", [0x0A, 0x08, 0x0A, 0x01, 0x41, 0x15, 0, 0, 0xC0, 0x7F]),
    ("a type that is none", [0x0A, 0x05, 0x0A, 0x01, 0x41, 0x18, 0x63]),
  ]

  @Test(arguments: messages.indices)
  func messagesThatAreNoModelsAreRefused(_ index: Int) throws {
    let path = try Fixture.temporaryFolder() + "/tokenizer.model"
    try AtomicFile.write(Self.messages[index].bytes, to: path)
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(sentencePieceModel: path) }
    #expect(error?.description.contains(path) == true, "\(Self.messages[index].name)")
  }

  @Test func piecesThatAreNotUTF8AreRefused() throws {
    var vocabulary = try Fixture.small().vocabulary
    vocabulary.append([0x61, 0xC3], score: -1, type: .normal)
    let path = try Fixture.temporaryFolder() + "/tokenizer.model"
    try AtomicFile.write(vocabulary.sentencePieceModel(), to: path)
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(sentencePieceModel: path) }
    #expect(error?.description.contains("piece 3072") == true)
  }

  @Test func damagedModelsGiveErrors() throws {
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: Fixture.folder + "/small-spm.model")))
    let path = try Fixture.temporaryFolder() + "/tokenizer.model"
    for length in stride(from: 0, to: bytes.count, by: bytes.count / 50) {
      try Data(bytes[..<length]).write(to: URL(fileURLWithPath: path))
      #expect(throws: TokenizerError.self) { try Tokenizer(sentencePieceModel: path) }
    }
    var generator = Generator(state: 1)
    var refused = 0
    for _ in 0..<200 {
      var damaged = bytes
      for _ in 0..<8 {
        damaged[Int(generator.next() % UInt64(bytes.count))] ^= UInt8(1 << (generator.next() % 8))
      }
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      do throws(TokenizerError) {
        _ = try Tokenizer(sentencePieceModel: path).encode("func f(x: Int) -> Int { x + 1 }\n")
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
  }
}

/// A small generator with a seed (SplitMix64).
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
