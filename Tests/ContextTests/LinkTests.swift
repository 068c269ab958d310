import Testing

@testable import Context

/// Imports and tests find their files by names.
struct LinkTests {
  private func imports(_ path: String, _ text: String, others: [String]) -> [String] {
    var files = Dictionary(uniqueKeysWithValues: others.map { ($0, "x = 1\n") })
    files[path] = text
    let index = Repository(files).index
    return index.file(path).map { index.imports.imports(of: $0, hidden: nil).map { index.paths[$0] } } ?? []
  }

  @Test(arguments: [
    ("a/b/x.py", "from .y import f\n", "a/b/y.py"), ("a/b/x.py", "from ..c.y import f\n", "a/c/y.py"),
    ("x.py", "import a.b.y\n", "src/a/b/y.py"), ("x.py", "from a.b import y\n", "a/b/y.py"),
    ("x.py", "import a.b\n", "a/b/__init__.py"), ("w/x.ts", "import { f } from './y';\n", "w/y.ts"),
    ("w/x.ts", "import f from '../lib';\n", "lib/index.ts"),
    ("w/x.js", "const f = require('./y.js');\n", "w/y.js"),
    ("cmd/x.go", "package m\n\nimport \"example.org/me/query\"\n", "query/parse.go"),
    ("src/x.rs", "mod y;\n", "src/y.rs"), ("X.java", "import org.me.Y;\n", "src/main/java/org/me/Y.java"),
    ("src/x.c", "#include \"lib/y.h\"\n", "include/lib/y.h"),
    ("Sources/App/x.swift", "import Core\n", "Sources/Core/Thing.swift"),
    ("lib/x.rb", "require_relative 'a/y'\n", "lib/a/y.rb"),
  ])
  func anImportLeadsToItsFile(path: String, text: String, target: String) {
    let decoys = ["other/z.py", "other/z.ts", "other/z.go", "unrelated/readme.py"]
    #expect(imports(path, text, others: [target] + decoys) == [target])
  }

  @Test func whatFitsSeveralPlacesIsNoEdge() {
    #expect(imports("x.py", "import utils\n", others: ["a/utils.py", "b/utils.py", "c/utils.py"]).isEmpty)
    #expect(
      imports("a/x.py", "import utils\n", others: ["a/utils.py", "b/utils.py", "c/utils.py"]) == [
        "a/utils.py"
      ])
    #expect(imports("a/x.ts", "import './missing';\n", others: ["b/missing.ts"]).isEmpty)
  }

  /// Repositories of many packages have thousands of files called `index`.
  @Test(.timeLimit(.minutes(1))) func manyFilesOfOneNameDoNotSlowImportsDown() {
    let count = 3_000
    var files: [(path: String, facts: FileFacts)] = []
    for number in 0..<count {
      let others = (1...20).map { "import x\($0) from '../p\((number + $0) % count)';\n" }.joined()
      let path = "packages/p\(number)/index.js"
      files.append((path, Repository.facts(path, others + "import utils from 'p7/index';\n")))
    }
    var index = ContextIndex([])
    let spent = ContinuousClock().measure { index = ContextIndex(files) }
    let paths = index.file("packages/p0/index.js").map {
      index.imports.imports(of: $0, hidden: nil).map { index.paths[$0] }
    }
    #expect(paths == (1...20).map { "packages/p\($0)/index.js" })
    // A look at all of them for every import takes more than a minute.
    #expect(spent < .seconds(15))
  }

  @Test func ofManyFilesOfOneNameTheOneAboveIsMeant() {
    let others = (0..<100).map { "p\($0)/utils.py" }
    #expect(imports("p7/deep/x.py", "import utils\n", others: others) == ["p7/utils.py"])
    #expect(imports("elsewhere/x.py", "import utils\n", others: others).isEmpty)
    #expect(imports("elsewhere/x.py", "import p7.utils\n", others: others) == ["p7/utils.py"])
  }

  /// The same name elsewhere says nothing about this folder.
  @Test func aCompiledSuffixMeansTheSourceBesideIt() {
    #expect(
      imports("w/x.ts", "import { f } from './y.js';\n", others: ["w/y.ts", "v/y.js"]) == ["w/y.ts"])
  }

  @Test(arguments: [
    "tests/helpers.py", "Tests/Support.swift", "specs/cart.rb", "web/__tests__/cart.js", "pkg/testdata/a.go",
    "shop/test_cart.py", "query/parse_test.go", "lib/cart_spec.rb", "lib/cart-spec.js", "TestCart.java",
    "a/CartTest.java", "CartTests.swift", "CartSpec.scala", "web/cart.test.ts", "web/cart.spec.ts",
  ])
  func testsAreKnownByTheirNames(path: String) { #expect(TestPaths.isTest(path)) }

  @Test(arguments: [
    "", "src/latest.py", "contest.go", "Testimony.java", "testing.py", "inspect.py", "spec.md", "a.test",
    "protest/sign.c", "src/Attest.swift", ".test",
  ])
  func otherNamesAreNoTests(path: String) { #expect(!TestPaths.isTest(path)) }

  @Test(arguments: [
    ("tests/test_cart.py", "shop/cart.py"), ("tests/test_client.py", "httpx/_client.py"),
    ("query/parse_test.go", "query/parse.go"),
    ("Tests/CoreTests/ThingTests.swift", "Sources/Core/Thing.swift"),
    ("web/cart.spec.ts", "web/cart.ts"), ("web/__tests__/cart.js", "web/cart.ts"),
    ("src/test/java/CartTest.java", "src/main/java/Cart.java"), ("spec/cart_spec.rb", "lib/cart.rb"),
  ])
  func aTestBelongsToItsSubject(test: String, subject: String) throws {
    let files = Dictionary(
      uniqueKeysWithValues: [test, subject, "other/unrelated.py"].map { ($0, "x = 1\n") })
    let index = Repository(files).index
    let numbers = (try #require(index.file(test)), try #require(index.file(subject)))
    #expect(Array(index.tests[numbers.0]) == [UInt32(numbers.1)])
    #expect(Array(index.tests[numbers.1]) == [UInt32(numbers.0)])
  }
}
