import Foundation
import Testing

@testable import Commands

struct HeldOutTextTests {
  private func texts(_ name: String, _ text: String) throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent(name).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return HeldOutText.texts(of: try HeldOutText.read(path), path: path).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @Test func linesOfJSONGiveTheirStringsWithoutEscapes() throws {
    let lines = #"""
      {"id": "a/1", "prompt": "def area(width):\n\treturn width\n", "tests": [{"code": "assert area(3) == 3 # once"}]}
      {"broken": "no end
      """#
    #expect(
      try texts("set.jsonl", lines) == [
        "def area(width):\n\treturn width\n", "assert area(3) == 3 # once", "{\"broken\": \"no end",
      ])
  }

  @Test func aDocumentGivesItsStringsAndOtherFilesThemselves() throws {
    let document = #"{"cases": ["a text that is long enough to say something", "short"]}"#
    #expect(try texts("set.json", document) == ["a text that is long enough to say something"])
    #expect(try texts("set.txt", document) == [document])
  }
}
