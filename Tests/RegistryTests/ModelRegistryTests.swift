import Database
import Foundation
import Testing
import Weights

@testable import Registry

/// A home in a folder that disappears with the test, and what to put into it.
final class TemporaryHome: Sendable {
  let folder: String
  let home: Home

  init() throws {
    folder =
      FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    home = Home(path: folder + "/home")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// A PEFT adapter of one tiny layer.
  @discardableResult
  func makeAdapter(
    _ name: String, base: String = String(repeating: "a", count: 64), at directory: String? = nil,
    card: Bool = true
  ) throws -> String {
    let directory = directory ?? home.adapter(name)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let module = PEFTAdapter.OutputModule(
      modulePath: "model.layers.0.self_attn.q_proj", inputs: 3, outputs: 2, a: [1, 2, 3], b: [4, 5])
    try PEFTAdapter.write([module], rank: 1, alpha: 2, baseModelName: "tiny", to: directory)
    if card { try AdapterCard(name: name, baseName: "tiny.gguf", baseSHA256: base).write(to: directory) }
    return directory
  }
}

struct ModelRegistryTests {
  private let place: TemporaryHome
  private let registry: ModelRegistry

  init() throws {
    place = try TemporaryHome()
    registry = try ModelRegistry(home: place.home)
  }

  private func register(_ names: String...) throws {
    for name in names { try registry.register(directory: place.makeAdapter(name)) }
  }

  private func states() throws -> [String: ModelRegistry.State] {
    Dictionary(uniqueKeysWithValues: try registry.adapters().map { ($0.name, $0.state) })
  }

  @Test func registeredAdapterIsACandidateUntilPromoted() throws {
    try register("one", "two")
    #expect(try states() == ["one": .candidate, "two": .candidate])
    #expect(try registry.promote("one") == nil)
    #expect(try registry.promote("two") == "one")
    #expect(try registry.promote("two") == nil)
    #expect(try states() == ["one": .retired, "two": .live])
    #expect(try registry.liveAdapter(baseSHA256: String(repeating: "a", count: 64))?.name == "two")
    #expect(try registry.liveAdapter(baseSHA256: String(repeating: "b", count: 64)) == nil)
  }

  @Test func aCardKeepsWhatPromptsWereMadeOf() throws {
    let directory = try place.makeAdapter("one")
    var card = try AdapterCard(directory: directory)
    #expect(card.contextShare == 0 && card.fimTokens == nil)
    card.contextShare = 0.6
    card.carvingHash = "abc"
    var marks = JSONObject()
    marks["source"] = "unused"
    marks["prefix"] = ["id": 67, "piece": "<unused60>"]
    card.fimTokens = marks
    try card.write(to: directory)
    #expect(try AdapterCard(directory: directory) == card)
  }

  @Test func rollbackWalksBackToTheBareBase() throws {
    try register("one", "two")
    for name in ["one", "two", "one"] { try registry.promote(name) }
    #expect(try registry.rollback() == .init(retired: "one", live: "two"))
    #expect(try registry.rollback() == .init(retired: "two", live: "one"))
    #expect(try registry.rollback() == .init(retired: "one", live: nil))
    #expect(throws: RegistryError.nothingToRollBack) { try registry.rollback() }
    #expect(try states() == ["one": .retired, "two": .retired])
  }

  @Test func rollbackPassesOverRemovedAdapters() throws {
    try register("one", "two", "three")
    for name in ["one", "two", "three"] { try registry.promote(name) }
    try registry.remove("two")
    #expect(try registry.rollback() == .init(retired: "three", live: "one"))
  }

  @Test func basesHaveLiveAdaptersOfTheirOwn() throws {
    try register("one")
    let other = String(repeating: "b", count: 64)
    try registry.register(directory: place.makeAdapter("other", base: other))
    try registry.promote("one")
    #expect(try registry.promote("other") == nil)
    #expect(try states() == ["one": .live, "other": .live])
    #expect(try registry.rollback() == .init(retired: "other", live: nil))
    #expect(try states()["one"] == .live)
  }

  @Test func adapterOfAnotherBaseIsRefused() throws {
    try register("one")
    let adapter = try registry.adapter(named: "one")
    try ModelRegistry.check(adapter, baseName: "tiny.gguf", baseSHA256: String(repeating: "a", count: 64))
    let error = #expect(throws: RegistryError.self) {
      try ModelRegistry.check(adapter, baseName: "big.gguf", baseSHA256: String(repeating: "c", count: 64))
    }
    let text = error?.description ?? ""
    #expect(
      text.contains("'one' was trained on tiny.gguf (sha256 aaaaaaaaaaaa…), not on big.gguf"), "\(text)")
  }

  @Test func liveAdapterCannotBeRemovedAndOthersTakeTheirFilesAlong() throws {
    try register("one", "two")
    try registry.promote("one")
    #expect(throws: RegistryError.isLive("one")) { try registry.remove("one") }
    try registry.remove("two")
    #expect(try states() == ["one": .live])
    #expect(!FileManager.default.fileExists(atPath: place.home.adapter("two")))
    #expect(FileManager.default.fileExists(atPath: place.home.adapter("one")))
  }

  @Test func removingAnAdapterThatLivesElsewhereKeepsItsFiles() throws {
    let outside = try place.makeAdapter("far", at: place.folder + "/outside")
    try registry.register(directory: outside)
    try registry.remove("far")
    #expect(FileManager.default.fileExists(atPath: outside + "/card.json"))
  }

  @Test func namesAreUniqueAndHarmless() throws {
    try register("one")
    #expect(throws: RegistryError.taken(what: "adapter", name: "one")) {
      try registry.register(directory: place.home.adapter("one"))
    }
    #expect(try registry.freeName("one") == "one-2")
    for name in ["", "../x", "a/b", ".hidden", "-x", "a b", "ä", String(repeating: "x", count: 65)] {
      #expect(throws: RegistryError.badName(name)) { try ModelRegistry.check(name: name) }
    }
    for name in ["base", "n-gram"] {
      #expect(throws: RegistryError.reservedName(name)) {
        try registry.register(directory: place.makeAdapter(name))
      }
      #expect(try registry.freeName(name) == name + "-2")
    }
    #expect(throws: RegistryError.unknown(what: "adapter", name: "no", known: ["one"])) {
      try registry.adapter(named: "no")
    }
  }

  @Test func metricsReachRegistryAndCard() throws {
    try register("one")
    try registry.setMetrics(JSONObject([("exact", .double(0.25))]), ofAdapter: "one")
    #expect(try registry.adapter(named: "one").metrics["exact"] == .double(0.25))
    #expect(try AdapterCard(directory: place.home.adapter("one")).metrics["exact"] == .double(0.25))
  }

  @Test func importCopiesAndExportGivesTheSameFilesBack() throws {
    let source = try place.makeAdapter("mine", at: place.folder + "/source")
    let adapter = try registry.importAdapter(from: source, name: "renamed")
    #expect(adapter.directory == place.home.adapter("renamed") && adapter.state == .candidate)
    let out = place.folder + "/out"
    try registry.exportAdapter("renamed", to: out)
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      #expect(FileManager.default.contentsEqual(atPath: source + "/" + name, andPath: out + "/" + name))
    }
    #expect(try AdapterCard(directory: out).name == "renamed")
    #expect(throws: RegistryError.self) { try registry.exportAdapter("renamed", to: out) }
  }

  @Test func importWithoutACardNeedsItsBase() throws {
    let source = try place.makeAdapter("bare", at: place.folder + "/bare", card: false)
    let error = #expect(throws: RegistryError.self) { try registry.importAdapter(from: source) }
    #expect(error?.description.contains("--base") == true)
    let base = place.folder + "/base.gguf"
    try Data("weights".utf8).write(to: URL(fileURLWithPath: base))
    let adapter = try registry.importAdapter(from: source, base: base)
    #expect(adapter.name == "bare" && adapter.baseName == "base.gguf")
    #expect(adapter.baseSHA256 == SHA256.hash(Array("weights".utf8)))
  }

  @Test func failedImportLeavesNothing() throws {
    let source = try place.makeAdapter("bad", at: place.folder + "/bad")
    try Data("{}".utf8).write(to: URL(fileURLWithPath: source + "/adapter_model.safetensors"))
    #expect(throws: WeightsError.self) { try registry.importAdapter(from: source) }
    #expect(try registry.adapters().isEmpty)
    #expect(((try? FileManager.default.contentsOfDirectory(atPath: place.home.adapters)) ?? []).isEmpty)
  }

  @Test func changedFileIsHashedAgain() throws {
    let path = place.folder + "/m.gguf"
    try Data("first".utf8).write(to: URL(fileURLWithPath: path))
    #expect(try registry.sha256(ofModel: path) == SHA256.hash(Array("first".utf8)))
    try Data("second".utf8).write(to: URL(fileURLWithPath: path))
    #expect(try registry.sha256(ofModel: path) == SHA256.hash(Array("second".utf8)))
  }

  @Test func modelsAreFoundByNameOrPath() throws {
    let path = place.folder + "/m.gguf"
    try Data("weights".utf8).write(to: URL(fileURLWithPath: path))
    try registry.addModel(name: "mine", path: path)
    #expect(try registry.resolveBase("mine") == path)
    #expect(try registry.resolveBase(path) == path)
    #expect(throws: RegistryError.self) { try registry.resolveBase("none") }
    #expect(throws: RegistryError.taken(what: "model", name: "mine")) {
      try registry.addModel(name: "mine", path: path)
    }
    try registry.removeModel("mine")
    #expect(try registry.models().isEmpty && FileManager.default.fileExists(atPath: path))
  }

  @Test func aFileInTheHomeStaysAsLongAsAnyNameLeadsToIt() throws {
    try FileManager.default.createDirectory(atPath: place.home.models, withIntermediateDirectories: true)
    let path = place.home.models + "/m.gguf"
    try Data("weights".utf8).write(to: URL(fileURLWithPath: path))
    try registry.addModel(name: "one", path: path)
    try registry.addModel(name: "other", path: path)
    try registry.removeModel("other")
    #expect(FileManager.default.fileExists(atPath: path))
    try registry.removeModel("one")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func twoRegistriesPromotingAtOnceLeaveOneLiveAdapter() async throws {
    try register("one", "two")
    let home = place.home
    try await withThrowingTaskGroup(of: Void.self) { group in
      for name in ["one", "two"] {
        group.addTask {
          let own = try ModelRegistry(home: home)
          for _ in 0..<20 { try own.promote(name) }
        }
      }
      try await group.waitForAll()
    }
    #expect(try registry.adapters().count { $0.state == .live } == 1)
  }

  @Test func damagedRegistryIsReportedAndKept() throws {
    let other = try TemporaryHome()
    try FileManager.default.createDirectory(atPath: other.home.path, withIntermediateDirectories: true)
    let junk = Data(repeating: 0x7A, count: 5_000)
    try junk.write(to: URL(fileURLWithPath: other.home.registry))
    let error = #expect(throws: DatabaseError.self) { try ModelRegistry(home: other.home) }
    #expect(error?.description.contains("left as it is") == true)
    #expect(try Data(contentsOf: URL(fileURLWithPath: other.home.registry)) == junk)
  }
}

struct AdapterCardTests {
  @Test func cardSurvivesTheDisk() throws {
    let place = try TemporaryHome()
    var card = AdapterCard(name: "n", baseName: "b.gguf", baseSHA256: String(repeating: "0f", count: 32))
    card.dataPath = "repo"
    card.dataCommit = "abc"
    card.seed = .max
    card.promptOrder = "psm"
    card.rank = 8
    card.alpha = 16
    card.targetModules = ["q_proj"]
    card.steps = 10
    card.tokens = 20
    card.losses = [2.5, 1.25]
    card.created = "2026-01-01T00:00:00Z"
    card.parent = "p"
    card.metrics = JSONObject([("exact", .double(0.5))])
    try card.write(to: place.folder)
    #expect(try AdapterCard(directory: place.folder) == card)
  }

  @Test(arguments: [
    ("{", "the file"), ("[]", "'name'"), (#"{"name": 3}"#, "'name'"),
    (#"{"name":"n","base_name":"b"}"#, "'base_sha256'"),
    (#"{"name":"n","base_name":"b","base_sha256":"zz"}"#, "'base_sha256'"),
  ])
  func damagedCardNamesTheField(_ text: String, _ field: String) throws {
    let place = try TemporaryHome()
    try Data(text.utf8).write(to: URL(fileURLWithPath: AdapterCard.path(in: place.folder)))
    let error = #expect(throws: RegistryError.self) { try AdapterCard(directory: place.folder) }
    #expect(error?.description.contains(field) == true, "\(error?.description ?? "")")
  }
}

struct HomeTests {
  @Test func environmentChoosesTheHome() throws {
    #expect(
      try Home.standard(environment: ["GEMFILL_HOME": "/g", "XDG_DATA_HOME": "/x", "HOME": "/h"]).path == "/g"
    )
    #expect(try Home.standard(environment: ["XDG_DATA_HOME": "/x", "HOME": "/h"]).path == "/x/gemfill")
    #expect(
      try Home.standard(environment: ["GEMFILL_HOME": "", "HOME": "/h"]).path == "/h/.local/share/gemfill")
    #expect(throws: RegistryError.self) { try Home.standard(environment: [:]) }
    #expect(throws: RegistryError.self) {
      try Home.standard(environment: ["GEMFILL_HOME": "here", "HOME": "/h"])
    }
  }

  @Test func baseIsFoundAboveTheExecutable() throws {
    let place = try TemporaryHome()
    let base = place.folder + "/models/gemfill-base/" + EmbeddedBase.fileName
    let executable = place.folder + "/.build/release/gemfill"
    for path in [base, executable] {
      try FileManager.default.createDirectory(
        at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: path))
    }
    let found = try EmbeddedBase.path(environment: [:], executable: executable)
    #expect(
      URL(fileURLWithPath: found).resolvingSymlinksInPath()
        == URL(fileURLWithPath: base).resolvingSymlinksInPath())
    #expect(try EmbeddedBase.path(environment: ["GEMFILL_BASE": executable]) == executable)
    #expect(throws: RegistryError.self) {
      try EmbeddedBase.path(environment: ["GEMFILL_BASE": "/no/such/file"])
    }
  }
}
