import Foundation
import Testing

@testable import Context

struct FileFactsTests {
  static let python = """
    import os
    from .models import User, load_user
    from ..shared import tools

    LIMIT = 10


    @decorated
    class Service(Base):
        \"\"\"Serves.\"\"\"

        retries: int = 3

        def fetch_account(self, account_number):
            local = 1
            def inner():
                pass
            return local


    def standalone_helper(value):
        return value
    """

  private func names(_ facts: FileFacts) -> Set<UInt32> { Set(facts.tables.definitions.map(\.name)) }
  private func hash(_ name: String) -> UInt32 { WordScanner.nameHash(name.utf8) }

  @Test func knowsImportsAndWhatOtherFilesMayUse() {
    let facts = Repository.facts("a/b/service.py", Self.python)
    #expect(facts.tables.imports.map(\.path) == ["os", "./models:User,load_user", "../shared:tools"])
    for name in ["LIMIT", "Service", "retries", "fetch_account", "standalone_helper"] {
      #expect(names(facts).contains(hash(name)), "\(name)")
    }
    #expect(!names(facts).contains(hash("inner")))
    #expect(!names(facts).contains(hash("local")))
  }

  @Test func aDefinitionBeginsWithItsDecorators() throws {
    let facts = Repository.facts("a/b/service.py", Self.python)
    let service = try #require(facts.tables.definitions.first { $0.name == hash("Service") })
    let lines = Self.python.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[service.lines.lowerBound] == "@decorated")
    #expect(service.isScope)
  }

  @Test func theCacheGivesBackWhatItWasGiven() throws {
    let facts = Repository.facts("a/b/service.py", Self.python)
    #expect(FileFacts(encoded: facts.encoded) == facts)
    #expect(FactTables(facts.encoded) == facts.tables)
    #expect(FactTables(facts.encoded)?.packed() == facts.encoded)
    #expect(try JSONDecoder().decode(FileFacts.self, from: JSONEncoder().encode(facts)) == facts)
  }

  @Test func damagedCachesAreRefused() {
    let encoded = Repository.facts("a/b/service.py", Self.python).encoded
    for length in 0..<encoded.count { #expect(FileFacts(encoded: Array(encoded.prefix(length))) == nil) }
    #expect(FileFacts(encoded: encoded + [0]) == nil)
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      var bytes = encoded
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      // Either refused, or tables that an index can be built from.
      guard let facts = FileFacts(encoded: bytes) else { continue }
      let index = ContextIndex([("a.py", facts), ("b.py", facts)])
      #expect(index.fileCount == 2)
    }
  }

  @Test(arguments: [
    ("x.js", "import a, { b } from './util/a.js';\nconst c = require('../c');\n", ["./util/a.js", "../c"]),
    (
      "x.go", "package p\n\nimport (\n\t\"fmt\"\n\t\"example.org/m/query\"\n)\n",
      ["fmt", "example.org/m/query"]
    ),
    ("x.rs", "use crate::a::b::{C, d::E};\nuse super::f::G;\nmod h;\n", ["a/b:C,d", "../f:G", "./h"]),
    ("X.java", "package p;\n\nimport a.b.C;\nimport static a.b.D.*;\n", ["a/b/C", "a/b/D"]),
    ("x.c", "#include \"lib/x.h\"\n#include <stdio.h>\n", ["lib/x.h", "stdio.h"]),
    ("x.swift", "import Foundation\n@testable import Thing\n", ["Foundation", "Thing"]),
    ("x.rb", "require_relative 'a/b'\nrequire 'json'\n", ["./a/b", "json"]),
  ])
  func readsImportsOfEachLanguage(path: String, text: String, expected: [String]) {
    #expect(Repository.facts(path, text).tables.imports.map(\.path).sorted() == expected.sorted())
  }

  @Test func aNoticeAtTheTopIsInNoChunk() {
    let notice = (0..<10).map { "# Licensed under some terms, line \($0)\n" }.joined()
    let chunks = Repository.facts("a.py", notice + "\n" + Self.python).chunkLines
    #expect(chunks.first?.lowerBound == 11)
    #expect(Repository.facts("a.py", notice).chunkLines.isEmpty)
  }

  @Test func aShortNoticeIsInNoChunkEither() {
    let notice = "# Copyright 2024 Someone\n# SPDX-License-Identifier: MIT\n"
    let text = Array((notice + "class Thing:\n    size = other_number\n    colour = deep_blue\n").utf8)
    let parts = Repository.catalog.parse(text, language: "python").parts
    // With and without the newline behind the comment.
    for end in [notice.utf8.count - 1, notice.utf8.count] {
      let facts = FileFacts(path: "a.py", source: text, parts: parts, notice: 0..<end)
      #expect(facts.chunkLines == [2..<5])
      #expect(facts.tables.definitions.allSatisfy { $0.lines.lowerBound >= 2 })
    }
    let whole = FileFacts(path: "a.py", source: text, parts: parts, notice: 0..<text.count)
    #expect(whole.chunkLines.isEmpty)
  }

  @Test func chunksAreInOrderAndApart() {
    let chunks = Repository.facts("a.py", String(repeating: Self.python + "\n", count: 30)).chunkLines
    #expect(chunks.count > 30)
    for (left, right) in zip(chunks, chunks.dropFirst()) { #expect(left.upperBound <= right.lowerBound) }
    #expect(chunks.allSatisfy { (1...ChunkLines.longest).contains($0.count) })
  }
}
