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
    let code = await Gemfill.run(
      ["carve", "--no-cache"] + words, recorder.console(json: words.contains("--json")))
    return Outcome(code: code, output: recorder.output, errors: recorder.error)
  }

  /// A folder with code in a language that needs no grammar.
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for number in 0..<6 {
      let text = (0..<30).map { line in
        // Files whose words differ: near copies would be left out.
        let word = "w\(number)x\((line * 7 + number * 13) % 31)"
        return
          "fun \(word)(\(word)a: Int, \(word)c: Long) {\n"
          + "    \(word)b(\(word)a + \(word)c * \(line), \"\u{1B}[31m\")\n}\n"
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

  @Test func shardsConcatenateToTheWhole() async throws {
    try await withFolder { folder in
      var parts = Data()
      for index in 1...3 {
        let path = folder + "/part\(index).jsonl"
        _ = await carve([folder, "--shard", "\(index)/3", "--out", path])
        parts += FileManager.default.contents(atPath: path) ?? Data()
      }
      _ = await carve([folder, "--out", folder + "/all.jsonl"])
      #expect(parts.count > 1_000)
      #expect(parts == FileManager.default.contents(atPath: folder + "/all.jsonl"))
    }
  }

  @Test func explanationsNameWhatBecameOfAFile() async throws {
    try await withFolder { folder in
      try "x".write(toFile: folder + "/short.kt", atomically: true, encoding: .utf8)
      let result = await carve([folder, "--explain", "file1.kt", "--explain", "short.kt", "--json"])
      let files = try JSONValue(parsing: result.output)["explanations"]?.arrayValue ?? []
      #expect(files.map { $0["path"]?.stringValue } == ["file1.kt", "short.kt"])
      #expect(files.first?["examples"]?.intValue ?? 0 > 0)
      #expect(files.last?["skipped"] == "too-short")
      #expect(await carve([folder, "--explain", "none.kt"]).errors.contains("none.kt"))
    }
  }

  @Test func previewsCannotCommandTheTerminal() async throws {
    try await withFolder { folder in
      let result = await carve([folder, "--preview", "20"])
      #expect(result.output.contains("fun w"))
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
