import Context
import Foundation
import Generation
import Syntax
import Testing

@testable import Completion

@Suite(.timeLimit(.minutes(1))) struct RepositoryNgramsTests {
  private static let catalog = LanguageCatalog(directories: [
    URL(fileURLWithPath: #filePath + "/../../..").standardized.path + "/.build/grammars"
  ])

  private let folder =
    FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path
    + "/gemfill-\(UUID().uuidString)"

  private func write(_ name: String, _ text: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
  }

  private func tokens(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }

  @Test func countsFollowTheFilesOfTheFolder() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write("a.py", "def first(value):\n    return value + 1\n")
    try write("b.py", "def second(value):\n    return value * 20\n")
    try write(".gemfillignore", "secret.py\n")
    try write("secret.py", "def hidden(value):\n    return value - 300\n")
    let ngrams = RepositoryNgrams { $0.map(Int32.init) }
    #expect(ngrams.index == nil && ngrams.mixture.repository == nil)
    let context = WorkspaceContext(root: folder, catalog: Self.catalog, observer: ngrams)
    await context.start()
    await context.settle()
    var index = try #require(ngrams.index)
    #expect(index.occurrences(of: tokens("return value")) == 2)
    #expect(index.occurrences(of: tokens("def hidden")) == 0, "a file that is kept out")

    // What is typed and not saved counts, until the document is closed.
    await context.documentChanged(path: "a.py", text: Array("def typed(value):\n    return value\n".utf8))
    await context.settle()
    index = try #require(ngrams.index)
    #expect(
      index.occurrences(of: tokens("def typed")) == 1 && index.occurrences(of: tokens("def first")) == 0)
    await context.documentClosed(path: "a.py")

    try FileManager.default.removeItem(atPath: folder + "/b.py")
    await context.filesChanged(paths: ["b.py"])
    await context.settle()
    index = try #require(ngrams.index)
    #expect(
      index.occurrences(of: tokens("def first")) == 1 && index.occurrences(of: tokens("def secon")) == 0)
    context.stop()
  }
}
