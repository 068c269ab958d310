import Testing

@testable import LanguageServer

@Suite(.timeLimit(.minutes(1))) struct DocumentTests {
  func document(_ text: String) -> Document {
    Document(uri: "file:///a", language: "python", version: 1, text: Array(text.utf8))
  }

  struct Place: Sendable {
    let encoding: PositionEncoding
    let column: Int
    let offset: Int?
  }

  @Test(arguments: [
    Place(encoding: .utf16, column: 1, offset: 1), Place(encoding: .utf16, column: 3, offset: 5),
    Place(encoding: .utf16, column: 2, offset: 1), Place(encoding: .utf16, column: 4, offset: 7),
    Place(encoding: .utf16, column: 5, offset: 8), Place(encoding: .utf16, column: 6, offset: nil),
    Place(encoding: .utf32, column: 2, offset: 5), Place(encoding: .utf32, column: 4, offset: 8),
    Place(encoding: .utf8, column: 5, offset: 5), Place(encoding: .utf8, column: 3, offset: 1),
    Place(encoding: .utf8, column: 8, offset: 8), Place(encoding: .utf8, column: 9, offset: nil),
  ]) func columnsCountInTheAgreedUnits(_ place: Place) {
    let offset = document("a😀éb\nnext").offset(
      of: Position(line: 0, column: place.column), encoding: place.encoding)
    #expect(offset == place.offset)
  }

  @Test func placesAndOffsetsAgree() {
    let document = document("one\r\ntwo😀\rthré\n\nlast")
    for encoding in [PositionEncoding.utf8, .utf16, .utf32] {
      for offset in 0...document.text.count {
        let isInside = offset < document.text.count && document.text[offset] & 0xC0 == 0x80
        let isBreak =
          offset > 0 && document.text[offset - 1] == 0x0D && offset < document.text.count
          && document.text[offset] == 0x0A
        guard !isInside, !isBreak else { continue }
        let position = document.position(of: offset, encoding: encoding)
        #expect(document.offset(of: position, encoding: encoding) == offset, "\(offset) \(encoding)")
      }
    }
  }

  @Test func placesOutsideAreRefused() {
    let document = document("one\ntwo\n")
    for (line, column) in [(3, 0), (9, 0), (0, 4), (2, 1), (-1, 0), (0, -1), (Int.max, Int.max)] {
      #expect(document.offset(of: Position(line: line, column: column), encoding: .utf16) == nil)
    }
    #expect(document.offset(of: Position(line: 2, column: 0), encoding: .utf16) == 8)
  }

  @Test func changesBehindTheEndGoToTheEnd() {
    var document = document("one\n")
    let place = Position(line: 7, column: 3)
    document.apply(
      [DocumentChange(range: (place, place), text: Array("x".utf8))], version: 2, encoding: .utf16)
    #expect(document.text == Array("one\nx".utf8))
    #expect(document.isInStep)
  }

  @Test func aReversedRangePutsTheDocumentOutOfStepUntilTheWholeTextComes() {
    var document = document("one\ntwo\n")
    let (early, late) = (Position(line: 0, column: 0), Position(line: 1, column: 1))
    document.apply([DocumentChange(range: (late, early), text: [])], version: 2, encoding: .utf16)
    #expect(!document.isInStep)
    document.apply([DocumentChange(range: (early, early), text: [65])], version: 3, encoding: .utf16)
    #expect(!document.isInStep && document.text.isEmpty)
    document.apply([DocumentChange(range: nil, text: Array("new".utf8))], version: 4, encoding: .utf16)
    #expect(document.isInStep && document.text == Array("new".utf8))
  }

  @Test func randomEditsKeepTheLines() {
    var random = SystemRandomNumberGenerator()
    let pieces = ["\n", "\r\n", "\r", "a", "é", "😀", "bc", ""]
    var document = document("start\nhere\r\n")
    for _ in 0..<3_000 {
      let ends = (0..<2).map { _ in Int.random(in: 0...document.text.count, using: &random) }.sorted()
      let start = document.position(of: ends[0], encoding: .utf16)
      let end = document.position(of: ends[1], encoding: .utf16)
      let text = (0..<3).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      let cut = document.text.count > 200
      document.apply(
        [DocumentChange(range: (start, end), text: cut ? [] : Array(text.utf8))], version: 2, encoding: .utf16
      )
      let fresh = Document(uri: "", language: "", version: 1, text: document.text)
      #expect(fresh.lineStarts == document.lineStarts)
      if fresh.lineStarts != document.lineStarts { break }
    }
  }

  @Test func aHugeDocumentIsNotHeld() {
    let document = Document(
      uri: "", language: "", version: 1, text: [UInt8](repeating: 65, count: Document.maximumBytes + 1))
    #expect(!document.isInStep && document.text.isEmpty)
  }
}
