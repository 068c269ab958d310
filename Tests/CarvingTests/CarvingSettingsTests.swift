import Foundation
import Testing

@testable import Carving

struct CarvingSettingsTests {
  private func read(_ text: String) throws -> CarvingSettings {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try CarvingSettings.read(path)
  }

  @Test func whatWasWrittenIsRead() throws {
    var settings = CarvingSettings.measured
    settings.classes[.node] = 3.5
    settings.lengths[.siblingRun]?.inLine[2] = 0.25
    settings.units[.call] = 99
    settings.triggers[.comma] = 0
    settings.modifiers.midToken = 0.125
    settings.caps.nodeBytes = 512
    settings.windowBytes = 4_000
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try settings.write(to: path)
    #expect(try CarvingSettings.read(path) == settings)
    #expect(try JSONDecoder().decode(CarvingSettings.self, from: JSONEncoder().encode(settings)) == settings)
  }

  @Test func whatIsMissingKeepsItsDefault() throws {
    #expect(try read("{}") == .measured)
    let settings = try read(#"{"classes": {"N": 50}, "lengths": {"B": {"lines": {"16-30": 90}}}}"#)
    #expect(settings.classes[.node] == 50)
    #expect(settings.classes[.siblingRun] == 22)
    #expect(settings.lengths[.blockTail]?.lines == [0, 43, 32, 90])
    #expect(settings.lengths[.blockTail]?.inLine == CarvingSettings.measured.lengths[.blockTail]?.inLine)
  }

  @Test func theHashSaysWhetherSettingsAreEqual() throws {
    var other = CarvingSettings.measured
    #expect(other.hash == CarvingSettings.measured.hash)
    #expect(try read(#"{"plainShare": 0.15}"#).hash == CarvingSettings.measured.hash)
    other.triggers[.quote] = 2.5
    #expect(other.hash != CarvingSettings.measured.hash)
    #expect(other.hash.count == 64)
  }

  @Test(arguments: [
    (#"{"clases": {}}"#, "clases", "did you mean classes? known here: "),
    (#"{"caps": {"nodeByte": 90}}"#, "caps.nodeByte", "did you mean caps.nodeBytes?"),
    (#"{"midToken": 0.1}"#, "midToken", "did you mean modifiers.midToken?"),
    (#"{"windowBytes": true}"#, "windowBytes", "is true; must be a number"),
    (#"{"windowBytes": [1]}"#, "windowBytes", "is a list; must be a number"),
    (#"{"windowBytes": null}"#, "windowBytes", "is null; must be a number"),
    (#"{"plainShare": 7}"#, "plainShare", "is 7; must be a number from 0 to 1"),
    (#"{"classes": {"Q": 1}}"#, "classes.Q", "known here: B, C"),
    (#"{"classes": {"P": 1}}"#, "classes.P", "no such setting"),
    (#"{"classes": {"N": -1}}"#, "classes.N", "must be a number from 0"),
    (#"{"classes": {"N": "many"}}"#, "classes.N", "is 'many'; must be a number from 0"),
    (#"{"classes": 3}"#, "classes", "is 3; must be a JSON object"),
    (
      #"{"classes": {"N":0,"R":0,"L":0,"B":0,"C":0,"I":0,"S":0,"E":0}}"#, "classes", "all shares are zero"
    ),
    (#"{"lengths": {"N": {"lines": {"2-6": 1}}}}"#, "lengths.N.lines.2-6", "known here: 1, 16-30"),
    (#"{"plainShare": 1.5}"#, "plainShare", "from 0 to 1"),
    (#"{"modifiers": {"midToken": 2}}"#, "modifiers.midToken", "from 0 to 1"),
    (#"{"windowBytes": 10}"#, "windowBytes", "from 200"),
    (#"{"windowBytes": 300.5}"#, "windowBytes", "whole number"),
    (#"{"caps": {"smallestNode": 900}}"#, "caps.smallestNode", "lower it to at most 700"),
    (#"{"units": {"kall": 1}}"#, "units.kall", "known here: arguments"), (#"[1]"#, "{}", "JSON object"),
    (#"{"#, "{}", "JSON object"),
  ])
  func nonsenseIsNamedWithItsKey(text: String, key: String, reason: String) {
    let error = #expect(throws: CarvingError.self) { try read(text) }
    guard case .settings(let path, let found, let said)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found == key)
    #expect(said.contains(reason), "\(said)")
    #expect(path.contains("gemfill-"))
  }

  @Test func aMissingFileIsNamed() {
    #expect(throws: CarvingError.self) { try CarvingSettings.read("/nonexistent/settings.json") }
  }

  @Test func sharesOfAllExamplesAddUpToOne() {
    let shares = CarvingSettings.measured.shares
    #expect(abs(shares.values.reduce(0, +) - 1) < 1e-9)
    #expect(shares[.plain] == 0.15)
    #expect(abs((shares[.node] ?? 0) - 0.24 * 0.85) < 1e-9)
  }
}
