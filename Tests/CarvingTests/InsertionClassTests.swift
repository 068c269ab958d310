import Syntax
import Testing

@testable import Carving

/// The judge, on code with the insertion between marks.
struct InsertionClassTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let language: String
    let text: String
    let kind: FIMExample.Kind
    var cursor: InsertionClass.Cursor?
    var right: InsertionClass.RightSide?
    var length: HoleLength?

    var testDescription: String { "\(language): \(text.prefix(60))" }
  }

  static let cases: [Case] = [
    Case(
      language: "python", text: "¦import os\n¦import sys\nos.remove(sys)\n", kind: .import,
      cursor: .lineStart,
      right: .nothing, length: .short),
    Case(
      language: "python", text: "x = 1\n¦import os\nimport sys\n¦y = 2\n", kind: .import, length: .few),
    Case(
      language: "python", text: "def f(a):\n¦    b = a\n    return b\n¦\n\nx = 1\n", kind: .signatureOrBody,
      length: .few),
    Case(language: "python", text: "¦def f(a):¦\n    b = a\n    return b\n", kind: .signatureOrBody),
    Case(
      language: "python", text: "x = 1\n¦y = compute(x)\n¦z = 3\n", kind: .node, cursor: .lineStart,
      right: .nothing, length: .short),
    Case(
      language: "python", text: "x = compute(¦first¦, b)\n", kind: .node, cursor: .openParenthesis,
      right: .code,
      length: .tiny),
    Case(
      language: "python", text: "x = compute(a¦, b¦)\n", kind: .siblingRun, cursor: .afterName,
      right: .closers),
    Case(
      language: "python", text: "x = 1\n¦y = compute(x)\nz = 3\n¦w = 4\n", kind: .siblingRun, length: .few),
    Case(
      language: "python", text: "if x:\n    a = 1\n¦    b = 2\n    c = 3\n¦d = 4\n", kind: .blockTail,
      length: .few),
    Case(
      language: "python", text: "x = ¦a + compute(b¦)\n", kind: .lineTail, cursor: .assignment,
      right: .closers),
    Case(language: "python", text: "x = val¦ue¦ + 1\n", kind: .node, cursor: .insideWord, right: .code),
    Case(
      language: "python", text: "x = a ¦+ b * ¦c + 1\n", kind: .characterSpan, cursor: .afterName,
      right: .code),
    Case(
      language: "python", text: "for name in ¦names¦:\n    pass\n", kind: .node, cursor: .afterKeyword,
      right: .closers),
    Case(
      language: "python", text: "x = 1\n¦if x:\n    y = 2\n¦else:\n    y = 3\n", kind: .siblingRun,
      length: .few),
    Case(
      language: "go", text: "package p\n\nfunc f() {\n\ta := 1\n¦\tb := 2\n\tc := 3\n¦}\n", kind: .blockTail,
      length: .few),
    Case(
      language: "go", text: "package p\n\nfunc f() {\n¦\ta := 1\n\tb := 2\n¦}\n", kind: .signatureOrBody),
    Case(
      language: "go", text: "package p\n\nfunc f() {\n\ta.¦call¦(1)\n}\n", kind: .node, cursor: .member,
      right: .code),
    Case(
      language: "rust", text: "fn f(a: i32¦, b: u8¦) {}\n", kind: .siblingRun, cursor: .afterName,
      right: .closers),
    Case(language: "rust", text: "¦pub ¦fn f(a: i32) {}\n", kind: .node, cursor: .lineStart, right: .code),
    Case(
      language: "typescript", text: "const a = {\n  b: 1,\n¦  c: 2,\n  d: 3,\n¦};\n", kind: .siblingRun,
      length: .few),
  ]

  @Test(arguments: cases) func insertionsHaveTheirClass(_ example: Case) throws {
    let pieces = example.text.split(separator: "¦", omittingEmptySubsequences: false)
    try #require(pieces.count == 3)
    let source = Array(pieces.joined().utf8)
    let start = pieces[0].utf8.count
    let parts = Corpora.catalog.parse(source, language: example.language, timeoutMs: 10_000).parts
    let part = try #require(parts.first)
    let judged = try #require(
      InsertionClass.classify(
        start..<start + pieces[1].utf8.count, in: part, source: source, lines: LineIndex(source)))
    #expect(judged.kind == example.kind)
    if let cursor = example.cursor { #expect(judged.cursor == cursor) }
    if let right = example.right { #expect(judged.right == right) }
    if let length = example.length { #expect(judged.length == length) }
    switch judged.kind {
    case .node: #expect(judged.alignment == .node)
    case .siblingRun, .blockTail: #expect(judged.alignment == .run)
    case .lineTail, .characterSpan: #expect(judged.alignment == .oneSide || judged.alignment == .none)
    default: break
    }
  }

  @Test func whiteSpaceAloneIsNothing() throws {
    let source = Array("a = 1\n\n\nb = 2\n".utf8)
    let part = try #require(Corpora.catalog.parse(source, language: "python", timeoutMs: 10_000).parts.first)
    #expect(InsertionClass.classify(6..<8, in: part, source: source, lines: LineIndex(source)) == nil)
    #expect(InsertionClass.classify(400..<900, in: part, source: source, lines: LineIndex(source)) == nil)
  }

  @Test func lengthsAreBytesWithinALineAndLinesBeyond() {
    #expect(HoleLength(bytes: 7, lines: 1) == .tiny)
    #expect(HoleLength(bytes: 8, lines: 1) == .short)
    #expect(HoleLength(bytes: 31, lines: 1) == .medium)
    #expect(HoleLength(bytes: 32, lines: 1) == .long)
    #expect(HoleLength(bytes: 900, lines: 1) == .wholeLine)
    #expect(HoleLength(bytes: 5, lines: 2) == .few)
    #expect(HoleLength(bytes: 500, lines: 15) == .several)
    #expect(HoleLength(bytes: 500, lines: 30) == .many)
    #expect(HoleLength(bytes: 500, lines: 31) == .beyond)
    for length in HoleLength.allCases {
      #expect(HoleLength.allCases[length.index] == length)
      #expect(HoleLength(bytes: length.bytes.lowerBound, lines: length.lines.lowerBound) == length)
    }
  }

  @Test func distancesAreSharesThatDiffer() {
    #expect(HistogramDistance.totalVariation([1, 1], [10, 10]) == 0)
    #expect(HistogramDistance.totalVariation([1, 0], [0, 7]) == 1)
    #expect(abs(HistogramDistance.totalVariation([3, 1], [1, 1]) - 0.25) < 1e-12)
    #expect(HistogramDistance.totalVariation([], [1]) == 1)
    var left = InsertionHistogram()
    var right = InsertionHistogram()
    func insertion(_ kind: FIMExample.Kind, _ length: HoleLength) -> InsertionClass {
      InsertionClass(kind: kind, length: length, cursor: .other, right: .code, alignment: .node)
    }
    left.add(insertion(.node, .tiny))
    right.add(insertion(.node, .short))
    let distance = HistogramDistance(left, right)
    #expect(distance.classesAndLines == 0)
    #expect(distance.classesAndLengths == 1)
    right.add(insertion(.siblingRun, .few))
    #expect(abs(HistogramDistance(left, right).classesAndLines - 0.5) < 1e-12)
    #expect(abs(HistogramDistance(left, right).classes - 0.5) < 1e-12)
    #expect(abs(HistogramDistance(left, right).lines - 0.5) < 1e-12)
  }
}
