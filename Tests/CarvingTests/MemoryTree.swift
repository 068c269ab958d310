import Foundation
import Synchronization
import Testing

@testable import Carving
@testable import Corpus

/// Files in memory that can change between two reads, and a count of the reads.
final class MemoryTree: SourceTree {
  let origin = SourceOrigin(path: "memory")
  let entries: [SourceEntry]
  let skipped: [SkippedPath] = []
  let licences: TreeLicences
  private let state: Mutex<State>

  private struct State {
    var files: [String: [UInt8]]
    var reads = 0
  }

  /// - Parameter objects: whether entries have blob names, as in a commit.
  init(_ files: [String: String], objects: Bool = false, changed: [String: Int] = [:]) {
    entries = files.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { path, text in
      SourceEntry(
        path: path, size: text.utf8.count, object: objects ? ContentHash(Array(text.utf8)).hex : nil,
        changed: changed[path])
    }
    licences = TreeLicences(
      files.compactMap { path, text in
        let parts = path.split(separator: "/")
        guard let name = parts.last, TreeLicences.role(ofName: name) != nil else { return nil }
        return .init(
          folder: parts.dropLast().joined(separator: "/"), name: String(name), bytes: Array(text.utf8))
      })
    state = Mutex(State(files: files.mapValues { Array($0.utf8) }))
  }

  var reads: Int { state.withLock { $0.reads } }

  func change(_ path: String, to text: String?) {
    state.withLock { $0.files[path] = text.map { Array($0.utf8) } }
  }

  func read(_ entry: SourceEntry) -> Result<[UInt8], SkippedFile> {
    state.withLock { state in
      state.reads += 1
      return state.files[entry.path].map { .success($0) } ?? .failure(SkippedFile(.changed, "is gone"))
    }
  }
}

/// Made-up Python of which no two files are alike.
enum RandomPython {
  private static let stems = [
    "order", "price", "invoice", "customer", "route", "parcel", "engine", "signal", "buffer", "packet",
    "matrix",
    "vector", "session", "token", "garden", "window", "planet", "bridge", "ticket", "folder", "market",
    "camera",
    "letter", "number", "driver", "server", "client", "branch", "commit", "symbol", "lexer", "parser",
    "circle",
  ]

  static func file(_ seed: Int, functions: Int = 8) -> String {
    var generator = SeededGenerator(seed: UInt64(seed) &* 7919 &+ 13)
    func word() -> String {
      stems[generator.below(stems.count)] + "_" + stems[generator.below(stems.count)]
        + "\(generator.below(40))"
    }
    var text = "import \(word())\nfrom \(word()) import \(word())\n\n"
    for _ in 0..<functions {
      let (name, first, second, local) = (word(), word(), word(), word())
      text += "\ndef \(name)(\(first), \(second)=\(generator.below(900))):\n"
      text += "    \(local) = \(word())(\(first), [\(second), \(generator.below(99))])\n"
      for _ in 0..<(1 + generator.below(4)) {
        text +=
          "    if \(local) > \(first).\(word()):\n        \(second).\(word())(\(local), \(word())=\(word()))\n"
        text += "        return \(word())[\(local)]\n"
      }
      text += "    for \(word()) in \(local).\(word())():\n        yield \(word()) + \(second)\n"
      text += "    return {\"\(word())\": \(local), \"\(word())\": \(first)}\n"
    }
    return text
  }

  static func tree(_ count: Int, objects: Bool = false) -> MemoryTree {
    MemoryTree(files(count), objects: objects)
  }

  static func files(_ count: Int) -> [String: String] {
    Dictionary(uniqueKeysWithValues: (0..<count).map { ("pkg\($0 % 5)/module_\($0).py", file($0)) })
  }
}

/// A folder for outputs that goes away with the value.
final class OutputFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appendingPathComponent(
        "gemfill-out-\(UUID().uuidString)"
      ).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)) }

  func write(_ name: String, _ text: String) throws {
    let place = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: place)
  }

  func git(_ arguments: String...) throws { try git(arguments) }

  func git(_ arguments: [String]) throws {
    let child = try ChildProcess(
      "git",
      ["-C", path, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        + arguments, environment: ProcessInfo.processInfo.environment)
    _ = FileHandle(fileDescriptor: child.output, closeOnDealloc: true).readDataToEndOfFile()
    try #require(child.waitForExit() == 0, "git \(arguments)")
  }
}
