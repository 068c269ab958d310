import Testing

@testable import Completion

@Suite struct ShownTextTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let at: String
    let reply: String
    let shown: String?
    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(name: "plain line tail", at: "x = foo‸\n", reply: "(1)", shown: "(1)"),
    Case(name: "trailing white space goes", at: "x = ‸\n", reply: "1  \n  ", shown: "1"),
    Case(name: "white space only shows nothing", at: "x = ‸\n", reply: "  \n\n ", shown: nil),
    Case(name: "empty shows nothing", at: "x = ‸\n", reply: "", shown: nil),
    Case(name: "closer already there", at: "foo(‸)\n", reply: "a, b)", shown: "a, b"),
    Case(name: "balanced closer stays", at: "foo(‸)\n", reply: "bar(x)", shown: "bar(x)"),
    Case(name: "two closers already there", at: "foo(bar(‸))\n", reply: "x))", shown: "x"),
    Case(name: "inner closer not yet there", at: "foo(bar(‸)\n", reply: "x)", shown: "x"),
    Case(name: "quote already there", at: "s = \"a‸\"\n", reply: "bc\"", shown: "bc"),
    Case(name: "escaped quote is no end", at: "s = \"a‸\"\n", reply: "b\\\"c\"", shown: "b\\\"c"),
    Case(name: "only the closer", at: "foo(a‸)\n", reply: ")", shown: nil),
    Case(name: "semicolon already there", at: "int x = ‸;\n", reply: "5;", shown: "5"),
    Case(
      name: "rest of the line repeated", at: "total = ‸ + tax(price)\n", reply: "price + tax(price)",
      shown: "price"
    ),
    Case(name: "one line only before code", at: "a = ‸ + b\n", reply: "c\nd = 5\n", shown: "c"),
    Case(
      name: "next line repeated", at: "def f():\n    a = 1\n    ‸\n    return compute(a)\n",
      reply: "b = 2\n    return compute(a)\n", shown: "b = 2"),
    Case(
      name: "only the next line", at: "def f():\n    ‸\n    return compute(a)\n",
      reply: "return compute(a)\n",
      shown: nil),
    Case(
      name: "closing brace already there", at: "fn a() {\n    ‸\n}\n", reply: "let x = 1;\n}\n",
      shown: "let x = 1;"),
    Case(
      name: "no grammar, no closing of what it did not open", at: "fn a() {\n    if x {\n        ‸\n}\n",
      reply: "go();\n    }\n", shown: "go();"),
    Case(
      name: "line above repeated", at: "    self.alpha = alpha\n    ‸\n", reply: "self.alpha = alpha\n",
      shown: nil),
    Case(
      name: "block above repeated", at: "    first = one()\n    second = two()\n    ‸\n",
      reply: "first = one()\n    second = two()\n", shown: nil),
    Case(
      name: "loop of lines", at: "def f():\n    ‸\n",
      reply: "print(total)\n    print(total)\n    print(total)\n",
      shown: "print(total)"),
    Case(name: "loop of short lines", at: "‸\n", reply: "if (i) {\nif (i) {\nif (i) {\n", shown: "if (i) {"),
    Case(name: "loop of numbers", at: "x = [‸\n", reply: "1, 1, 1, 1, 1, 1, 1, 1,", shown: nil),
    Case(name: "few equal numbers", at: "x = [‸\n", reply: "0, 0, 0]", shown: "0, 0, 0"),
    Case(name: "import again", at: "import os\nimport sys\n‸\n", reply: "import os", shown: nil),
    Case(name: "another import", at: "import os\nimport sys\n‸\n", reply: "import re", shown: "import re"),
    Case(
      name: "loop inside a line", at: "x = ‸\n", reply: "name.name.name.name.name.name.name", shown: nil),
    Case(
      name: "loop inside a later line", at: "def f():\n    ‸\n",
      reply: "a = 1\n    b = name.name.name.name.name.name.name", shown: "a = 1"),
    Case(
      name: "block is left", at: "def f():\n    ‸\n\nz = 1\n", reply: "return 1\ndef g():\n    pass\n",
      shown: "return 1"),
    Case(
      name: "blank line ends", at: "def f():\n    ‸\n", reply: "a = 1\n    b = 2\n\n    c = 3\n",
      shown: "a = 1\n    b = 2"),
    Case(
      name: "too deep first line", at: "def f():\n    a = 1\n    ‸\n", reply: "    b = 2", shown: "b = 2"),
    Case(name: "indented body from column 0", at: "def f():\n‸\n", reply: "    b = 2", shown: "    b = 2"),
    Case(
      name: "tabs as in the file", at: "func f() {\n\tif x {\n\t\ty()\n\t}\n\t‸\n}\n",
      reply: "if z {\n        w()\n    }", shown: "if z {\n\t\tw()\n\t}"),
    Case(name: "control characters end the text", at: "x = ‸\n", reply: "ab\u{0}cd", shown: "ab"),
    Case(
      name: "a leading newline after a colon", at: "def f():‸\n", reply: "\n    return 1",
      shown: "\n    return 1"),
  ]

  @Test(arguments: cases) func shows(_ example: Case) async throws {
    #expect(try await shown(example.reply, at: example.at) == example.shown)
  }

  @Test func brokenUTF8AtTheEndIsCut() {
    #expect(Bytes.cleanLength([0x61, 0xC3]) == 1)
    #expect(Bytes.cleanLength([0x61, 0xC3, 0xA9]) == 3)
    #expect(Bytes.cleanLength([0xF0, 0x9F, 0x98]) == 0)
    #expect(Bytes.cleanLength([0xED, 0xA0, 0x80]) == 0)
    #expect(Bytes.cleanLength([0xC0, 0x80]) == 0)
  }

  @Test func neverShowsWhatCannotBeShown() async throws {
    var random = SystemRandomNumberGenerator()
    let pieces = [")", "}", "\n", "    ", "x", "foo(", "\"", "\t", "é", "return 1", "]", ";", "\n\n", "\r\n"]
    for _ in 0..<400 {
      let reply = (0..<12).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      let before = (0..<6).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      let behind = (0..<6).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      guard let text = try await shown(reply, at: before + "‸" + behind) else { continue }
      #expect(text.contains { !$0.isWhitespace }, "reply \(reply.debugDescription)")
      #expect(text.last?.isWhitespace == false)
      #expect(!text.contains("\r"))
    }
  }
}
