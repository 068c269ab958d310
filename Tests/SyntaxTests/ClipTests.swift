import Testing

@testable import Syntax

struct ClipTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let language: String
    let text: String
    let completion: String
    let kept: String
    var testDescription: String { "\(language): \(text.debugDescription) + \(completion.debugDescription)" }
  }

  static let cases: [Case] = [
    // Sound as it is.
    Case(language: "python", text: "def f(a):\n    return ¦\n", completion: "a + 1", kept: "a + 1"),
    Case(language: "python", text: "x = foo(¦)\n", completion: "a, b", kept: "a, b"),
    Case(
      language: "python", text: "def f(a):\n    ¦\n\ng()\n",
      completion: "if a:\n        return 1\n    return 2",
      kept: "if a:\n        return 1\n    return 2"),
    // A bracket too many, a dangling operator, an open bracket.
    Case(language: "python", text: "x = foo(¦)\n", completion: "a, b)", kept: "a, b"),
    Case(language: "python", text: "x = ¦\ny = 2\n", completion: "a + b + (", kept: "a + b"),
    Case(language: "python", text: "x = ¦\ny = 2\n", completion: "foo(a", kept: "foo"),
    Case(
      language: "python", text: "def f():\n    ¦\n", completion: "a = 1\n    b = 2\n    c = foo(",
      kept: "a = 1\n    b = 2"),
    Case(language: "javascript", text: "const x = f(¦);\n", completion: "a, b);", kept: "a, b"),
    Case(
      language: "javascript", text: "function f() {\n  ¦\n}\n", completion: "g();\n  h();\n}\n}",
      kept: "g();\n  h();"),
    Case(language: "javascript", text: "if (¦) {\n}\n", completion: "a && b", kept: "a && b"),
    Case(language: "rust", text: "fn f() {\n    let x = ¦;\n}\n", completion: "g(1) }", kept: "g(1)"),
    Case(
      language: "rust", text: "fn f() {\n    ¦\n}\n", completion: "let a = 1;\n    if a > 0 {",
      kept: "let a = 1;"),
    Case(language: "c", text: "int f(void) {\n  return ¦;\n}\n", completion: "g(1, 2)", kept: "g(1, 2)"),
    Case(
      language: "c", text: "int f(void) {\n  ¦\n}\n", completion: "int a = 1;\n}\n\nint g(",
      kept: "int a = 1;"),
    Case(
      language: "swift", text: "func f() {\n  ¦\n}\n", completion: "let a = g(1)\n}\n}", kept: "let a = g(1)"),
    Case(
      language: "swift", text: "func f() {\n  let a = g(¦)\n}\n", completion: "x: 1, y: 2", kept: "x: 1, y: 2"
    ),
    Case(language: "go", text: "package p\n\nfunc f() {\n\tx := ¦\n}\n", completion: "g(1))", kept: "g(1)"),
    Case(
      language: "lua", text: "function f()\n  ¦\nend\n", completion: "local a = 1\n  return a\nend\nend",
      kept: "local a = 1\n  return a"),
    Case(language: "kotlin", text: "fun f() {\n    val x = ¦\n}\n", completion: "g(1))", kept: "g(1)"),
    Case(language: "php", text: "<?php\n$x = ¦;\n", completion: "g(1))", kept: "g(1)"),
    Case(
      language: "csharp", text: "class A {\n  int F() {\n    return ¦;\n  }\n}\n", completion: "g(1) }",
      kept: "g(1)"),
    Case(language: "zig", text: "const x = ¦;\n", completion: "g(1))", kept: "g(1)"),
    Case(language: "css", text: "a {\n  ¦\n}\n", completion: "color: red;\n}\n}", kept: "color: red;"),
    Case(language: "json", text: "{\"a\": ¦}\n", completion: "[1, 2]]", kept: "[1, 2]"),
    // Nothing sound, nothing there.
    Case(language: "c", text: "int f(void) {\n  return 1¦;\n}\n", completion: "}}}", kept: ""),
    Case(language: "python", text: "x = 1¦\n", completion: "", kept: ""),
    Case(language: "python", text: "x = 1¦\n", completion: " \n ", kept: ""),
    // An error that was there before does not forbid a completion.
    Case(
      language: "c", text: "int a = = 3;\nint f(void) {\n  return ¦;\n}\n", completion: "g(1)", kept: "g(1)"),
    // Without a grammar: brackets only.
    Case(language: "none", text: "foo(¦)", completion: "a, b) c", kept: "a, b"),
    Case(language: "none", text: "¦", completion: "a (b) c\nd", kept: "a (b) c\nd"),
  ]

  @Test(arguments: cases)
  func keepsTheLongestSoundBeginning(_ example: Case) throws {
    let language = example.language == "none" ? nil : try Grammars.language(example.language)
    let (prefix, suffix) = split(example.text)
    let completion = Array(example.completion.utf8)
    let kept = CompletionSyntax(language: language).clip(
      prefix: prefix, completion: completion, suffix: suffix)
    #expect(String(decoding: completion[..<kept], as: UTF8.self) == example.kept)
  }

  @Test func bytesThatAreNoTextAreNoTrap() throws {
    let rules = CompletionSyntax(language: try Grammars.language("python"))
    let noise: [UInt8] = [0xFF, 0x00, 0x28, 0x0A, 0xC3, 0x29]
    for cut in 0...noise.count {
      let kept = rules.clip(prefix: noise, completion: Array(noise[..<cut]), suffix: noise)
      #expect((0...cut).contains(kept))
      _ = rules.nodeIsComplete(prefix: noise, generated: Array(noise[..<cut]), suffix: noise)
    }
  }
}
