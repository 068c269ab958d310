import Corpus
import Foundation
import Syntax
import Testing

@testable import Carving

/// Files that are not as one would like them.
struct HostileHoleTests {
  private static let kinds = CarvingSettings.classes + [.plain]

  private func carve(_ file: SourceFile, _ kind: FIMExample.Kind, seeds: Int = 4) -> [FIMExample] {
    let parts = Corpora.catalog.parse(file.bytes, language: file.language, timeoutMs: 20_000).parts
    return (0..<seeds).flatMap { seed in
      var carver = FileCarver(
        file: file, parts: parts, settings: Corpora.only(kind).settings, seed: UInt64(seed))
      return carver.carve().holes.compactMap { $0.example(in: file) }
    }
  }

  private func check(_ examples: [FIMExample], _ file: SourceFile) {
    for example in examples {
      let window = Array((example.prefix + example.middle + example.suffix).utf8)
      #expect(Array(file.bytes[example.windowStart..<example.windowStart + window.count]) == window)
      #expect(example.fault == nil)
    }
  }

  @Test(arguments: kinds) func secretsAreNeverInAMiddle(kind: FIMExample.Kind) {
    let text = Corpora.python(files: 1)[0].bytes
    let word = Array("width, height".utf8)
    var redactions: [SourceFile.Redaction] = []
    for start in text.indices.dropLast(word.count) where Array(text[start..<start + word.count]) == word {
      redactions.append(SourceFile.Redaction(rule: "made-up", range: start..<start + word.count))
    }
    #expect(redactions.count > 10)
    let file = SourceFile(path: "a.py", language: "python", bytes: text, redactions: redactions)
    let examples = carve(file, kind)
    #expect([.import, .signatureOrBody, .plain].contains(kind) || !examples.isEmpty)
    for example in examples {
      let middle = example.middleStart..<max(example.middleEnd, example.middleStart + 1)
      #expect(!redactions.contains { $0.range.overlaps(middle) }, "\(example.middle)")
    }
  }

  @Test func droppedSecretsAreCounted() {
    let file = SourceFile(
      path: "a.py", language: "python",
      bytes: Array("token = \"0123456789abcdef\"\nother = call(token)\n".utf8),
      redactions: [SourceFile.Redaction(rule: "made-up", range: 0..<26)])
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    var carver = FileCarver(file: file, parts: parts, settings: Corpora.many, seed: 1, explains: true)
    let carving = carver.carve()
    #expect((carving.dropCounts[.secret] ?? 0) > 0)
    #expect(carving.dropped.count == carving.drops.values.reduce(0, +))
  }

  @Test(arguments: kinds) func windowsBeginBehindTheLicence(kind: FIMExample.Kind) {
    for file in Corpora.python(files: 2) {
      for example in carve(file, kind) { #expect(example.windowStart >= file.licence?.range.upperBound ?? 0) }
    }
  }

  @Test(arguments: kinds) func theByteOrderMarkIsNoPartOfAWindow(kind: FIMExample.Kind) {
    let text = [0xEF, 0xBB, 0xBF] + Array((Corpora.samples["python"] ?? "").utf8)
    let file = SourceFile(path: "a.py", language: "python", bytes: text)
    let examples = carve(file, kind)
    for example in examples { #expect(example.windowStart >= 3 && !example.prefix.contains("\u{FEFF}")) }
    check(examples, file)
  }

  @Test func theByteOrderMarkIsNoPartOfAWord() {
    let text = [0xEF, 0xBB, 0xBF] + Array("identifier_number_one = compute(width, height)\n".utf8)
    let file = SourceFile(path: "a.py", language: "python", bytes: text)
    let parts = Corpora.catalog.parse(text, language: "python", timeoutMs: 10_000).parts
    for kind in [FIMExample.Kind.lineTail, .node, .blockTail, .siblingRun] {
      var settings = Corpora.only(kind).settings
      settings.modifiers.midToken = 1
      for seed in 0..<20 {
        var carver = FileCarver(file: file, parts: parts, settings: settings, seed: UInt64(seed))
        for hole in carver.carve().holes {
          #expect(hole.unit.lowerBound >= hole.window.lowerBound, "\(kind)")
        }
      }
    }
  }

  @Test func windowsKeepTheirSizeWhereItIsSmall() {
    let file = Corpora.python(files: 1)[0]
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    var settings = Corpora.many
    settings.windowBytes = 200
    for seed in 0..<10 {
      var carver = FileCarver(file: file, parts: parts, settings: settings, seed: UInt64(seed))
      let holes = carver.carve().holes
      #expect(!holes.isEmpty)
      #expect(holes.allSatisfy { $0.window.count <= settings.windowBytes })
    }
  }

  @Test(arguments: kinds) func carriageReturnsStayWithTheirNewlines(kind: FIMExample.Kind) {
    let text = String(decoding: Corpora.python(files: 1)[0].bytes, as: UTF8.self)
      .replacingOccurrences(of: "\n", with: "\r\n")
    let file = Corpora.file("a.py", "python", text)
    let examples = carve(file, kind)
    #expect(kind == .import || !examples.isEmpty)
    check(examples, file)
    for example in examples where example.middleStart > 0 {
      for place in [example.middleStart, example.middleEnd] where place < file.bytes.count {
        #expect(!(file.bytes[place] == 0x0A && file.bytes[place - 1] == 0x0D), "\(kind)")
      }
    }
  }

  @Test(arguments: kinds) func textOfManyScriptsIsNeverCutInsideACharacter(kind: FIMExample.Kind) {
    let text = (0..<30).map {
      "def größe_\($0)(шаг, 値, emoji=\"\u{1F600}\u{1F468}\u{200D}\u{1F469}\"):\n\treturn [шаг, 値, \"é\u{301}\", größe_\($0)(値, шаг)]\n\n"
    }.joined()
    let file = Corpora.file("a.py", "python", text)
    check(carve(file, kind), file)
  }

  @Test func onlyTaintedCandidatesAreDropped() throws {
    let good = (0..<12).map { "def f_\($0)(a, b):\n    value = call(a, b, \($0))\n    return value\n\n" }
    let text = good[..<6].joined() + "def broken(a:\n    x = = 3 )\n\n" + good[6...].joined()
    let file = Corpora.file("e.py", "python", text)
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    try #require(parts.first?.tree.errorCount() ?? 0 > 0)
    var carver = FileCarver(
      file: file, parts: parts, settings: Corpora.only(.node).settings, seed: 2, explains: true)
    let carving = carver.carve()
    #expect(carving.holes.count > 20)
    #expect(carving.holes.contains { $0.middle.lowerBound > text.utf8.count / 2 + 60 })
    #expect(carving.holes.contains { $0.middle.upperBound < text.utf8.count / 2 - 60 })
    #expect((carving.dropCounts[.error] ?? 0) > 0)
  }

  static let odd: [(String, String, String)] = [
    ("empty", "python", ""), ("newlines", "python", "\n\n\n"), ("byte", "python", "x"),
    ("line", "go", "package p"),
    ("huge line", "javascript", String(repeating: "call(a, b); ", count: 40_000)),
    (
      "brackets", "javascript",
      String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    ),
    ("open brackets", "c", String(repeating: "{ ", count: 100_000)),
    ("parentheses", "python", String(repeating: "(", count: 100_000)),
    ("tabs", "go", "package p\n\n" + String(repeating: "\t", count: 300) + "var a = 1\n"),
  ]

  @Test(arguments: odd) func oddFilesAreNoTrap(name: String, language: String, text: String) {
    let file = Corpora.file(name, language, text)
    let clock = ContinuousClock()
    // What takes longer is carved by indentation.
    let parts = Corpora.catalog.parse(file.bytes, language: language, timeoutMs: 2_000).parts
    let spent = clock.measure {
      for kind in Self.kinds {
        let settings = Corpora.only(kind).settings
        for parts in [parts, []] {
          var carver = FileCarver(file: file, parts: parts, settings: settings, seed: 1)
          check(carver.carve().holes.compactMap { $0.example(in: file) }, file)
        }
      }
    }
    #expect(spent < .seconds(60))
  }

  @Test(arguments: kinds) func holesLieInOnePartOfAMixedFile(kind: FIMExample.Kind) throws {
    let text = try #require(Corpora.dataSamples["html"])
    let file = Corpora.file("a.html", "html", text + text)
    let parts = Corpora.catalog.parse(file.bytes, language: "html", timeoutMs: 10_000).parts
    try #require(parts.count > 1)
    var languages: Set<String> = []
    for example in carve(file, kind, seeds: 12) where example.kind != .plain {
      let middle = example.middleStart..<example.middleEnd
      let part = try #require(
        parts.last {
          $0.range.lowerBound <= middle.lowerBound && $0.range.upperBound >= middle.upperBound
            && $0.owns(middle)
        },
        "\(example.middle)")
      #expect(part.language.name == example.language)
      languages.insert(example.language)
    }
    if [.lineTail, .characterSpan].contains(kind) { #expect(languages == ["html", "javascript"]) }
  }
}
