import Foundation
import Syntax
import Testing

@testable import Carving

/// What each class cuts, in every language.
struct ClassTests {
  static let languages = Corpora.samples.keys.sorted()
  static let classes: [FIMExample.Kind] = [
    .node, .siblingRun, .lineTail, .blockTail, .characterSpan, .empty, .plain,
  ]

  private func carve(_ language: String, _ kind: FIMExample.Kind) throws -> [FIMExample] {
    if language != "text" { _ = try Corpora.catalog.load(language) }
    let text = try #require(Corpora.samples[language])
    let head = language == "php" ? "<?php\n" : "package p\n"
    // Several copies, so that windows and blocks have something to choose from.
    let file = Corpora.file(
      "s", language, text + "\n" + text.replacingOccurrences(of: head, with: ""))
    var found: [FIMExample] = []
    for seed in 0..<6 { found += Corpora.carve([file], Corpora.only(kind, seed: UInt64(seed))) }
    return found
  }

  @Test(arguments: languages, classes)
  func everyLanguageOffersEveryClass(language: String, kind: FIMExample.Kind) throws {
    let found = try carve(language, kind).filter { $0.kind == kind }
    #expect(!found.isEmpty)
    for example in found { #expect(example.fault == nil) }
  }

  @Test(arguments: languages)
  func lineTailsEndTheirLine(language: String) throws {
    for example in try carve(language, .lineTail) where example.kind == .lineTail {
      #expect(!example.middle.contains("\n"))
      let rest = example.suffix.prefix { $0 != "\n" }
      #expect(rest.allSatisfy { ")]};,: ".contains($0) }, "\(example.middle) then \(rest)")
    }
  }

  @Test(arguments: languages.filter { $0 != "text" })
  func nodesOfManyKindsAreCarved(language: String) throws {
    let kinds = Set(try carve(language, .node).map { $0.nodePath.split(separator: "/").last ?? "" })
    #expect(kinds.count >= 4, "\(kinds)")
  }

  @Test func blockTailsHaveSeveralLinesAndEndWithAStatement() throws {
    for example in try carve("python", .blockTail) where example.kind == .blockTail {
      #expect(example.suffix.isEmpty || example.suffix.hasPrefix("\n"), "\(example.suffix.prefix(20))")
    }
  }

  @Test func characterSpansMayBeginAnywhere() throws {
    let found = try carve("python", .characterSpan)
    #expect(found.contains { $0.middle.utf8.count < 8 })
    #expect(found.contains { $0.middle.utf8.count > 30 })
    #expect(found.allSatisfy { $0.middle.utf8.count <= 260 })
  }

  static let tails: [(String, Bool, String)] = [
    ("x = foo(¦a, b)", false, "a, b"), ("x = foo(¦a, b)", true, "a, b)"),
    ("x = foo(a, ¦g(b))", false, "g(b)"),
    ("x = ¦foo(a)", false, "foo(a)"), ("if (¦a) {", false, "a) {"), ("return ¦[a, (b)]", false, "[a, (b)]"),
    ("foo(¦a) + b", false, "a) + b"), ("f(g(¦a));", false, "a"), ("x = ¦y  ", false, "y"),
  ]

  @Test(arguments: tails)
  func closersFromBeforeTheCursorAreLeft(text: String, keeps: Bool, expected: String) {
    let parts = text.split(separator: "¦", maxSplits: 1)
    let source = Array((parts[0] + parts[1]).utf8)
    let start = parts[0].utf8.count
    let end = TriggerPoints.tailEnd(from: start, lineEnd: source.count, source: source, keepsClosers: keeps)
    #expect(String(decoding: source[start..<end], as: UTF8.self) == expected)
  }

  @Test func triggersStandWherePeoplePause() {
    let source = Array("    return self.items.get(name, default) = value".utf8)
    let points = TriggerPoints(line: 0..<source.count, source: source) { _ in false }
    var generator = SeededGenerator(seed: 1)
    var befores: Set<String> = []
    for _ in 0..<400 {
      guard let place = points.choose(using: &generator) else { continue }
      befores.insert(String(decoding: source[max(0, place - 2)..<place], as: UTF8.self))
    }
    for wanted in ["  ", "n ", "f.", "t(", ", ", "= ", "ms"] {
      #expect(befores.contains(wanted), "\(wanted)")
    }
  }
}
