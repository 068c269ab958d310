import Foundation
import Syntax
import Testing

@testable import Corpus

/// A folder that is removed when the value goes away.
final class TemporaryFolder {
  let url: URL
  var path: String { url.path }
  /// Seconds since 1970 of the clock that commits are made by; nil for the machine's.
  var clock: Int?

  init() throws {
    url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appendingPathComponent(
      "gemfill-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func write(_ path: String, _ text: String) throws {
    try write(path, Array(text.utf8))
  }

  func write(_ path: String, _ bytes: [UInt8]) throws {
    let place = url.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: place)
  }

  @discardableResult
  func git(_ arguments: String...) throws -> String {
    var environment = ProcessInfo.processInfo.environment
    if let clock { environment["GIT_COMMITTER_DATE"] = "\(clock) +0000" }
    let child = try ChildProcess(
      "git",
      ["-C", path, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        + arguments, environment: environment)
    let output = FileHandle(fileDescriptor: child.output, closeOnDealloc: true).readDataToEndOfFile()
    try #require(child.waitForExit() == 0, "git \(arguments.joined(separator: " "))")
    return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The grammars of this checkout.
enum Fixtures {
  static let catalog: LanguageCatalog = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return LanguageCatalog(directories: [root.appendingPathComponent(".build/grammars").path])
  }()

  static let code = "def area(width, height):\n    return width * height\n"

  static func walk(_ folder: TemporaryFolder, options: RepositoryWalker.Options = .init()) throws
    -> CorpusListing
  {
    try RepositoryWalker(root: folder.path, catalog: catalog, options: options).files()
  }
}
