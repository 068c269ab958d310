import Foundation
import Testing

@testable import Syntax

/// Grammar folders with one fault each.
struct CatalogErrorTests {
  private func folder(_ edit: (URL) throws -> Void) throws -> LanguageCatalog {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString)")
    let built = URL(fileURLWithPath: Grammars.built)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    for name in ["go", "go.so"] {
      try FileManager.default.copyItem(
        at: built.appendingPathComponent(name), to: directory.appendingPathComponent(name))
    }
    try edit(directory)
    let catalog = LanguageCatalog(directories: [directory.path])
    _ = catalog.language(named: "go")
    try FileManager.default.removeItem(at: directory)
    return catalog
  }

  private func error(of catalog: LanguageCatalog) -> String {
    do {
      _ = try catalog.load("go")
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func saysHowToBuildAMissingGrammar() throws {
    let catalog = try folder { try FileManager.default.removeItem(at: $0.appendingPathComponent("go.so")) }
    #expect(error(of: catalog).contains("run scripts/grammars"))
    #expect(catalog.language(forPath: "a.go") == nil)
  }

  @Test func refusesAFileThatIsNoLibrary() throws {
    let catalog = try folder { try Data("nonsense".utf8).write(to: $0.appendingPathComponent("go.so")) }
    #expect(error(of: catalog).contains("cannot be loaded"))
  }

  @Test func refusesANodeKindThatTheGrammarLacks() throws {
    let catalog = try folder {
      try Data(#"{"block": ["no_such_node"]}"#.utf8).write(to: $0.appendingPathComponent("go/nodes.json"))
    }
    #expect(error(of: catalog).contains("no_such_node"))
  }

  @Test func refusesAnUnknownClass() throws {
    let catalog = try folder {
      try Data(#"{"blok": ["block"]}"#.utf8).write(to: $0.appendingPathComponent("go/nodes.json"))
    }
    #expect(error(of: catalog).contains("unknown class blok"))
  }

  @Test func refusesAnotherSymbol() throws {
    let catalog = try folder {
      let path = $0.appendingPathComponent("go/grammar.json")
      let text = try String(contentsOf: path, encoding: .utf8)
      try text.replacingOccurrences(of: "tree_sitter_go", with: "tree_sitter_gone").write(
        to: path, atomically: true, encoding: .utf8)
    }
    #expect(error(of: catalog).contains("has no function tree_sitter_gone"))
  }

  @Test func reportsAMalformedDescriptionAndKeepsTheRest() throws {
    let catalog = try folder {
      let bad = $0.appendingPathComponent("bad")
      try FileManager.default.createDirectory(at: bad, withIntermediateDirectories: true)
      try Data("{".utf8).write(to: bad.appendingPathComponent("grammar.json"))
    }
    #expect(catalog.problems.count == 1)
    #expect(catalog.language(named: "go") != nil)
  }

  @Test func looksWhereTheEnvironmentPoints() {
    let given = LanguageCatalog.standardDirectories(
      environment: ["GEMFILL_GRAMMARS": "/a:/b"], executable: "/x/y", home: nil)
    #expect(given == ["/a", "/b"])
    let walked = LanguageCatalog.standardDirectories(
      environment: ["HOME": "/home/u"], executable: Grammars.root.path + "/.build/release/gemfill", home: nil)
    #expect(walked.first == Grammars.built)
    #expect(walked.last == "/home/u/.local/share/gemfill/grammars")
  }

  @Test func anotherBuildOrOtherClassesHaveAnotherStamp() throws {
    var stamps: [String] = []
    _ = try folder { directory in
      func note() { stamps.append(LanguageCatalog(directories: [directory.path]).stamp(of: "go")) }
      note()
      try Data(#"{"block": ["block"]}"#.utf8).write(to: directory.appendingPathComponent("go/nodes.json"))
      note()
      try FileManager.default.removeItem(at: directory.appendingPathComponent("go.so"))
      note()
    }
    #expect(Set(stamps).count == 3)
  }
}
