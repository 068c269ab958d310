import Foundation
import Testing

@testable import Syntax

/// Text that nobody wrote: what matters is that every question is answered, on a small stack, in time. One after another,
/// since each blocks a thread of those that all tests share.
@Suite(.serialized) struct HostileSourceTests {
  /// Asks everything that carving and completion ask.
  private static func examine(_ source: [UInt8], _ language: Language, timeoutMs: Int) {
    if let tree = language.parse(source, timeoutMs: timeoutMs) {
      _ = tree.errorCount()
      // Where the library lost count of children, the tree would end too early.
      if source.count >= 1 << 15, tree.root.hasError {
        #expect(tree.root.byteRange.upperBound == source.count)
      }
      let deepest = tree.nodes.max { $0.byteRange.lowerBound < $1.byteRange.lowerBound } ?? tree.root
      _ = (deepest.path, deepest.children.count, tree.root.namedChildren.count)
      let lines = LineIndex(source)
      _ = Outline(tree: tree, source: source, lines: lines, maximumLines: 60).pieces()
    }
    let rules = CompletionSyntax(language: language)
    _ = rules.nodeIsComplete(prefix: source, generated: Array("a)\n".utf8), suffix: source)
  }

  /// Runs `body` on a thread with a stack of 512 KB, as the workers of the standard library have on some systems.
  private static func onSmallStack(_ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      body()
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
  }

  @Test(.timeLimit(.minutes(2)), arguments: Grammars.all)
  func aHundredThousandBracketsOverflowNothing(name: String) throws {
    let language = try Grammars.language(name)
    Self.onSmallStack {
      for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("<a>", "</a>")] {
        let opened = Array(String(repeating: open, count: 100_000).utf8)
        Self.examine(opened, language, timeoutMs: 80)
        Self.examine(
          opened + Array(String(repeating: close, count: 100_000).utf8), language, timeoutMs: 80)
      }
    }
  }

  @Test(.timeLimit(.minutes(2)), arguments: Grammars.all)
  func oneLineOfAMegabyteIsRead(name: String) throws {
    let language = try Grammars.language(name)
    for piece in ["a", " ", "1, ", "a + ", "\"\\\\", "x\r"] {
      let line = Array(String(repeating: piece, count: (1 << 20) / piece.utf8.count).utf8)
      Self.examine(line, language, timeoutMs: 80)
    }
  }

  @Test(arguments: Grammars.all)
  func truncatedAndMutatedFilesAreRead(name: String) throws {
    let language = try Grammars.language(name)
    let sample = try Grammars.sample(name)
    var random = Noise(state: 7)
    for cut in stride(from: 1, to: sample.count, by: 211) {
      Self.examine(Array(sample[..<cut]), language, timeoutMs: 80)
      Self.examine(Array(sample[cut...]), language, timeoutMs: 80)
      var changed = sample
      for _ in 0..<12 { changed[random.next(below: changed.count)] = UInt8(random.next(below: 256)) }
      Self.examine(changed, language, timeoutMs: 80)
    }
  }

  @Test(arguments: Grammars.all)
  func randomBytesAreRead(name: String) throws {
    let language = try Grammars.language(name)
    var random = Noise(state: 11)
    for size in [0, 1, 2, 3, 50, 400, 3_000] {
      Self.examine((0..<size).map { _ in UInt8(random.next(below: 256)) }, language, timeoutMs: 80)
    }
  }

  @Test func theParserGivesUpInTime() throws {
    let language = try Grammars.language("cpp")
    let source = Array(
      String(repeating: "template <class T> T f(T a) { return a < b > (c); }\n", count: 100_000).utf8)
    let clock = ContinuousClock()
    let taken = clock.measure { #expect(language.parse(source, timeoutMs: 20) == nil) }
    #expect(taken < .seconds(10))
  }
}

/// Numbers that are the same in every run.
private struct Noise {
  var state: UInt64

  mutating func next(below limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(limit))
  }
}
