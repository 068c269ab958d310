import Testing

@testable import Syntax

struct ChunkerTests {
  private func chunks(_ language: String?, _ source: String, maximumLines: Int = 60) throws -> [CodeChunk] {
    let language = try language.map { try Grammars.language($0) }
    return Chunker(language: language, maximumLines: maximumLines).chunks(of: Array(source.utf8))
  }

  static let samples: [(String?, String)] = [
    (
      "python",
      "import os\n\n# about f\ndef f(a):\n    return a\n\n\n@d\nclass C:\n    x = 1\n\n    def g(self):\n        pass\n"
    ),
    (
      "javascript",
      "import a from 'a';\n\nexport function f() {\n  return 1;\n}\n\nexport class C {\n  m() {}\n}\n"
    ),
    ("go", "package p\n\ntype T struct {\n\tA int\n}\n\nfunc (t T) M() int {\n\treturn t.A\n}\n"),
    ("rust", "use a::b;\n\nimpl T {\n    fn m(&self) {}\n}\n\nfn f() {}\n"),
    ("c", "#include <a.h>\n\nstatic int *f(int a) {\n  return 0;\n}\n\nstruct S {\n  int a;\n};\n"),
    ("cpp", "namespace n {\nclass C {\n  int m();\n};\nint C::m() { return 1; }\n}\n"),
    ("swift", "import A\n\nstruct S {\n  func m() {}\n}\n\nfunc f() {}\n"),
    ("java", "package p;\n\nclass C {\n  int m() {\n    return 1;\n  }\n}\n"),
    ("ruby", "require 'a'\n\nclass C\n  def m\n    1\n  end\nend\n"),
    (nil, "one\ntwo\n\nthree\n\n\nfour"),
  ]

  @Test(arguments: samples)
  func everyLineWithTextIsInExactlyOneChunk(language: String?, source: String) throws {
    for limit in [4, 60] {
      let found = try chunks(language, source, maximumLines: limit)
      let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
      var seen = [Int](repeating: 0, count: lines.count + 1)
      for chunk in found {
        #expect(chunk.lineRange.count <= limit)
        for line in chunk.lineRange { seen[line] += 1 }
        let text = String(decoding: Array(source.utf8)[chunk.byteRange], as: UTF8.self)
        #expect(text.hasPrefix(lines[chunk.lineRange.lowerBound - 1]))
      }
      for (index, line) in lines.enumerated() where !line.isEmpty {
        #expect(seen[index + 1] == 1, "line \(index + 1)")
      }
    }
  }

  @Test(arguments: [
    ("python", "f", "C"), ("javascript", "f", "C"), ("go", "M", "T"), ("rust", "f", "T"), ("c", "f", "S"),
    ("swift", "f", "S"), ("ruby", "C", "C"), ("java", "C", "C"),
  ])
  func namesFunctionsAndTypes(language: String, function: String, type: String) throws {
    let source = try #require(Self.samples.first { $0.0 == language }).1
    let symbols = try chunks(language, source).map(\.symbol)
    #expect(symbols.contains(function))
    #expect(symbols.contains(type))
  }

  @Test func longTypesAreCutAtTheirMembers() throws {
    let methods = (0..<12).map { "    def m\($0)(self):\n        a = 1\n        return a\n" }.joined(
      separator: "\n")
    let found = try chunks("python", "class C:\n    \"\"\"Doc.\"\"\"\n\n" + methods, maximumLines: 20)
    #expect(found.first?.symbol == "C")
    #expect(found.contains { $0.symbol == "C.m3" && $0.kind == .function })
  }

  @Test(.timeLimit(.minutes(1)))
  func functionsNestedThousandsDeepCostNoTime() throws {
    let source = "const f = 1;\n" + String(repeating: "a =>\n", count: 2_000) + "1;\n"
    let found = try chunks("javascript", source)
    #expect(found.last?.lineRange.upperBound == 2_002)
  }

  @Test func commentsStayWithWhatTheyDescribe() throws {
    let found = try chunks("python", "import os\n\n# about f\n# more\ndef f():\n    pass\n")
    #expect(found.last?.lineRange == 3...6)
  }
}
