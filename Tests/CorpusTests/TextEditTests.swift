import Testing

@testable import Corpus

struct TextEditTests {
  private func edits(_ old: String, _ new: String) -> [(kind: TextEdit.Kind, text: String, others: [String])]
  {
    let bytes = Array(new.utf8)
    return TextEdit.between(old: Array(old.utf8), new: bytes).map { edit in
      (
        edit.kind, String(decoding: bytes[edit.range], as: UTF8.self),
        edit.alternatives.map { String(decoding: bytes[$0], as: UTF8.self) }
      )
    }
  }

  @Test func insertedLinesAreWholeLines() {
    let found = edits("a\nb\nc\n", "a\nb\nnew\nlines\nc\n")
    #expect(found.map(\.text) == ["new\nlines\n"])
    #expect(found.first?.kind == .lines)
    #expect(found.first?.others == [])
  }

  @Test func editsWithinALineAreWhatDiffers() {
    let found = edits("x\ncall(a, b)\ny\n", "x\ncall(a, new, b)\ny\n")
    #expect(found.map(\.kind) == [.inLine])
    #expect(found.map(\.text) == ["new, "])
    #expect(found.first?.others.contains(" new,") == true)
    #expect(edits("value = old\n", "value = new\n").map(\.text) == ["new"])
    #expect(edits("old_name(1)\n", "older_name(1)\n").map(\.text) == ["er"])
  }

  @Test func removalsAndLongReplacementsAreLeftOut() {
    #expect(edits("a\nb\n", "a\n").isEmpty)
    #expect(edits("call(a, b)\n", "call(a)\n").isEmpty)
    #expect(edits("a\nb\nc\nd\n", "a\nx\ny\nd\n").isEmpty)
  }

  @Test func whatTheComparisonLeavesOpenIsListed() {
    let old = "def a():\n    pass\n\ndef c():\n    pass\n"
    let new = "def a():\n    pass\n\ndef b():\n    pass\n\ndef c():\n    pass\n"
    let found = edits(old, new)
    #expect(found.count == 1)
    let all = found.flatMap { [$0.text] + $0.others }
    #expect(all.contains("def b():\n    pass\n\n"))
    for text in all { #expect(new.utf8.count - text.utf8.count == old.utf8.count) }
  }

  @Test func charactersAreNotCut() {
    #expect(edits("x = \"größe\"\n", "x = \"gräße\"\n").map(\.text) == ["ä"])
    #expect(edits("\u{1F600}\n", "\u{1F601}\n").map(\.text) == ["\u{1F601}"])
  }
}
