import Testing

@testable import Completion

@Suite struct ContextWindowTests {
  static let file = Array((0..<300).map { "    value_\($0) = compute(\($0), other)\n" }.joined().utf8)

  @Test func startStaysWhileTyping() {
    let cursor = Self.file.count / 2
    let first = ContextWindow(text: Self.file, cursor: cursor)
    var moves = 0
    var last = first
    for typed in 1...400 {
      var text = Self.file
      text.insert(contentsOf: Array(repeating: UInt8(ascii: "x"), count: typed), at: cursor)
      let window = ContextWindow(text: text, cursor: cursor + typed)
      if window.prefix.lowerBound != last.prefix.lowerBound { moves += 1 }
      #expect(window.suffix.count == first.suffix.count)
      last = window
    }
    #expect(moves <= 2)
  }

  @Test func windowsBeginAndEndAtLineBorders() {
    for cursor in stride(from: 0, through: Self.file.count, by: 37) {
      let window = ContextWindow(text: Self.file, cursor: cursor)
      let start = window.prefix.lowerBound
      let end = window.suffix.upperBound
      #expect(start == 0 || Self.file[start - 1] == UInt8(ascii: "\n"))
      #expect(end == Self.file.count || Self.file[end - 1] == UInt8(ascii: "\n"))
      #expect(window.prefix.count <= 1_700 && window.suffix.count <= 560)
      #expect(cursor < 1_700 || window.prefix.count > 500)
    }
  }

  @Test func aSmallFileIsSeenWhole() {
    let place = marked("def a():\n    ‸\n")
    let window = ContextWindow(text: place.text, cursor: place.cursor)
    #expect(window.prefix == 0..<place.cursor)
    #expect(window.suffix == place.cursor..<place.text.count)
  }

  @Test func oneEndlessLineIsCutBetweenCharacters() {
    let text = Array(String(repeating: "é", count: 5_000).utf8)
    let window = ContextWindow(text: text, cursor: 6_000)
    #expect(String(validating: text[window.prefix], as: UTF8.self) != nil)
    #expect(String(validating: text[window.suffix], as: UTF8.self) != nil)
    #expect(!window.prefix.isEmpty && !window.suffix.isEmpty)
  }

  @Test func denseTextGetsASmallerWindow() {
    let text = Array(String(repeating: "8,9,3,1,5,\n", count: 1_000).utf8)
    let window = ContextWindow(text: text, cursor: 5_500)
    let digits = text[window.prefix].count { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    #expect(digits < 690)
    #expect(window.prefix.count > 300)
  }

  @Test func continuationBytesOnlyDoNotTrap() {
    let text = [UInt8](repeating: 0x80, count: 9_000)
    for cursor in [0, 1, 4_500, 9_000] {
      let window = ContextWindow(text: text, cursor: cursor)
      #expect(window.prefix.upperBound == cursor)
    }
  }

  /// Types `count` letters at half of the file, or wherever `edit` leads, and returns the starts of the windows.
  func starts(typing count: Int, edit: (inout [UInt8], inout Int) -> Void) -> [Int] {
    var memory = WindowMemory()
    var text = Self.file
    var cursor = text.count / 2
    return (0...count).map { _ in
      let window = memory.window(document: "d", text: text, cursor: cursor, limits: .init()).window
      edit(&text, &cursor)
      return window.prefix.lowerBound
    }
  }

  @Test func aKeptWindowStaysForHundredsOfKeys() {
    let found = starts(typing: 450) { text, cursor in
      text.insert(UInt8(ascii: "x"), at: cursor)
      cursor += 1
    }
    #expect(Set(found).count == 1)
  }

  @Test func aKeptWindowStaysWhenLettersAreDeleted() {
    let found = starts(typing: 40) { text, cursor in
      cursor -= 1
      text.remove(at: cursor)
    }
    #expect(Set(found).count == 1)
  }

  @Test func aKeptWindowMovesWithLinesThatAreAddedAboveIt() {
    let line = Array("import something_else\n".utf8)
    let found = starts(typing: 20) { text, cursor in
      text.insert(contentsOf: line, at: 0)
      cursor += line.count
    }
    #expect(zip(found, found.dropFirst()).allSatisfy { $1 - $0 == line.count })
  }

  @Test func aKeptWindowNeverGrowsWithoutEnd() {
    var memory = WindowMemory()
    var text = Self.file
    var cursor = text.count / 2
    for _ in 0..<1_500 {
      text.insert(UInt8(ascii: "x"), at: cursor)
      cursor += 1
      let window = memory.window(document: "d", text: text, cursor: cursor, limits: .init()).window
      #expect(window.prefix.count <= 2_200 && window.prefix.upperBound == cursor)
    }
  }

  @Test func anotherPlaceGetsItsOwnWindow() {
    var memory = WindowMemory()
    for cursor in [5_000, 9_000, 200, 7_000, 7_040] {
      let window = memory.window(document: "d", text: Self.file, cursor: cursor, limits: .init()).window
      #expect(window == ContextWindow(text: Self.file, cursor: cursor))
    }
  }
}
