import Testing

@testable import Context

struct StickyChoiceTests {
  /// Twelve lines; the chunks are 0..<4, 4..<8 and 8..<12.
  static let text = Array((0..<12).map { "line \($0)\n" }.joined().utf8)
  static let chunks = [0..<4, 4..<8, 8..<12]

  private func choice(text: [UInt8] = text, cursor: Int, known: [UInt8] = text) -> StickyChoice {
    StickyChoice(
      [], budgetBytes: 100, isComplete: true, text: text, cursor: cursor, known: known, chunks: Self.chunks)
  }

  private func offset(line: Int, in text: [UInt8] = text) -> Int {
    text.indices.filter { $0 == 0 || text[$0 - 1] == 0x0A }[line]
  }

  @Test func holdsInsideTheChunkOnly() {
    let choice = choice(cursor: offset(line: 5))
    for line in 0..<12 {
      let holds = choice.holds(text: Self.text, cursor: offset(line: line), budgetBytes: 100)
      #expect(holds == (4..<8).contains(line), "line \(line)")
    }
  }

  @Test func typingLinesIntoTheChunkKeepsIt() {
    let choice = choice(cursor: offset(line: 5))
    var text = Self.text
    var cursor = offset(line: 5)
    for _ in 0..<40 {
      let typed = Array("x = 1\n".utf8)
      text.insert(contentsOf: typed, at: cursor)
      cursor += typed.count
      #expect(choice.holds(text: text, cursor: cursor, budgetBytes: 100))
    }
    #expect(!choice.holds(text: text, cursor: text.count - 20, budgetBytes: 100))
    #expect(!choice.holds(text: text, cursor: 0, budgetBytes: 100))
  }

  @Test func anotherBudgetIsAnotherChoice() {
    #expect(
      !choice(cursor: offset(line: 5)).holds(text: Self.text, cursor: offset(line: 5), budgetBytes: 101))
  }

  @Test(arguments: [2, 6, 10])
  func chunksOfAnEarlierTextAreFoundAgain(editedLine: Int) {
    var text = Self.text
    text.insert(contentsOf: Array("new\nnew\n".utf8), at: offset(line: editedLine))
    // The cursor stands in what was line 5; two lines were added before, in or behind its chunk.
    let line = editedLine <= 5 ? 7 : 5
    let choice = choice(text: text, cursor: offset(line: line, in: text))
    let added = editedLine < 4 ? 6..<10 : editedLine < 8 ? 4..<10 : 4..<8
    for line in 0..<14 {
      let holds = choice.holds(text: text, cursor: offset(line: line, in: text), budgetBytes: 100)
      #expect(holds == added.contains(line), "line \(line)")
    }
  }

  @Test func theSamePiecesKeepTheirOrder() {
    let one = ContextSnippet(path: "a", source: .similar, firstLine: 1, text: "a\n")
    let two = ContextSnippet(path: "b", source: .similar, firstLine: 1, text: "b\n")
    let last = StickyChoice(
      [one, two], budgetBytes: 1, isComplete: true, text: [], cursor: 0, known: [], chunks: [])
    #expect(last.ordered([two, one]) == [one, two])
    #expect(last.ordered([two]) == [two])
  }
}
