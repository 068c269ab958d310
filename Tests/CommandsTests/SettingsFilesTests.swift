import Carving
import Foundation
import Registry
import Testing
import Weights

@testable import Commands

struct SettingsFilesTests {
  /// A home and a repository with a subfolder.
  private struct Place {
    let folder: String
    var home: Home { Home(path: folder + "/home") }
    var repository: String { folder + "/repository" }

    init() throws {
      folder =
        FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
        .resolvingSymlinksInPath().path
      for name in ["/home", "/repository/.git", "/repository/src", "/other"] {
        try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
      }
    }

    func write(_ text: String, to path: String) throws {
      try text.write(toFile: folder + "/" + path, atomically: true, encoding: .utf8)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
  }

  @Test func theRepositorysFileWinsOverTheHomesMemberByMember() throws {
    let place = try Place()
    defer { place.remove() }
    try place.write(#"{"carving": {"a": 1, "deep": {"x": 1, "y": 2}}, "editor": {}}"#, to: "home/config.json")
    try place.write(#"{"carving": {"deep": {"y": 3}, "list": [1]}}"#, to: "repository/.gemfill.json")
    let files = try SettingsFiles("carving", paths: [place.repository + "/src"], home: place.home)
    #expect(
      JSONValue.object(files.section) == ["a": 1, "deep": ["x": 1, "y": 3], "list": [1]])
    #expect(files.origins == [place.home.settings, place.repository + "/.gemfill.json"])
  }

  @Test func noFileIsNoSettings() throws {
    let place = try Place()
    defer { place.remove() }
    let files = try SettingsFiles(
      "carving", paths: [place.repository, place.folder + "/none"], home: place.home)
    #expect(files.section.isEmpty && files.origins.isEmpty)
  }

  @Test(arguments: ["{", "[]", #"{"carving": 3}"#, #"{"carving": {"#])
  func brokenFilesAreNamed(text: String) throws {
    let place = try Place()
    defer { place.remove() }
    try place.write(text, to: "repository/.gemfill.json")
    let error = #expect(throws: Failure.self) {
      try SettingsFiles("carving", paths: [place.repository], home: place.home)
    }
    #expect(error?.description.contains(place.repository + "/.gemfill.json") == true)
  }

  @Test func repositoriesThatSayDifferentThingsAreNotMixed() throws {
    let place = try Place()
    defer { place.remove() }
    try place.write(#"{"carving": {"a": 1}}"#, to: "repository/.gemfill.json")
    let error = #expect(throws: Failure.self) {
      try SettingsFiles("carving", paths: [place.repository, place.folder + "/other"], home: place.home)
    }
    #expect(error?.description.contains("differ") == true)
  }

  @Test func aWeightsFileIsASectionOrHoldsOne() throws {
    let place = try Place()
    defer { place.remove() }
    try place.write(#"{"carving": {"a": 1}}"#, to: "held.json")
    try place.write(#"{"a": 1}"#, to: "bare.json")
    try place.write(#"{"settingsHash": "0", "settings": {"a": 1}, "seed": 7}"#, to: "set.card.json")
    for name in ["/held.json", "/bare.json", "/set.card.json"] {
      var files = try SettingsFiles("carving", paths: [], home: place.home)
      try files.add(place.folder + name, key: "carving")
      #expect(JSONValue.object(files.section) == ["a": 1], "\(name)")
    }
    var none = try SettingsFiles("carving", paths: [], home: place.home)
    #expect(throws: Failure.self) { try none.add(place.folder + "/none", key: "carving") }
  }

  @Test(arguments: [
    (
      #"{"carving": {"caps": {"nodeBytes": "big"}}}"#,
      "carving.caps.nodeBytes: is 'big'; must be a number from 16"
    ),
    (
      #"{"carving": {"context": {"emptyShare": 3}}}"#,
      "carving.context.emptyShare: is 3; must be a number from 0"
    ),
    (
      #"{"context": {"emptyShares": 1}}"#,
      "context.emptyShares: no such setting; did you mean context.emptyShare?"
    ),
    (#"{"modifier": {"midToken": 1}}"#, "modifier: no such setting; did you mean modifiers?"),
    (#"{"deniedLicences": "MIT"}"#, "deniedLicences: is \"MIT\"; must be a list"),
    (
      #"{"carving": {"caps": {"smallestNode": 800}}}"#,
      "carving.caps.smallestNode: is 800, larger than caps.nodeBytes"
    ),
  ])
  func whatIsWrongIsSaidWithFileKeyValueAndRemedy(text: String, expected: String) throws {
    let place = try Place()
    defer { place.remove() }
    try place.write(#"{"carving": {"caps": {"nodeBytes": 500}, "plainShare": 0.2}}"#, to: "home/config.json")
    try place.write(text, to: "weights.json")
    var files = try SettingsFiles("carving", paths: [place.repository], home: place.home)
    try files.add(place.folder + "/weights.json", key: "carving")
    let error = #expect(throws: CarvingError.self) { try ChosenSettings(files) }
    let said = error?.description ?? ""
    #expect(said.hasPrefix("\(place.folder)/weights.json: \(expected)"), "\(said)")
  }

  @Test func theFileThatSaidItIsBlamedAndNoOther() throws {
    let place = try Place()
    defer { place.remove() }
    try place.write(#"{"carving": {"plainShare": 9}}"#, to: "home/config.json")
    try place.write(#"{"carving": {"testShare": 0.5}}"#, to: "repository/.gemfill.json")
    let files = try SettingsFiles("carving", paths: [place.repository], home: place.home)
    let error = #expect(throws: CarvingError.self) { try ChosenSettings(files) }
    #expect(error?.description.hasPrefix("\(place.home.settings): carving.plainShare: is 9;") == true)
  }
}
