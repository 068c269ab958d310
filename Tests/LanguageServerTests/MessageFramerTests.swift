import Testing

@testable import LanguageServer

@Suite(.timeLimit(.minutes(1))) struct MessageFramerTests {
  func feed(_ text: String, pieces: Int = 1_000) -> [MessageFramer.Output] {
    var framer = MessageFramer()
    var outputs: [MessageFramer.Output] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      outputs += framer.feed(bytes[start..<min(start + pieces, bytes.count)])
    }
    return outputs
  }

  @Test(arguments: [1, 2, 3, 7, 1_000]) func readsMessagesInPieces(_ pieces: Int) {
    let text =
      "Content-Length: 2\r\n\r\n{}Content-Type: x\r\ncontent-length:  4\r\n\r\n[12]Content-Length: 1\n\n5"
    #expect(
      feed(text, pieces: pieces) == [
        .message(Array("{}".utf8)), .message(Array("[12]".utf8)), .message(Array("5".utf8)),
      ])
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let header: String
    var testDescription: String { String(header.prefix(40)).debugDescription }
  }
  static let bad = [
    Bad(header: "Content-Length: abc\r\n\r\n"), Bad(header: "Content-Length: -5\r\n\r\n"),
    Bad(header: "Content-Length: 99999999999999999999999\r\n\r\n"), Bad(header: "Content-Length:\r\n\r\n"),
    Bad(header: "Nonsense\r\n\r\n"), Bad(header: "X: y\r\n\r\n"), Bad(header: "{\"jsonrpc\":\"2.0\"}\r\n"),
    Bad(header: String(repeating: "a", count: 10_000) + "\r\n\r\n"),
    Bad(header: String(repeating: "A: b\r\n", count: 100) + "\r\n"),
  ]

  @Test(arguments: bad) func goesOnAfterABadHeader(_ bad: Bad) {
    let outputs = feed(bad.header + "Content-Length: 2\r\n\r\n{}")
    #expect(outputs.last == .message(Array("{}".utf8)))
    #expect(outputs.contains { if case .broken = $0 { true } else { false } })
  }

  @Test func aHugeMessageIsRefusedAndSkippedWithoutBeingHeld() {
    var framer = MessageFramer()
    let size = MessageFramer.maximumContentBytes + 1
    let outputs = framer.feed(Array("Content-Length: \(size)\r\n\r\n".utf8))
    #expect(outputs.count == 1)
    let chunk = [UInt8](repeating: 0x20, count: 1 << 20)
    var left = size
    while left > 0 {
      #expect(framer.feed(chunk.prefix(min(left, chunk.count))).isEmpty)
      left -= min(left, chunk.count)
    }
    #expect(framer.feed(Array("Content-Length: 2\r\n\r\n{}".utf8)) == [.message(Array("{}".utf8))])
  }

  @Test func noBytesWhateverMakeItTrap() {
    var random = SystemRandomNumberGenerator()
    let pieces = ["Content-Length: ", "3", "\r\n", "\n", ":", "{}", "\u{0}", "content-length:9", "é", " "]
    for _ in 0..<500 {
      let text = (0..<20).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      _ = feed(text, pieces: Int.random(in: 1...9, using: &random))
    }
  }
}
