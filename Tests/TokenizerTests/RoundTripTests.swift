import Foundation
import Testing
import Weights

@testable import Tokenizer

@Suite("Round trip")
struct RoundTripTests {
  /// Source code of this repository.
  private static func sources() throws -> [UInt8] {
    var bytes: [UInt8] = []
    for folder in ["Sources", "Tests", "scripts", "docs"] {
      let root = Fixture.repository + "/" + folder
      let paths = try #require(FileManager.default.enumerator(atPath: root)).compactMap { $0 as? String }
      for path in paths.sorted() where !path.hasPrefix("Fixtures") {
        guard [".swift", ".c", ".inc", ".py", ".md"].contains(where: path.hasSuffix) else { continue }
        bytes += try [UInt8](Data(contentsOf: URL(fileURLWithPath: root + "/" + path)))
      }
    }
    return bytes
  }

  /// Code-like text of many scripts with broken bytes in between.
  private static func synthetic(_ count: Int) -> [UInt8] {
    var generator = Generator(state: 101)
    let words = [
      "func", "return", "self", "import", "if", "else", "for", "let", "value", "parser", "->", "=>", "==",
      "!=", "(", ")",
      "{", "}", "[", "]", ";", ":", ",", ".", "\"text\"", "// ", "/* */", "#include", "0xFF", "3.14", "<T>",
      "<bos>", "\\n", "é",
      "Übergröße", "переменная", "変数", "값", "مرحبا", "עברית", "🎉", "👩‍👩‍👧", "e\u{301}", "\u{200B}", "\u{FEFF}",
    ]
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 1_000)
    while bytes.count < count {
      bytes += repeatElement(generator.next() % 5 == 0 ? 0x09 : 0x20, count: Int(generator.next() % 40))
      for _ in 0..<(generator.next() % 12) {
        bytes += Array((words.randomElement(using: &generator) ?? "").utf8)
        if generator.next() % 3 != 0 { bytes.append(0x20) }
        if generator.next() % 50 == 0 { bytes.append(UInt8(truncatingIfNeeded: generator.next())) }
        if generator.next() % 90 == 0 {
          let letter = UInt8(0x61 + generator.next() % 26)
          bytes += repeatElement(letter, count: Int(generator.next() % 300))
        }
      }
      let breaks = 1 + Int(generator.next() % 4)
      bytes += generator.next() % 9 == 0 ? [0x0D, 0x0A] : [UInt8](repeating: 0x0A, count: breaks)
    }
    return bytes
  }

  @Test func tenMegabytesOfCodeComeBack() throws {
    var text = try Self.sources()
    #expect(text.count > 500_000)
    text += Self.synthetic(10_000_000 - text.count)
    // The one sign that does not come back.
    text.replace(Vocabulary.spaceMark, with: [0x20])
    for tokenizer in [
      try Fixture.small(), try Tokenizer(tokenizerJSON: Fixture.folder + "/small-tokenizer.json"),
    ] {
      let tokens = tokenizer.encode(text)
      #expect(tokenizer.decode(tokens) == text)
      #expect(tokens.count < text.count / 2)
    }
  }
}
