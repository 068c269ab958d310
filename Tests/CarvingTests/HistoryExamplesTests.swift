import Corpus
import Foundation
import Testing

@testable import Carving

struct HistoryExamplesTests {
  private let old = "import os\n\n\ndef first(a):\n    return a + 1\n\n\ndef last(b):\n    return b * 2\n"
  private let new =
    "import os\n\n\ndef first(a):\n    checked = validate_input(a, strict=True)\n    return checked + 1\n\n\n"
    + "def last(b):\n    return b * 2\n"

  private func spans(_ old: String, _ new: String) -> [InsertedSpan] {
    InsertedSpan.between(
      old: Array(old.utf8), new: Corpora.file("a.py", "python", new), commit: "2", contextIsOld: false)
  }

  private func examples(known: [String], seed: UInt64 = 1, limit: Int? = nil) -> [FIMExample] {
    let files = known.enumerated().map { Corpora.file("k\($0.offset).py", "python", $0.element) }
    return HistoryExamples(known: KnownText(files), seed: seed).examples(from: spans(old, new), limit: limit)
  }

  @Test func middlesAreWhatTheNewerReleaseBrought() {
    let found = examples(known: [old])
    #expect(found.first?.middle == "checked = validate_input(a, strict=True)\n    return checked + 1")
    #expect(found.first?.prefix.hasSuffix("def first(a):\n    ") == true)
    #expect(found.first?.suffix.hasPrefix("\n\n\ndef last") == true)
    #expect(found.allSatisfy { $0.kind == .history && $0.language == "python" && $0.fault == nil })
  }

  @Test func halfOfThemAreAlsoCutInsideTheirFirstLine() {
    let many = (1...60).flatMap { examples(known: [old], seed: UInt64($0)) }
    let tails = many.filter { !$0.middle.contains("\n") }
    #expect((15...45).contains(tails.count))
    #expect(tails.allSatisfy { "checked = validate_input(a, strict=True)".hasSuffix($0.middle) })
    #expect(tails.allSatisfy { $0.suffix.hasPrefix("\n    return checked") })
  }

  @Test func textThatTrainingSawIsDropped() {
    #expect(
      examples(known: [old, "x\n    checked = validate_input(a, strict=True)\n    return checked + 1\n"])
        .isEmpty)
  }

  @Test func trivialTextIsDropped() {
    let spans = spans("a = 1\nb = 2\n", "a = 1\n}\nb = 2\n")
    #expect(spans.count == 1)
    #expect(HistoryExamples(known: KnownText([])).examples(from: spans).isEmpty)
  }

  @Test func longInsertionsGiveRunsOfAtMostTenLines() {
    let lines = "def f():\n" + (0..<60).map { "    value_\($0) = compute(\($0), other)\n" }.joined()
    var found: [FIMExample] = []
    for seed in 1...20 {
      found += HistoryExamples(known: KnownText([]), seed: UInt64(seed)).examples(
        from: spans("", lines))
    }
    #expect(found.count > 40)
    #expect(found.allSatisfy { $0.middle.split(separator: "\n").count <= 10 && $0.middle.utf8.count <= 700 })
    #expect(found.allSatisfy { ($0.prefix + $0.middle + $0.suffix).utf8.count <= 2_400 })
  }

  @Test func middlesSayWhichClassTheyAreJudgedToBe() {
    let examples = HistoryExamples(known: KnownText([]), catalog: Corpora.catalog).examples(
      from: spans(
        old, old.replacingOccurrences(of: "    return b", with: "    b = check(b, 3)\n    return b")))
    #expect(examples.contains { $0.middle == "b = check(b, 3)" && $0.nodePath == "N" })
    #expect(self.examples(known: []).allSatisfy { $0.nodePath.isEmpty })
  }

  @Test func theLimitHolds() {
    let lines = (0..<400).map { "value_\($0) = compute(\($0), other)\n\n\n" }.joined()
    #expect(HistoryExamples(known: KnownText([])).examples(from: spans("", lines), limit: 2).count == 2)
  }
}
