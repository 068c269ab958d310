import Foundation
import Testing

@testable import Carving

struct ExampleFileTests {
  private func withPath(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString).jsonl"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func whatWasWrittenIsRead() throws {
    let examples = Corpora.carve(Corpora.python(files: 3), CarveOptions(seed: 1))
    try withPath { path in
      try ExampleFile.write(examples, to: path)
      let read = try ExampleFile.read(path)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(read == examples)
      #expect(text.split(separator: "\n").count == examples.count)
    }
  }

  @Test(arguments: [
    ("{}", "no JSON object"), ("nonsense", "no JSON object"), ("[1, 2", "no JSON object"),
    (
      #"{"path":"a","language":"c","kind":"N","nodePath":"","windowStart":0,"middleStart":5,"middleEnd":2,"prefix":"","middle":"","suffix":""}"#,
      "not in order"
    ),
    (
      #"{"path":"a","language":"c","kind":"N","nodePath":"","windowStart":0,"middleStart":1,"middleEnd":9,"prefix":"x","middle":"y","suffix":""}"#,
      "do not fit"
    ),
  ])
  func aBadLineIsNamed(line: String, reason: String) throws {
    try withPath { path in
      try ("\n" + line + "\n").write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: CarvingError.self) { try ExampleFile.read(path) }
      #expect(error.map { "\($0)" }?.contains(":2:") == true)
      #expect(error.map { "\($0)" }?.contains(reason) == true)
    }
  }

  @Test func aMissingFileAndAMissingFolderAreNamed() {
    #expect(throws: CarvingError.self) { try ExampleFile.read("/nonexistent/a.jsonl") }
    let error = #expect(throws: CarvingError.self) { try ExampleFile.write([], to: "/nonexistent/a.jsonl") }
    #expect(error.map { "\($0)" }?.contains("/nonexistent/a.jsonl") == true)
  }
}
