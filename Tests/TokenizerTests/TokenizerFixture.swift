import Foundation
import Testing
import Weights

@testable import Tokenizer

/// Files of the tests, and files that only some machines have.
enum Fixture {
  static let repository = URL(fileURLWithPath: #filePath + "/../../..").standardized.path
  static let folder = repository + "/Tests/Fixtures/tokenizer"

  static func small() throws -> Tokenizer {
    try Tokenizer(sentencePieceModel: folder + "/small-spm.model")
  }

  /// One text with the tokens that the reference gives for it.
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let ids: [Int32]
    let idsWithSpecial: [Int32]
    let decoded: String
    var testDescription: String { "\(text.prefix(30).debugDescription)" }
  }

  static func cases(_ path: String) throws -> [Case] {
    func ids(_ value: JSONValue?) -> [Int32]? {
      value?.arrayValue?.compactMap { $0.intValue.map(Int32.init) }
    }
    let cases = try #require(try JSONValue(file: path)["cases"]?.arrayValue)
    return try cases.map { entry in
      let text = try #require(entry["text"]?.stringValue)
      let plain = try #require(ids(entry["ids"]))
      return Case(
        text: text, ids: plain, idsWithSpecial: ids(entry["ids_special"]) ?? plain,
        decoded: entry["decoded"]?.stringValue ?? text)
    }
  }

  /// A folder of its own for each test, removed by the system with the other temporary files.
  static func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder.path
  }
}
