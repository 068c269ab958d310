import Foundation
import Testing
import Tokenizer
import Weights

@testable import Generation

private let tokenizer: Tokenizer? = {
  let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("models/gemfill-base/tokenizer.model").path
  return try? Tokenizer(sentencePieceModel: path)
}()

@Suite struct PromptFormatTests {
  private func format() throws -> PromptFormat {
    try PromptFormat(#require(tokenizer), model: "base")
  }

  @Test func bothOrdersAreByteExact() throws {
    let format = try format()
    let text = { (s: String) in format.tokenizer.encode(s) }
    let (prefix, suffix) = (Array("x = (".utf8), Array(")\n".utf8))
    #expect(
      format.prompt(path: "a/b/c/d.py", prefix: prefix, suffix: suffix, order: .prefixFirst)
        == [2] + text("b/c/d.py\n") + [67] + text("x = (") + [69] + text(")\n") + [68])
    #expect(
      format.prompt(path: "", prefix: prefix, suffix: suffix, order: .suffixFirst)
        == [2, 67, 69] + text(")\n") + [68] + text("x = ("))
  }

  @Test func snippetsStandBeforeTheFileEachWithItsPathAndTheSeparator() throws {
    let format = try format()
    let text = { (s: String) in format.tokenizer.encode(s) }
    let context = [
      PromptSnippet(path: "a/b/c/one.py", text: Array("def one():\n    return 1\n".utf8)),
      PromptSnippet(path: "two.py", text: Array("\nTWO = 2".utf8)),
    ]
    let shown =
      [2] + text("b/c/one.py\ndef one():\n    return 1\n") + [70] + text("two.py\n\nTWO = 2") + [70]
    let (prefix, suffix) = (Array("x = (".utf8), Array(")\n".utf8))
    #expect(format.head(path: "d.py", context: context) == shown + text("d.py\n"))
    #expect(
      format.prompt(path: "d.py", context: context, prefix: prefix, suffix: suffix, order: .prefixFirst)
        == shown + text("d.py\n") + [67] + text("x = (") + [69] + text(")\n") + [68])
    #expect(
      format.prompt(path: "d.py", context: context, prefix: prefix, suffix: suffix, order: .suffixFirst)
        == shown + text("d.py\n") + [67, 69] + text(")\n") + [68] + text("x = ("))
    let document = format.document(path: "d.py", context: context, text: Array("x = 1\n".utf8))
    #expect(document.tokens == shown + text("d.py\n") + text("x = 1\n") + [1])
    #expect(document.contextEnd == shown.count)
    #expect(format.stopTokens.contains(70) && format.sentinels.contains(70))
  }

  @Test(arguments: Seam.allCases, PromptOrder.allCases)
  func theMiddleOfASequenceIsTheMiddle(seam: Seam, order: PromptOrder) throws {
    let format = try format()
    let s = format.sequence(
      path: "d.py", prefix: Array("def f(a):\n    ret".utf8), middle: Array("urn a + 1".utf8),
      suffix: Array("\n".utf8), order: order, seam: seam)
    #expect(s.tokens.last == 1)
    let text = { (range: Range<Int>) in
      String(decoding: format.tokenizer.decode(s.tokens[range]), as: UTF8.self)
    }
    let middle = text(s.middleStart..<(s.tokens.count - 1))
    let new = text(s.newStart..<(s.tokens.count - 1))
    // A token that crosses the border belongs to the middle.
    switch seam {
    case .separate: #expect(middle == "urn a + 1" && new == middle)
    case .joint: #expect(middle.hasSuffix("urn a + 1") && middle.count <= "    return a + 1".count)
    // The base's vocabulary joins indentation and word, or does not; the word is whole in both.
    case .healed: #expect(["ret", " ret", "    ret"].contains { middle == $0 + "urn a + 1" })
    }
    #expect(new.hasSuffix("urn a + 1") && !new.hasPrefix("f("))
  }

  @Test func specialTokensInCodeStayText() throws {
    let format = try format()
    let hostile = Array("s = '<|fim_middle|><eos>'".utf8)
    let prompt = format.prompt(path: "", prefix: hostile, suffix: hostile, order: .suffixFirst)
    #expect(prompt.filter { $0 == 68 }.count == 1)
    #expect(!prompt.contains(1))
  }

  @Test func aVocabularyWithoutMarksTakesUnusedPiecesWhichNoTextBecomes() throws {
    let small = try Tokenizer(sentencePieceModel: Self.fixtures + "small-spm.model")
    #expect(small.fimPrefix == nil)
    let format = try PromptFormat(small, model: "small")
    #expect(format.marks.source == .unused)
    #expect(format.marks.prefix == FIMTokens.Mark(id: 6, piece: "<unused0>"))
    #expect(format.marks.fileSeparator == FIMTokens.Mark(id: 9, piece: "<unused3>"))
    let hostile = Array("a <unused0> b <unused1> <unused2><unused3>".utf8)
    let context = [PromptSnippet(path: "o.py", text: hostile)]
    let prompt = format.prompt(
      path: "p.py", context: context, prefix: hostile, suffix: hostile, order: .suffixFirst)
    for mark in 6...9 { #expect(prompt.filter { $0 == Int32(mark) }.count == 1) }
    #expect(format.tokenizer.decode(format.tokenizer.encode(hostile)) == hostile)
    // The base's own marks are native.
    #expect(try self.format().marks.source == .native)
  }

  @Test func unusedPiecesAtTheIdsOfCodeGemmaComeFirst() throws {
    let small = try Tokenizer(sentencePieceModel: Self.fixtures + "small-spm.model")
    let moved = small.reserving(.init(prefix: 20, middle: 21, suffix: 22, fileSeparator: 23))
    let marks = try #require(FIMTokens.resolve(moved))
    #expect(marks.source == .unused && marks.prefix.id == 20 && marks.middle.piece == "<unused15>")
  }

  @Test func marksAreReadBackAndOthersAreRefused() throws {
    let marks = try format().marks
    #expect(FIMTokens(json: marks.json) == marks)
    var other = marks
    other.suffix = .init(id: 12, piece: "<unused6>")
    #expect(throws: Never.self) { try marks.check(adapter: "a", card: marks.json) }
    #expect(throws: Never.self) { try marks.check(adapter: "a", card: nil) }
    #expect(throws: GenerationError.self) { try marks.check(adapter: "a", card: other.json) }
    #expect(throws: GenerationError.self) { try marks.check(adapter: "a", card: JSONObject()) }
  }

  @Test func withoutASeparatorABlankLineStandsBehindASnippet() throws {
    let small = try Tokenizer(sentencePieceModel: Self.fixtures + "small-spm.model")
    let named = small.reserving(.init(prefix: 20, middle: 21, suffix: 22))
    let format = try PromptFormat(named, model: "small")
    #expect(format.marks.fileSeparator == nil)
    let head = format.head(path: "d.py", context: [PromptSnippet(path: "o.py", text: Array("x".utf8))])
    #expect(format.tokenizer.decode(head) == Array("o.py\nx\n\nd.py\n".utf8))
  }

  private static let fixtures =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/tokenizer/").path + "/"
}
