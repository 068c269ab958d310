import Foundation
import Generation
import Syntax
import Testing

@testable import LanguageServer

@Suite(.timeLimit(.minutes(1))) struct ContextTests {
  /// A folder with a file that the open document imports.
  private static func folder() throws -> String {
    let path =
      FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path + "/gemfill-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path + "/pkg", withIntermediateDirectories: true)
    let other = "def discount_for(customer, amount):\n    return amount * customer.vip_rate\n"
    try Data(other.utf8).write(to: URL(fileURLWithPath: path + "/pkg/pricing.py"))
    return path
  }

  private static let text =
    "from .pricing import discount_for\n\n\ndef total(customer, amount):\n    rest = discount_for(customer, amount)\n    \n"

  private static let catalog = LanguageCatalog(directories: [
    URL(fileURLWithPath: #filePath + "/../../..").standardized.path + "/.build/grammars"
  ])

  private func client(_ readsContext: Bool) throws -> TestClient {
    TestClient(
      FakeModel("value"), folder: try Self.folder(), catalog: Self.catalog, readsContext: readsContext)
  }

  /// Asks at growing versions until the model was shown snippets.
  private func askUntilSnippetsAreShown(_ client: TestClient) async throws {
    for version in 2... {
      client.insert("x", line: 5, column: 4, version: version)
      _ = try await client.complete(line: 5, column: 5 + version - 2)
      if client.model.contexts.last?.isEmpty == false { return }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func aModelThatReadsOtherFilesIsShownThem() async throws {
    let client = try client(true)
    try await client.start()
    client.open(Self.text)
    try await askUntilSnippetsAreShown(client)
    let shown = try #require(client.model.contexts.last?.last)
    #expect(shown.path == "pkg/pricing.py")
    #expect(String(decoding: shown.text, as: UTF8.self).contains("def discount_for"))
    client.hangUp()
    _ = await client.running.value
  }

  @Test func aModelThatDoesNotIsNotUnlessTheClientSaysSo() async throws {
    let client = try client(false)
    try await client.start()
    client.open(Self.text)
    _ = try await client.complete(line: 5, column: 4)
    #expect(client.model.contexts == [[]])
    client.notify("workspace/didChangeConfiguration", #"{"settings":{"gemfill":{"context":"on"}}}"#)
    try await askUntilSnippetsAreShown(client)
    #expect(client.model.contexts.last?.last?.path == "pkg/pricing.py")
    client.hangUp()
    _ = await client.running.value
  }

  @Test func textThatIsNotSavedIsShownToo() async throws {
    let client = try client(true)
    try await client.start()
    client.open(Self.text)
    let other = "file://\(client.folder)/pkg/pricing.py"
    client.open("def discount_for(customer, amount):\n    return amount * 2\n", uri: other)
    var isChanged = false
    for version in 2... {
      client.insert("x", line: 5, column: 4, version: version)
      _ = try await client.complete(line: 5, column: 5 + version - 2)
      let shown = client.model.contexts.last?.last.map { String(decoding: $0.text, as: UTF8.self) } ?? ""
      if shown.contains("customer.loyalty") { break }
      if shown.contains("amount * 2"), !isChanged {
        client.change("customer.loyalty", from: (1, 20), to: (1, 21), version: 2, uri: other)
        isChanged = true
      }
      // Saving the document that asks has the index brought up to date without delay; the other one is not saved.
      client.notify("textDocument/didSave", "{\"textDocument\":{\"uri\":\"\(client.uri)\"}}")
      try await Task.sleep(for: .milliseconds(400))
    }
    client.hangUp()
    _ = await client.running.value
  }

  @Test func theClientCanTurnItOff() async throws {
    let client = try client(true)
    try await client.start(#","initializationOptions":{"context":"off"}"#)
    client.open(Self.text)
    client.notify("textDocument/didSave", "{\"textDocument\":{\"uri\":\"\(client.uri)\"}}")
    _ = try await client.complete(line: 5, column: 4)
    #expect(client.model.contexts == [[]])
  }

  @Test func whatTheFolderHoldsIsMixedInUntilTheClientTurnsItOff() async throws {
    let client = try client(false)
    try await client.start()
    client.open(Self.text)
    var version = 1
    func ask() async throws -> NgramMixture? {
      version += 1
      client.insert("x", line: 5, column: 4, version: version)
      _ = try await client.complete(line: 5, column: 5 + version - 2)
      return try #require(client.model.mixtures.last)
    }
    // Before the folder is read the prompt alone counts.
    var mixture = try await ask()
    #expect(mixture != nil)
    while mixture?.repository == nil {
      try await Task.sleep(for: .milliseconds(20))
      mixture = try await ask()
    }
    // The test's tokens are bytes.
    #expect(mixture?.repository?.occurrences(of: Array("vip_rate".utf8).map(Int32.init)) == 1)
    client.notify("workspace/didChangeConfiguration", #"{"settings":{"gemfill":{"ngrams":false}}}"#)
    mixture = try await ask()
    #expect(mixture == nil)
    client.hangUp()
    _ = await client.running.value
  }
}
