import Corpus
import Foundation
import Syntax
import Testing

@testable import Carving

/// How often things are drawn.
struct ShareTests {
  private static let holes: [(hole: CarvedHole, file: SourceFile)] = Corpora.python(files: 220).enumerated()
    .flatMap { index, file in
      let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
      var settings = CarvingSettings.measured
      settings.bytesPerExample = 200
      var carver = FileCarver(file: file, parts: parts, settings: settings, seed: UInt64(index))
      return carver.carve().holes.map { ($0, file) }
    }

  private func share(
    _ kinds: [FIMExample.Kind], where isCounted: (CarvedHole) -> Bool
  ) -> Double {
    let own = Self.holes.filter { kinds.contains($0.hole.kind) }
    return Double(own.count { isCounted($0.hole) }) / Double(max(1, own.count))
  }

  @Test func classesHaveTheSharesOfTheSettings() {
    #expect(Self.holes.count > 3_000)
    for (kind, wanted) in CarvingSettings.measured.shares {
      let found = Double(Self.holes.count { $0.hole.kind == kind }) / Double(Self.holes.count)
      #expect(abs(found - wanted) < 0.03, "\(kind.rawValue): \(found) instead of \(wanted)")
    }
  }

  @Test func lengthsHaveTheSharesOfTheSettings() {
    var counts: [Int: Double] = [:]
    var total = 0.0
    for (hole, file) in Self.holes where ![.plain, .empty].contains(hole.kind) {
      let visible = Blanks.trimmed(hole.middle, of: file.bytes)
      let lines = file.bytes[visible].count { $0 == 0x0A } + 1
      counts[HoleLength(bytes: visible.count, lines: lines).lines.lowerBound, default: 0] += 1
      total += 1
    }
    for (first, wanted) in [1: 0.55, 2: 0.27, 6: 0.13] {
      #expect(abs((counts[first] ?? 0) / total - wanted) < 0.06, "\(first): \((counts[first] ?? 0) / total)")
    }
    #expect(counts[31] == nil)
  }

  @Test func holesOfSixteenLinesAndMoreAreReached() {
    var total = 0.0
    var long = 0.0
    for number in 0..<60 {
      let text = (0..<12).map { function in
        "def run_\(function)(a):\n" + (0..<45).map { "    step_\($0)(a, \(number))\n" }.joined() + "\n"
      }.joined()
      let file = Corpora.file("a.py", "python", text)
      let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
      var carver = FileCarver(file: file, parts: parts, settings: .measured, seed: UInt64(number))
      for hole in carver.carve().holes where ![.plain, .empty].contains(hole.kind) {
        let visible = Blanks.trimmed(hole.middle, of: file.bytes)
        total += 1
        if file.bytes[visible].count(where: { $0 == 0x0A }) >= 15 { long += 1 }
      }
    }
    #expect(total > 800)
    #expect(abs(long / total - 0.05) < 0.025, "\(long / total)")
  }

  @Test func modifiersHaveTheirShares() {
    let typed = share([.node, .siblingRun, .lineTail, .blockTail]) { $0.modifiers.contains(.midToken) }
    #expect(abs(typed - 0.25) < 0.04, "\(typed)")
    let dangling = share([.node, .siblingRun, .lineTail, .blockTail, .characterSpan]) {
      $0.modifiers.contains(.danglingSuffix)
    }
    #expect(abs(dangling - 0.1) < 0.03, "\(dangling)")
    let own = Self.holes.filter { $0.hole.kind == .blockTail && !$0.hole.modifiers.contains(.midToken) }
    let indented = Double(own.count { $0.hole.modifiers.contains(.indentOnly) }) / Double(max(1, own.count))
    #expect(abs(indented - 0.5) < 0.1, "\(indented)")
  }

  @Test func danglingSuffixesEndWithTheLineOfTheHole() {
    for (hole, file) in Self.holes where hole.modifiers.contains(.danglingSuffix) {
      let suffix = file.bytes[hole.middle.upperBound..<hole.window.upperBound]
      #expect(!suffix.dropLast().contains(0x0A))
    }
  }

  @Test func closersBelongToTheMiddleAsOftenAsTheSettingsSay() {
    let text = (0..<300).map { "result_\($0) = compute(first_value, second_value + \($0))\n" }.joined()
    let file = Corpora.file("a.py", "python", text)
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    var settings = Corpora.only(.node).settings
    settings.units = [.arguments: 1]
    settings.examplesPerFile = 250
    var carver = FileCarver(file: file, parts: parts, settings: settings, seed: 3)
    let holes = carver.carve().holes
    #expect(holes.count > 80)
    let closed = Double(holes.count { $0.modifiers.contains(.closerInside) }) / Double(holes.count)
    #expect(abs(closed - 0.3) < 0.1, "\(closed)")
    for hole in holes {
      #expect(
        (file.bytes[hole.middle.upperBound - 1] == UInt8(ascii: ")"))
          == hole.modifiers.contains(.closerInside))
    }
  }

  @Test func theSameSeedGivesTheSameHoles() {
    let file = Corpora.python(files: 1)[0]
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    func carve(_ seed: UInt64) -> FileCarving {
      var carver = FileCarver(file: file, parts: parts, settings: .measured, seed: seed, explains: true)
      return carver.carve()
    }
    #expect(carve(5) == carve(5))
    #expect(carve(5).holes != carve(6).holes)
  }

  @Test func commentsAndStringsStayBelowTheirShares() {
    let text = (0..<200).map {
      "# remark number \($0) about things\nvalue_\($0) = \"some text of a string \($0)\"\ncall(value_\($0), \($0))\n"
    }.joined()
    let file = Corpora.file("a.py", "python", text)
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    var settings = Corpora.many
    settings.plainShare = 0
    settings.examplesPerFile = 200
    var comments = 0
    var strings = 0
    var total = 0
    for seed in 0..<10 {
      var carver = FileCarver(file: file, parts: parts, settings: settings, seed: UInt64(seed))
      for hole in carver.carve().holes {
        let text = String(decoding: file.bytes[Blanks.trimmed(hole.middle, of: file.bytes)], as: UTF8.self)
        total += 1
        if text.hasPrefix("# remark") && !text.contains("value") { comments += 1 }
        if text.hasPrefix("some text") || (text.hasPrefix("\"") && text.hasSuffix("\"")) { strings += 1 }
      }
    }
    #expect(total > 800)
    #expect(Double(comments) < 0.02 * Double(total))
    #expect(Double(strings) < 0.03 * Double(total))
  }

  @Test func anotherWeightGivesFewerHoles() {
    let file = Corpora.python(files: 1)[0]
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    func count(_ weight: Double) -> Int {
      (0..<40).reduce(0) { sum, seed in
        var carver = FileCarver(
          file: file, parts: parts, settings: .measured, seed: UInt64(seed), weight: weight)
        return sum + carver.carve().holes.count
      }
    }
    let ratio = Double(count(0.3)) / Double(count(1))
    #expect(abs(ratio - 0.3) < 0.06)
  }

  @Test func holesSurviveTheCacheAndOnlyFitTheirFile() throws {
    let file = Corpora.python(files: 1)[0]
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    var carver = FileCarver(file: file, parts: parts, settings: Corpora.many, seed: 3, explains: true)
    let carving = carver.carve()
    let data = try JSONEncoder().encode(carving)
    #expect(try JSONDecoder().decode(FileCarving.self, from: data) == carving)
    let other = Corpora.file("b.py", "python", "short\n")
    #expect(carving.holes.allSatisfy { $0.example(in: file, contentHash: "ab")?.contentHash == "ab" })
    #expect(carving.holes.allSatisfy { $0.example(in: other) == nil })
  }
}
