import Testing

@testable import Syntax

/// Every language against its sample in `Tests/Fixtures/languages`.
struct SampleTests {
  /// Classes that the grammar of a language has nothing for.
  static let absent: [String: Set<String>] = [
    "bash": ["arguments", "parameters", "class", "import", "type"],
    "css": ["parameters", "assignment", "function", "class", "condition", "type", "literal"],
    "html": [
      "arguments", "parameters", "call", "assignment", "function", "class", "member", "import", "condition",
      "type",
      "literal",
    ],
    "json": [
      "block", "arguments", "parameters", "statement", "expression", "call", "function", "class", "import",
      "condition", "type", "comment",
    ],
    "lua": ["class", "import", "type"], "ruby": ["import", "type"], "zig": ["import"],
    "javascript": ["type"], "kotlin": ["literal"],
  ]

  @Test(arguments: Grammars.all)
  func aRealisticFileParsesWithoutErrors(name: String) throws {
    let source = try Grammars.sample(name)
    let tree = try #require(Grammars.language(name).parse(source))
    #expect(tree.errorCount() == 0)
    #expect(tree.root.roles.contains(.root))
    #expect(tree.root.byteRange.upperBound == source.count)
  }

  @Test(arguments: Grammars.all)
  func everyClassThatTheLanguageHasIsFound(name: String) throws {
    let tree = try #require(Grammars.language(name).parse(Grammars.sample(name)))
    let found = tree.nodes.reduce(into: NodeRoles()) { $0.formUnion($1.roles) }
    let optional: Set<String> = Self.absent[name, default: []].union(["punctuation"])
    for (role, bit) in NodeRoles.byName where !optional.contains(role) {
      #expect(found.contains(bit), "\(name) has no \(role)")
    }
  }

  /// What the chunker calls the functions and types of the samples.
  static let symbols: [(String, [String])] = [
    ("bash", ["free_space", "main"]), ("c", ["line", "total", "main"]), ("cpp", ["shop"]),
    ("csharp", ["Line", "State", "IPayable", "Order"]), ("go", ["Line", "Payer", "Total", "Load"]),
    ("java", ["Orders"]), ("javascript", ["Line", "load", "first"]),
    ("kotlin", ["Line", "State", "Order", "main"]), ("lua", ["Line.new", "Line:total", "sum"]),
    ("php", ["Line", "Payable", "Order", "main"]), ("python", ["Line", "load"]),
    ("ruby", ["Line", "Orders"]),
    ("rust", ["Line", "Failure", "Priced", "sum"]), ("swift", ["Line", "Failure", "Priced", "Order"]),
    ("tsx", ["Props", "Orders"]), ("typescript", ["Line", "State", "Order", "load", "empty"]),
    ("zig", ["Line", "sum", "main", "\"sum\""]),
  ]

  @Test(arguments: symbols)
  func theChunkerFindsItsFunctionsAndTypes(name: String, expected: [String]) throws {
    let source = try Grammars.sample(name)
    let chunks = try Chunker(language: Grammars.language(name)).chunks(of: source)
    let found = Set(chunks.map(\.symbol))
    for symbol in expected { #expect(found.contains(symbol), "\(symbol) is not in \(found.sorted())") }
  }

  @Test(arguments: ["csharp", "kotlin", "php", "zig", "cpp"])
  func longTypesAreCutAtTheirMembers(name: String) throws {
    let source = try Grammars.sample(name)
    let chunks = try Chunker(language: Grammars.language(name), maximumLines: 8).chunks(of: source)
    let found = chunks.map { $0.symbol.lowercased() }
    #expect(found.contains { $0.hasSuffix("total") || $0.hasSuffix("pay") }, "\(found)")
  }

  /// Behind a pattern of a shell's `case` stands a bracket that closes nothing.
  @Test(arguments: Grammars.all)
  func bracketsAndBlockWordsBalance(name: String) throws {
    let source = try Grammars.sample(name)
    let lexemes = try #require(Grammars.language(name).lexemes(of: source, from: 0))
    var open: [UInt8] = []
    for lexeme in lexemes {
      let text = String(decoding: source[lexeme.range], as: UTF8.self)
      if case .open(let bracket) = lexeme.kind { open.append(bracket) }
      if case .close(let bracket) = lexeme.kind {
        let opener = open.popLast()
        #expect(opener.map(Lexeme.closer) == bracket, "\(text) at \(lexeme.range.lowerBound)")
      }
    }
    #expect(open.isEmpty)
    #expect(lexemes.count > 20)
  }
}
