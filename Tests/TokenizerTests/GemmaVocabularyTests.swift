import Foundation
import Testing
import Weights

@testable import Tokenizer

/// The vocabulary of Gemma 4, which is too large for the repository: read where a machine has it.
@Suite("Tokenizer from Gemma 4's GGUF vocabulary")
struct GemmaVocabularyTests {
  private static let vocabulary = Fixture.repository + "/../shared/fixtures/vocab/gemma-4-vocab.gguf"
  private static let cases = Fixture.repository + "/../shared/fixtures/visible/tokenizer/gemma4.json"
  private static var isHere: Bool {
    FileManager.default.fileExists(atPath: vocabulary) && FileManager.default.fileExists(atPath: cases)
  }

  @Test(.enabled(if: isHere, "gemma-4-vocab.gguf or its cases are not on this machine"))
  func encodesAsTheReference() throws {
    let tokenizer = try Tokenizer(gguf: GGUFFile(path: Self.vocabulary))
    #expect(tokenizer.vocabularySize == 262_144)
    #expect(tokenizer.fimPrefix == 67 && tokenizer.fimMiddle == 68 && tokenizer.fimSuffix == 69)
    for example in try Fixture.cases(Self.cases) {
      #expect(tokenizer.encode(example.text) == example.ids, "\(example.text.debugDescription)")
      #expect(
        tokenizer.encode(example.text, parseSpecial: true) == example.idsWithSpecial,
        "\(example.text.debugDescription)")
      #expect(String(decoding: tokenizer.decode(example.ids), as: UTF8.self) == example.decoded)
    }
  }

  @Test(.enabled(if: isHere, "gemma-4-vocab.gguf or its cases are not on this machine"))
  func cutsRunsBeforehandBecauseItsMergesDoTheSame() throws {
    let vocabulary = try Vocabulary(gguf: GGUFFile(path: Self.vocabulary))
    #expect(vocabulary.convention == .transformers && vocabulary.merges?.merges.count == 514_906)
    #expect(vocabulary.cutsRuns)
    var uncut = vocabulary
    uncut.cutsRuns = false
    let (cutting, merging) = (Tokenizer(vocabulary), Tokenizer(uncut))
    let ends = ["", "x", ">", "</", ">  </", "é", "1", "\r"]
    for run in [" ", "\n", "\t", " \n", "  \t"] {
      for count in 1...70 {
        for (left, right) in zip(ends, ends.dropFirst() + ends.prefix(1)) {
          let text = left + String(repeating: run, count: count) + right
          #expect(cutting.encode(text) == merging.encode(text), "\(text.debugDescription)")
        }
      }
    }
  }
}
