import Foundation
import Testing

@testable import Syntax

struct CompletionBorderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let language: String
    let text: String
    /// Generated text; `¦` marks where the node is complete for the first time, if anywhere.
    let generated: String
    var testDescription: String { "\(language): \(text.debugDescription) + \(generated.debugDescription)" }
  }

  static let cases: [Case] = [
    // Inside a line: the line, with the brackets it opened.
    Case(language: "python", text: "x = ¦\ny = 1\n", generated: "foo(a)\n¦z"),
    Case(language: "python", text: "return foo(¦\n", generated: "a,\n    b)\n¦"),
    Case(language: "python", text: "return foo(¦\n)\n", generated: "\n    a,\n    b,\n)¦"),
    Case(language: "python", text: "x = foo(¦)\n", generated: "a, b)¦"),
    Case(language: "python", text: "x = foo(¦) + 1\n", generated: "a\n¦"),
    Case(language: "python", text: "x = ¦\n", generated: "a + \\\n  b\n¦"),
    Case(language: "python", text: "x = ¦\n", generated: "\"\"\"one\ntwo\n\"\"\"\n¦"),
    Case(language: "python", text: "x = ¦\n", generated: "\"a ) b\""),
    Case(language: "javascript", text: "  return foo(¦\n}\n", generated: "a, {\n    b: 1,\n  });\n¦"),
    Case(language: "javascript", text: "const x = ¦\n", generated: "a +\n  b;\n¦"),
    Case(language: "javascript", text: "items.forEach(¦\n", generated: "x => {\n  g(x);\n});\n¦"),
    Case(language: "rust", text: "    let x = ¦\n", generated: "match a {\n        _ => 1,\n    };\n¦"),
    Case(language: "c", text: "  int x = ¦\n}\n", generated: "f(1,\n        2);\n¦"),
    Case(language: "swift", text: "  let x = ¦\n}\n", generated: "items.map {\n    $0 + 1\n  }\n¦"),
    Case(language: "python", text: "def f(¦):\n", generated: "a,\n    b,\n    c)¦"),
    // Behind a statement: new statements on new lines.
    Case(
      language: "swift", text: "  let a = 1¦\n  c()\n",
      generated: "\n  let b = 2\n  let d = f(\n    3)\n\n¦"),
    Case(
      language: "python", text: "    a = 1¦\n    c()\n",
      generated: "\n    b = f(\n        2)\n    d = 3\n\n¦"),
    // After a header: its block.
    Case(language: "python", text: "def f(a):¦\n", generated: "\n    b = a\n    return b\n\n¦"),
    Case(language: "python", text: "def f(a):¦\n", generated: "\n    return a\ng¦()"),
    Case(
      language: "python", text: "def ¦\n",
      generated: "f(a):\n    if a:\n        b()\n    else:\n        c()\nd¦"),
    Case(language: "javascript", text: "if (a) {¦\n}\n", generated: "\n  b();\n  c();\n}¦"),
    Case(language: "c", text: "if (a) {¦\n", generated: "\n  b();\n}\n¦"),
    // On an empty line: statements, up to a blank line, a compound's end, a dedent or a closer.
    Case(language: "python", text: "def f(a):\n    ¦\n", generated: "b = a\n    c = b\n\n¦"),
    Case(language: "python", text: "def f(a):\n    ¦\n", generated: "b = a\ng¦"),
    Case(
      language: "python", text: "def f(a):\n    ¦\n",
      generated: "if a:\n        b()\n    elif c:\n        d()\n    r¦eturn"),
    Case(language: "python", text: "def f(a):\n    ¦\n", generated: "# why\n    b = a"),
    Case(
      language: "javascript", text: "function f() {\n  ¦\n}\n",
      generated: "a();\n  if (b) {\n    c();\n  }\n¦"),
    Case(language: "javascript", text: "function f() {\n  ¦\n}\n", generated: "a();\n}¦"),
    Case(language: "rust", text: "fn f() {\n    ¦\n}\n", generated: "for a in b {\n        c();\n    }\n¦"),
    Case(language: "c", text: "int f(void) {\n  ¦\n}\n", generated: "int a = 1;\n  int b = 2;\n\n¦"),
    Case(language: "swift", text: "func f() {\n  ¦\n}\n", generated: "guard a else {\n    return\n  }\n¦"),
    Case(language: "ruby", text: "def f\n  ¦\nend\n", generated: "if a\n    b\n  end\n¦"),
    Case(language: "ruby", text: "def f\n  ¦\nend\n", generated: "a.each do |x|\n    x.y\n  end\n¦"),
    Case(language: "go", text: "func f() {\n\t¦\n}\n", generated: "if err != nil {\n\t\treturn err\n\t}\n¦"),
    Case(language: "java", text: "class A {\n  ¦\n}\n", generated: "int f() {\n    return 1;\n  }\n¦"),
    Case(language: "lua", text: "function f()\n  ¦\nend\n", generated: "if a then\n    b()\n  end\n¦"),
    Case(
      language: "lua", text: "function f()\n  ¦\nend\n", generated: "for i = 1, 3 do\n    print(i)\n  end\n¦"),
    Case(language: "lua", text: "local f = ¦\n", generated: "function(a)\n  return a\nend\n¦"),
    Case(language: "bash", text: "f() {\n  ¦\n}\n", generated: "if a; then\n    b\n  fi\n¦"),
    Case(language: "bash", text: "f() {\n  ¦\n}\n", generated: "for x in a b; do\n    echo $x\n  done\n¦"),
    Case(
      language: "bash", text: "f() {\n  ¦\n}\n",
      generated: "case $a in\n    x)\n      b\n      ;;\n  esac\n¦"),
    Case(language: "bash", text: "x=¦\n", generated: "$(ls -l)\n¦"),
    Case(
      language: "kotlin", text: "fun f() {\n    ¦\n}\n", generated: "for (a in b) {\n        c()\n    }\n¦"),
    Case(
      language: "php", text: "<?php\nfunction f() {\n    ¦\n}\n",
      generated: "foreach ($a as $b) {\n        c();\n    }\n¦"),
    Case(language: "csharp", text: "class A {\n  ¦\n}\n", generated: "int F() {\n    return 1;\n  }\n¦"),
    Case(
      language: "zig", text: "fn f() void {\n    ¦\n}\n", generated: "while (a) {\n        b();\n    }\n¦"),
    Case(language: "css", text: "a {\n  ¦\n}\n", generated: "color: red;\n}¦"),
    Case(language: "css", text: "¦\n", generated: "a {\n  color: red;\n}\n¦"),
    Case(language: "json", text: "{\n  \"a\": ¦\n}\n", generated: "[\n    1,\n    2\n  ]\n¦"),
    Case(language: "html", text: "<ul>\n  ¦\n</ul>\n", generated: "<li>a</li>\n  <li>b</li>\n<¦/ul>"),
    // Without a grammar.
    Case(language: "none", text: "foo(¦\n", generated: "a,\n b)\n¦"),
  ]

  /// Calls the rule after every byte, as a streaming caller would, and notes the first yes.
  @Test(arguments: cases)
  func stopsWhereTheNodeEnds(_ example: Case) throws {
    let language = example.language == "none" ? nil : try Grammars.language(example.language)
    let rules = CompletionSyntax(language: language)
    let (prefix, suffix) = split(example.text)
    let generated = Array(example.generated.replacingOccurrences(of: "¦", with: "").utf8)
    let expected = example.generated.contains("¦") ? split(example.generated).prefix.count : nil
    let found = (1...generated.count).first { count in
      rules.nodeIsComplete(prefix: prefix, generated: Array(generated[..<count]), suffix: suffix)
    }
    #expect(
      found == expected,
      "stops after \(String(decoding: generated[..<(found ?? 0)], as: UTF8.self).debugDescription)")
  }
}
