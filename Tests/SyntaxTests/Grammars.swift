import Foundation
import Testing

@testable import Syntax

/// The grammars of this checkout. `scripts/test` builds them first, so a missing one fails the tests.
enum Grammars {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let built = root.appendingPathComponent(".build/grammars").path
  static let catalog = LanguageCatalog(directories: [built])
  static let all = [
    "bash", "c", "cpp", "csharp", "css", "go", "html", "java", "javascript", "json", "kotlin", "lua", "php",
    "python", "ruby", "rust", "swift", "tsx", "typescript", "zig",
  ]
  /// One made-up file of about fifty lines for each language.
  static let samples = root.appendingPathComponent("Tests/Fixtures/languages").path

  /// The sample of a language.
  static func sample(_ language: String) throws -> [UInt8] {
    let files = try FileManager.default.contentsOfDirectory(atPath: samples)
    let file = try #require(files.first { catalog.name(forPath: $0) == language })
    return try Array(Data(contentsOf: URL(fileURLWithPath: samples + "/" + file)))
  }

  /// A language, or a test failure that says how to build it.
  static func language(_ name: String) throws -> Language {
    do {
      return try catalog.load(name)
    } catch {
      Issue.record("\(error)")
      throw error
    }
  }
}

/// Text with a marker `|` at the cursor, split there.
func split(_ marked: String) -> (prefix: [UInt8], suffix: [UInt8]) {
  let parts = marked.split(separator: "¦", maxSplits: 1, omittingEmptySubsequences: false)
  return (Array(parts[0].utf8), parts.count > 1 ? Array(parts[1].utf8) : [])
}
