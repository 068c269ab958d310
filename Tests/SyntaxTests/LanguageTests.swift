import Foundation
import Testing

@testable import Syntax

struct LanguageTests {
  @Test func everyLanguageOfTheContractIsDescribed() {
    #expect(Grammars.catalog.names == Grammars.all)
    #expect(Grammars.catalog.problems.isEmpty)
  }

  @Test(arguments: [
    ("a/b.py", "python"), ("x.PYI", "python"), ("a.tsx", "tsx"), ("m.mjs", "javascript"), ("lib.rs", "rust"),
    ("A.java", "java"), ("q.hpp", "cpp"), ("q.h", "c"), ("Rakefile", "ruby"), ("dir/Gemfile", "ruby"),
    ("a.kt", "kotlin"), ("build.gradle.kts", "kotlin"), ("i.php", "php"), ("x.sh", "bash"),
    (".bashrc", "bash"),
    ("m.lua", "lua"), ("m.zig", "zig"), ("P.cs", "csharp"), ("i.htm", "html"), ("s.css", "css"),
    ("package.json", "json"),
  ])
  func knowsFilesByName(path: String, name: String) {
    #expect(Grammars.catalog.name(forPath: path) == name)
  }

  @Test(arguments: ["README", "a.unknown", ".py", "a.", "", "py", "dir.py/file"])
  func doesNotGuess(path: String) {
    #expect(Grammars.catalog.name(forPath: path) == nil)
  }

  @Test func readsInterpreterLinesAndHeaders() {
    #expect(
      Grammars.catalog.name(forPath: "tool", contents: Array("#!/usr/bin/env python3\n".utf8)) == "python")
    #expect(Grammars.catalog.name(forPath: "tool", contents: Array("#!/usr/bin/ruby -w\n".utf8)) == "ruby")
    #expect(Grammars.catalog.name(forPath: "tool", contents: Array("#!/bin/sh -e\n".utf8)) == "bash")
    #expect(Grammars.catalog.name(forPath: "a.h", contents: Array("\nnamespace a {}\n".utf8)) == "cpp")
    #expect(Grammars.catalog.name(forPath: "a.h", contents: Array("int f(void);\n".utf8)) == "c")
  }

  @Test func answersParentsFieldsAndPaths() throws {
    let source = Array("x = f(a, b)\n".utf8)
    let tree = try #require(Grammars.language("python").parse(source))
    let call = try #require(tree.nodes.first { $0.kind == "call" })
    let arguments = try #require(call.child(inField: "arguments"))
    #expect(
      arguments.namedChildren.map { String(decoding: source[$0.byteRange], as: UTF8.self) } == ["a", "b"])
    #expect(arguments.path == "expression_statement/assignment/call/argument_list")
    #expect(arguments.parent == call)
    #expect(call.startRow == 0)
    #expect(tree.root.parent == nil)
  }

  @Test func brokenSourceGivesATreeWithErrors() throws {
    let tree = try #require(Grammars.language("c").parse(Array("int f( {{{ \u{0} ]\n".utf8) + [0xFF, 0xFE]))
    #expect(tree.errorCount() > 0)
    #expect(tree.root.hasError)
  }

  @Test func emptySourceIsAnEmptyTree() throws {
    let tree = try #require(Grammars.language("swift").parse([]))
    #expect(tree.errorCount() == 0)
  }

  @Test func parsesOnManyThreadsAtOnce() async throws {
    let language = try Grammars.language("rust")
    let source = Array(String(repeating: "fn f(a: i32) -> i32 { a + 1 }\n", count: 200).utf8)
    let counts = await withTaskGroup(of: Int?.self) { group in
      for _ in 0..<16 { group.addTask { language.parse(source)?.nodeCount } }
      return await group.reduce(into: [Int?]()) { $0.append($1) }
    }
    #expect(Set(counts).count == 1)
    #expect(counts[0] != nil)
  }
}
