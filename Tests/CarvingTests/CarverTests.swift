import Corpus
import Foundation
import Syntax
import Testing

@testable import Carving

struct CarverTests {
  @Test func examplesAreByteExactSlicesOfTheirFiles() throws {
    let files =
      Corpora.python(files: 6) + Corpora.samples.map { Corpora.file("s.\($0.key)", $0.key, $0.value) }
    let byPath = Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.bytes) })
    let examples = Corpora.carve(files, CarveOptions(settings: Corpora.many, seed: 3))
    #expect(examples.count > 100)
    for example in examples {
      let bytes = try #require(byPath[example.path])
      let window = Array((example.prefix + example.middle + example.suffix).utf8)
      #expect(Array(bytes[example.windowStart..<(example.windowStart + window.count)]) == window)
      #expect(Array(bytes[example.middleStart..<example.middleEnd]) == Array(example.middle.utf8))
      #expect(example.windowStart + example.prefix.utf8.count == example.middleStart)
      #expect(window.count <= 2_400)
      #expect(example.fault == nil)
    }
  }

  @Test func windowsBeginAndEndAtLineBorders() {
    let files = Corpora.python(files: 4)
    for example in Corpora.carve(files, CarveOptions(seed: 9)) where example.kind != .plain {
      let bytes = files.first { $0.path == example.path }?.bytes ?? []
      #expect(example.windowStart == 0 || bytes[example.windowStart - 1] == 0x0A)
      let end = example.middleEnd + example.suffix.utf8.count
      #expect(end == bytes.count || bytes[end - 1] == 0x0A)
    }
  }

  @Test func classesHaveTheirShares() {
    let examples = Corpora.carve(Corpora.python(files: 150), CarveOptions(seed: 11))
    let counts = CarveStatistics(examples)
    #expect(examples.count > 1_000)
    for (kind, share) in CarvingSettings.measured.shares {
      let found = Double(counts.byKind[kind] ?? 0) / Double(counts.exampleCount)
      #expect(abs(found - share) < 0.035, "\(kind.rawValue): \(found) instead of \(share)")
    }
  }

  @Test func mostMiddlesAreShortAndSomeAreLong() {
    let counts = CarveStatistics(Corpora.carve(Corpora.python(files: 150), CarveOptions(seed: 2)))
    let total = Double(counts.byLines.values.reduce(0, +))
    let share = { (group: CarveStatistics.LineGroup) in Double(counts.byLines[group] ?? 0) / total }
    #expect((0.4...0.75).contains(share(.one)))
    #expect((0.15...0.4).contains(share(.few)))
    #expect((0.04...0.25).contains(share(.several)))
  }

  @Test func prefixesAreAboutThreeTimesTheSuffixes() {
    let counts = CarveStatistics(Corpora.carve(Corpora.python(files: 150), CarveOptions(seed: 2)))
    #expect((2.0...5.0).contains(Double(counts.prefixBytes) / Double(counts.suffixBytes)))
  }

  @Test func sameSeedSameExamplesAtAnyNumberOfThreads() {
    let files = Corpora.python(files: 12)
    let one = Corpora.carve(files, CarveOptions(seed: 4, threads: 1))
    let many = Corpora.carve(files, CarveOptions(seed: 4, threads: 5))
    #expect(one == many)
    #expect(!one.isEmpty)
  }

  @Test func anotherSeedOrEpochGivesOtherExamples() {
    let files = Corpora.python(files: 4)
    let first = Corpora.carve(files, CarveOptions(seed: 4))
    #expect(first != Corpora.carve(files, CarveOptions(seed: 5)))
    #expect(first != Corpora.carve(files, CarveOptions(seed: 4), epoch: 1))
  }

  @Test func oneFilesExamplesDoNotDependOnTheOthers() {
    let files = Corpora.python(files: 5)
    let all = Corpora.carve(files, CarveOptions(seed: 4)).filter { $0.path == files[3].path }
    #expect(all == Corpora.carve([files[3]], CarveOptions(seed: 4)))
  }

  @Test func theLimitHoldsAndTakesFromAllFiles() {
    let files = Corpora.python(files: 20)
    let examples = Corpora.carve(files, CarveOptions(seed: 4, limit: 40))
    #expect(examples.count == 40)
    #expect(Set(examples.map(\.path)).count > 10)
  }

  @Test func aFileGivesNoMoreThanItsCap() {
    var few = CarvingSettings.measured
    few.examplesPerFile = 5
    let examples = Corpora.carve(Corpora.python(files: 1), CarveOptions(settings: few, seed: 4))
    #expect(examples.count <= 5)
  }

  @Test func licenceHeadersAreNeverInAMiddle() {
    let files = Corpora.python(files: 20)
    for kind in [FIMExample.Kind.characterSpan, .lineTail, .node, .siblingRun, .blockTail, .plain] {
      for example in Corpora.carve(files, Corpora.only(kind)) {
        #expect(!example.middle.contains("Copyright"), "\(kind)")
      }
    }
  }

  @Test func middlesThatAreOnlyACommentAreNotCarved() {
    let text = (0..<40).map { "# remark number \($0) about things\nvalue_\($0) = compute(\($0))\n" }.joined()
    for kind in [FIMExample.Kind.lineTail, .node, .siblingRun, .blockTail] {
      let examples = Corpora.carve(
        [Corpora.file("c.py", "python", "import os\n\n" + text)], Corpora.only(kind))
      for example in examples {
        let lines = example.middle.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(!lines.allSatisfy { $0.hasPrefix("#") }, "\(kind): \(example.middle)")
      }
    }
  }

  @Test func codeThatDoesNotParseIsNotAMiddle() {
    let good = "def f(a):\n    return call(a, 1)\n\n"
    let text = good + "def g(a:\n    x = = 3 )\n\n" + good + good
    for kind in [FIMExample.Kind.node, .siblingRun] {
      for example in Corpora.carve([Corpora.file("e.py", "python", text)], Corpora.only(kind)) {
        #expect(!example.middle.contains("= ="), "\(example.middle)")
      }
    }
  }

  @Test func emptyAndOddFilesAreNoTrap() {
    let files = [
      Corpora.file("a.py", "python", ""), Corpora.file("b.py", "python", "\n\n\n"),
      Corpora.file("c.py", "python", "x"), Corpora.file("d.py", "python", "ä = \"ö\u{1F600}\" # ü"),
      Corpora.file("e.txt", "text", String(repeating: "\t", count: 500) + "x"),
      Corpora.file("f.js", "javascript", String(repeating: "a(b, c); ", count: 500)),
      Corpora.file("g.c", "c", String(repeating: "{ ", count: 3_000)),
    ]
    for kind in FIMExample.Kind.allCases where kind != .history {
      for example in Corpora.carve(files, Corpora.only(kind)) { #expect(example.fault == nil) }
    }
  }

  @Test func partsOfWordsAreTyped() {
    let files = Corpora.python(files: 40)
    func carve(midToken: Double) -> [FIMExample] {
      var options = Corpora.only(.node, seed: 1)
      options.settings.modifiers.midToken = midToken
      return Corpora.carve(files, options)
    }
    let always = carve(midToken: 1)
    let never = carve(midToken: 0)
    let splitsWord = { (example: FIMExample) in
      (example.prefix.utf8.last.map(Blanks.isWord) ?? false)
        && (example.middle.utf8.first.map(Blanks.isWord) ?? false)
    }
    #expect(Double(always.count(where: splitsWord)) > 0.6 * Double(always.count))
    #expect(never.count(where: splitsWord) == 0)
  }
}
