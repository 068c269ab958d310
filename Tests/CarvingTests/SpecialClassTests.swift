import Corpus
import Syntax
import Testing

@testable import Carving

/// Imports, bodies, signatures and finished code.
struct SpecialClassTests {
  private func holes(
    _ text: String, _ language: String, _ kind: FIMExample.Kind, seeds: Int = 30
  ) -> [(hole: CarvedHole, middle: String)] {
    let file = Corpora.file("a", language, text)
    let parts = Corpora.catalog.parse(file.bytes, language: language, timeoutMs: 10_000).parts
    var found: [(CarvedHole, String)] = []
    for seed in 0..<seeds {
      var carver = FileCarver(
        file: file, parts: parts, settings: Corpora.only(kind).settings, seed: UInt64(seed))
      for hole in carver.carve().holes where hole.kind == kind {
        found.append((hole, String(decoding: file.bytes[hole.middle], as: UTF8.self)))
      }
    }
    return found
  }

  private let python = """
    import os
    import sys
    import unused_thing
    from collections import deque, OrderedDict as Ordered


    def first(path):
        \"\"\"Says what it does.\"\"\"
        names = deque(os.listdir(path))
        return sorted(names)


    def second(names: list) -> int:
        for name in names:
            sys.stdout.write(name)
        return len(names)

    """

  @Test func importsAreHiddenOnlyWhileTheirNamesAreUsed() {
    let middles = Set(holes(python, "python", .import).map(\.middle))
    #expect(middles.contains("import os"))
    #expect(middles.contains("import sys"))
    #expect(middles.contains { $0.contains("deque") })
    #expect(!middles.contains("import unused_thing"))
  }

  @Test func groupsOfImportsAreHiddenToo() {
    #expect(holes(python, "python", .import).contains { $0.middle.hasPrefix("import os\nimport sys") })
  }

  @Test func anUnusedImportIsCounted() {
    let file = Corpora.file("a.py", "python", "import nothing_of_this\n\nvalue = compute(1, 2)\n")
    let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
    var carver = FileCarver(
      file: file, parts: parts, settings: Corpora.only(.import).settings, seed: 1, explains: true)
    let carving = carver.carve()
    #expect(carving.holes.isEmpty)
    #expect((carving.dropCounts[.unused] ?? 0) > 0)
    #expect(carving.dropped.contains { $0.reason == .unused && $0.range == 0..<22 })
  }

  @Test func bodiesAreWholeAndLeaveSignatureAndDocumentation() {
    let middles = Set(holes(python, "python", .signatureOrBody).map { $0.middle })
    #expect(middles.contains("names = deque(os.listdir(path))\n    return sorted(names)"))
    #expect(middles.contains("for name in names:\n        sys.stdout.write(name)\n    return len(names)"))
    #expect(middles.contains("def second(names: list) -> int:"))
    #expect(!middles.contains { $0.contains("Says what") })
  }

  @Test func bodiesStandBetweenTheirBrackets() {
    let text = "int add(int a, int b) {\n  int c = a + b;\n  return c;\n}\n\nint one(void) { return 1; }\n"
    let found = holes(text, "c", .signatureOrBody)
    #expect(found.contains { $0.middle == "int c = a + b;\n  return c;" })
    #expect(found.contains { $0.middle == "int add(int a, int b)" })
    #expect(
      found.contains { $0.middle.hasSuffix("return c;\n}") && $0.hole.modifiers.contains(.closerInside) })
  }

  @Test func longBodiesAreSkipped() {
    let body = (0..<40).map { "    value_\($0) = compute(\($0), other)\n" }.joined()
    let found = holes(
      "def f():\n" + body + "\n\ndef g(a):\n    return call(a, 1)\n", "python", .signatureOrBody)
    #expect(!found.isEmpty)
    #expect(found.allSatisfy { $0.middle.utf8.count <= 700 })
  }

  @Test func nothingIsMissingWhereCodeIsFinished() {
    let found = holes(python, "python", .empty)
    #expect(found.count > 50)
    let bytes = Array(python.utf8)
    var atLineEnd = 0
    for (hole, middle) in found {
      #expect(middle.isEmpty && hole.unit == hole.middle && hole.modifiers.isEmpty)
      let next = hole.middle.upperBound < bytes.count ? bytes[hole.middle.upperBound] : 0x0A
      #expect(next == 0x0A || Blanks.isCloser(next), "\(hole.middle)")
      if next == 0x0A { atLineEnd += 1 }
    }
    #expect(atLineEnd > found.count / 2)
    #expect(atLineEnd < found.count)
  }
}
