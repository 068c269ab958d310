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
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "git", "-C", path, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c",
        "commit.gpgsign=false",
      ] + arguments
    if let clock {
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["GIT_COMMITTER_DATE": "\(clock) +0000"], uniquingKeysWith: { $1 })
    }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "git \(arguments.joined(separator: " "))")
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
