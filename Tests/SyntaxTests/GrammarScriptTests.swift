import Foundation
import Testing

/// `scripts/grammars` with doctored descriptions and a local archive; nothing is downloaded.
struct GrammarScriptTests {
  private struct Outcome {
    let status: Int32
    let errors: String
  }

  private func run(_ edit: (URL) throws -> Void, check: (Outcome, URL) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    for name in ["grammars", "wheels"] {
      try FileManager.default.createDirectory(
        at: directory.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(
      at: Grammars.root.appendingPathComponent("grammars/go"),
      to: directory.appendingPathComponent("grammars/go"))
    try Data("not the pinned archive".utf8).write(
      to: directory.appendingPathComponent("wheels/tree_sitter_language_pack-0.9.1.tar.gz"))
    try edit(directory.appendingPathComponent("grammars/go/grammar.json"))
    let process = Process()
    process.executableURL = Grammars.root.appendingPathComponent("scripts/grammars")
    process.arguments = [
      "--grammars", directory.path + "/grammars", "--out", directory.path + "/out", "--downloads",
      directory.path + "/downloads",
    ]
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["PIP_FIND_LINKS": directory.path + "/wheels"], uniquingKeysWith: { $1 })
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let errors = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try check(Outcome(status: process.terminationStatus, errors: errors), directory)
  }

  private func replace(_ old: String, with new: String, in file: URL) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(text.contains(old))
    try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
  }

  @Test func wrongArchiveHashStopsAndLeavesNothing() throws {
    try run({ _ in }) { outcome, directory in
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("wrong SHA-256"))
      #expect(outcome.errors.contains("2da539751ecc50b9e6bbfca38b57501a3c55e67186a939d5bf149d9cb7220974"))
      let downloads = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/downloads")
      let built = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/out")
      #expect(downloads.isEmpty)
      #expect(built.isEmpty)
    }
  }

  @Test func pathsOutsideTheFolderAreRefused() throws {
    try run({ try replace("\"src/parser.c\"]", with: "\"../../parser.c\"]", in: $0) }) { outcome, _ in
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("leaves its folder"))
    }
  }

  @Test func malformedDescriptionIsNamed() throws {
    try run({ try Data("{".utf8).write(to: $0) }) { outcome, _ in
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("go/grammar.json"))
    }
  }
}
