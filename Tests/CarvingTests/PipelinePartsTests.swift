import Context
import Foundation
import Synchronization
import Testing

@testable import Carving

struct PipelinePartsTests {
  struct Stop: Error {}

  @Test(arguments: [1, 2, 7])
  func resultsComeInOrderWhateverTheThreads(threads: Int) throws {
    var taken: [Int] = []
    try OrderedWork(threads: threads).run(500) { index in
      if index % 37 == 0 { usleep(1_000) }
      return index * 2
    } take: { index, result in
      #expect(result == index * 2)
      taken.append(index)
    }
    #expect(taken == Array(0..<500))
  }

  @Test func anErrorStopsEverythingAndIsThrown() {
    let begun = Mutex(0)
    var taken = 0
    #expect(throws: Stop.self) {
      try OrderedWork(threads: 3).run(100_000) { index in
        begun.withLock { $0 += 1 }
        if index == 50 { throw Stop() }
        return index
      } take: { _, _ in
        taken += 1
      }
    }
    #expect(taken <= 50)
    #expect(begun.withLock { $0 } < 1_000)
    #expect(throws: Stop.self) {
      try OrderedWork(threads: 3).run(100) {
        $0
      } take: { index, _ in
        if index == 20 { throw Stop() }
      }
    }
  }

  @Test func nothingToDoIsDone() throws {
    try OrderedWork(threads: 2).run(0) {
      $0
    } take: { _, _ in
      Issue.record("there is nothing")
    }
  }

  @Test func linesReadBackAsTheExampleWhateverIsInIt() throws {
    var generator = SeededGenerator(seed: 5)
    let letters = [
      "a", "\"", "\\", "\n", "\r", "\t", "\u{0}", "\u{1F}", "é", "😀", "\u{2028}", "/", "{", "\u{7F}",
    ]
    func text() -> String {
      (0..<generator.below(30)).map { _ in letters[generator.below(letters.count)] }.joined()
    }
    for number in 0..<300 {
      let (prefix, middle) = (text(), text())
      let start = prefix.utf8.count
      var example = FIMExample(
        path: text(), language: "python", kind: .node, nodePath: text(), windowStart: 0, middleStart: start,
        middleEnd: start + middle.utf8.count, prefix: prefix, middle: middle, suffix: text())
      if number % 2 == 0 {
        example.modifiers = [.midToken, .danglingSuffix]
        example.contentHash = "ab"
        example.difficulty = Double(number) / 7
        example.unit = start..<(start + 100)
        example.context = [ContextSnippet(path: text(), source: .definition, firstLine: 3, text: text())]
      }
      let line = ExampleLine.json(example)
      #expect(line.count { $0 == 0x0A } == 1)
      #expect(try JSONDecoder().decode(FIMExample.self, from: Data(line)) == example)
    }
  }

  @Test func leaksAreFoundWhereverTheyStand() {
    var generator = SeededGenerator(seed: 9)
    func text(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(97 + generator.below(3)) } }
    for _ in 0..<200 {
      let file = text(400)
      var texts = (0..<20).map { _ in text(20 + generator.below(20)) }
      for _ in 0..<5 {
        let start = generator.below(360)
        texts.append(Array(file[start..<(start + 20 + generator.below(20))]))
      }
      texts.append(text(5))
      let expected = texts.indices.filter { index in
        let needle = texts[index]
        return needle.count >= LeakFinder.leastBytes
          && (0...(file.count - needle.count)).contains { Array(file[$0..<($0 + needle.count)]) == needle }
      }
      #expect(LeakFinder(texts).texts(in: file) == Set(expected))
    }
  }
}
