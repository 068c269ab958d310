import Foundation
import Testing
import Weights

@testable import Commands

struct CarveCommandTests {
  private struct Outcome {
    let code: ExitCode
    let output: String
    let errors: String
  }

  private func carve(_ words: [String]) async -> Outcome {
    let recorder = Recorder()
    let code = await Gemfill.run(["carve"] + words, recorder.console(json: words.contains("--json")))
    return Outcome(code: code, output: recorder.output, errors: recorder.error)
  }

  /// A folder with code in a language that needs no grammar.
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for number in 0..<6 {
      let text = (0..<30).map {
        "fun f\($0)(a: Int, b: Int) {\n    println(a + b * \($0), \"\u{1B}[31m\")\n}\n"
      }
      try text.joined().write(
        to: folder.appendingPathComponent("file\(number).kt"), atomically: true, encoding: .utf8)
    }
    try await body(folder.path)
  }

  @Test func jsonHoldsTheCountsAndTheFileHoldsTheExamples() async throws {
    try await withFolder { folder in
      let result = await carve([folder, "--out", folder + "/out.jsonl", "--json", "--preview", "2"])
      let json = try JSONValue(parsing: result.output)
      #expect(result.code == .done)
      #expect(json["files"] == 6)
      #expect(json["preview"]?.arrayValue?.count == 2)
      let lines = try String(contentsOfFile: folder + "/out.jsonl", encoding: .utf8).split(separator: "\n")
      #expect(json["examples"]?.intValue == lines.count)
      #expect(lines.count > 10)
    }
  }

  @Test func theSameSeedWritesTheSameBytes() async throws {
    try await withFolder { folder in
      for name in ["a", "b"] { _ = await carve([folder, "--out", folder + "/\(name).jsonl", "--seed", "9"]) }
      let first = FileManager.default.contents(atPath: folder + "/a.jsonl")
      #expect(first != nil)
      #expect(first == FileManager.default.contents(atPath: folder + "/b.jsonl"))
    }
  }

  @Test func shardsAreDisjointAndComplete() async throws {
    try await withFolder { folder in
      var total = 0
      for index in 1...3 {
        let result = await carve([folder, "--shard", "\(index)/3", "--json"])
        total += try JSONValue(parsing: result.output)["files"]?.intValue ?? 0
      }
      #expect(total == 6)
    }
  }

  @Test func previewsCannotCommandTheTerminal() async throws {
    try await withFolder { folder in
      let result = await carve([folder, "--preview", "20"])
      #expect(result.output.contains("println"))
      #expect(!result.output.contains("\u{1B}"))
    }
  }

  @Test(arguments: [
    (["--shard", "4/3"], "--shard"), (["--shard", "x"], "--shard"), (["--languages", "pyton"], "pyton"),
    (["--limit", "0"], "--limit"),
  ])
  func wrongUsageIsNamed(words: [String], name: String) async throws {
    try await withFolder { folder in
      let result = await carve([folder] + words)
      #expect(result.code == .usage)
      #expect(result.errors.contains(name))
      #expect(result.output.isEmpty)
    }
  }

  @Test func aFolderWithoutCodeIsAClearFailure() async throws {
    let result = await carve(["/nonexistent/repository"])
    #expect(result.code == .failed)
    #expect(result.errors.contains("/nonexistent/repository"))
  }
}
