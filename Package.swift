// swift-tools-version: 6.2
// Targets stand in the order of the loop; a target may import only those above it (plus Foundation).

import Foundation
import PackageDescription

/// A library target and its test target in `Tests/<name>Tests`.
struct Room {
  let name: String
  let imports: [String]
}

let rooms: [Room] = [
  Room(name: "Numerics", imports: ["CKernels", "COpenBLAS"]),
  Room(name: "Weights", imports: ["Numerics"]),
  Room(name: "Tokenizer", imports: ["Weights"]),
  Room(name: "Gemma", imports: ["Weights", "Numerics"]),
  Room(name: "Syntax", imports: ["CTreeSitter"]),
  Room(name: "Generation", imports: ["Gemma", "Tokenizer", "Weights", "Numerics"]),
  Room(name: "Corpus", imports: ["Syntax"]),
  Room(name: "Carving", imports: ["Corpus", "Syntax"]),
  Room(name: "Training", imports: ["Generation", "Carving", "Gemma", "Weights", "Numerics"]),
  Room(name: "Evaluation", imports: ["Generation", "Carving", "Weights", "Numerics"]),
  Room(name: "Database", imports: ["CSQLite"]),
  Room(name: "Registry", imports: ["Database", "Weights"]),
  Room(name: "Search", imports: ["Database", "Generation", "Corpus", "Syntax", "Weights"]),
  Room(name: "Acceptance", imports: ["Database"]),
  Room(name: "Completion", imports: ["Generation", "Syntax"]),
  Room(name: "LanguageServer", imports: ["Acceptance", "Completion", "Weights"]),
  Room(
    name: "Commands",
    imports: [
      "LanguageServer", "Completion", "Acceptance", "Search", "Registry", "Database", "Evaluation", "Training",
      "Carving", "Corpus", "Generation", "Syntax", "Gemma", "Tokenizer", "Weights", "Numerics", "CTreeSitter",
    ]),
]

let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
// DEVELOPMENT ONLY: build a subset of the rooms while others are unfinished.
let only = ProcessInfo.processInfo.environment["GEMFILL_ONLY"].map {
  Set($0.split(separator: ",").map(String.init))
}
func wanted(_ name: String) -> Bool { only?.contains(name) ?? true }
func exists(_ path: String) -> Bool {
  ((try? FileManager.default.contentsOfDirectory(atPath: root + "/" + path)) ?? []).isEmpty == false
}

func present(_ name: String) -> Bool { name.hasPrefix("C") && name.dropFirst().first?.isUppercase == true || (wanted(name) && exists("Sources/" + name)) }

let systemLibraries: [Target] = [
  .systemLibrary(name: "CTreeSitter", pkgConfig: "tree-sitter", providers: [.apt(["libtree-sitter-dev"])]),
  .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
]

let libraries: [Target] =
  [
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-ffast-math"])]),
    .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl")]),
  ]
  + rooms.filter { wanted($0.name) && exists("Sources/" + $0.name) }.map { room in
    .target(name: room.name, dependencies: room.imports.filter(present).map { .init(stringLiteral: $0) })
  }

let executables: [Target] = ["gemfill", "fim-train", "fim-lsp"].filter {
  wanted($0) && exists("Sources/" + $0)
}
.map { .executableTarget(name: $0, dependencies: ["Commands"]) }

let tests: [Target] = rooms.filter { wanted($0.name) && exists("Tests/\($0.name)Tests") }.map { room in
  .testTarget(
    name: room.name + "Tests",
    dependencies: [.init(stringLiteral: room.name)] + room.imports.filter(present).map { .init(stringLiteral: $0) },
    exclude: exists("Tests/\(room.name)Tests/Fixtures") ? ["Fixtures"] : [])
}

let package = Package(
  name: "gemfill",
  targets: systemLibraries + libraries + executables + tests,
  swiftLanguageModes: [.v6])
