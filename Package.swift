// swift-tools-version: 6.2
// Targets stand in the order of the loop (see ARCHITECTURE.md); a target may import only those above it.

import PackageDescription

/// A library target in `Sources/<name>` and its tests in `Tests/<name>Tests`.
struct Room {
  let name: String
  let imports: [Target.Dependency]
}

let rooms: [Room] = [
  Room(name: "Numerics", imports: ["CKernels", "COpenBLAS"]),
  Room(name: "Weights", imports: ["Numerics"]),
  Room(name: "Tokenizer", imports: ["Weights"]),
  Room(name: "Gemma", imports: ["Weights", "Numerics"]),
  Room(name: "Syntax", imports: ["CTreeSitter"]),
  Room(name: "Generation", imports: ["Gemma", "Tokenizer", "Weights", "Numerics"]),
  Room(name: "Database", imports: ["CSQLite"]),
  Room(name: "Corpus", imports: ["Syntax", "Weights"]),
  Room(name: "Context", imports: ["Corpus", "Syntax"]),
  Room(name: "Carving", imports: ["Context", "Corpus", "Database", "Syntax", "Weights", "Numerics"]),
  Room(name: "Training", imports: ["Generation", "Carving", "Context", "Gemma", "Weights", "Numerics"]),
  Room(name: "Evaluation", imports: ["Generation", "Carving", "Context", "Weights", "Numerics"]),
  Room(name: "Registry", imports: ["Database", "Weights"]),
  Room(name: "Search", imports: ["Database", "Generation", "Corpus", "Syntax", "Weights"]),
  Room(name: "Acceptance", imports: ["Database"]),
  Room(name: "Completion", imports: ["Generation", "Context", "Syntax"]),
  Room(
    name: "LanguageServer",
    imports: [
      "Acceptance", "Completion", "Context", "Corpus", "Generation", "Syntax", "Weights",
    ]),
  Room(
    name: "Commands",
    imports: [
      "LanguageServer", "Completion", "Acceptance", "Search", "Registry", "Database", "Evaluation",
      "Training",
      "Carving", "Context", "Corpus", "Generation", "Syntax", "Gemma", "Tokenizer", "Weights", "Numerics",
      "CTreeSitter",
    ]),
]

let systemLibraries: [Target] = [
  .systemLibrary(name: "CTreeSitter", pkgConfig: "tree-sitter", providers: [.apt(["libtree-sitter-dev"])]),
  .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
]

let cLibraries: [Target] = [
  // Optimised in debug builds too: tests would crawl otherwise. Estimated reciprocals are off: the reference path needs
  // the last bits.
  .target(
    name: "CKernels",
    cSettings: [.unsafeFlags(["-O3", "-ffast-math", "-fno-reciprocal-math", "-fno-approx-func"])]),
  .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl")]),
]

let libraries: [Target] = rooms.map { .target(name: $0.name, dependencies: $0.imports) }
let executables: [Target] = ["gemfill", "fim-train", "fim-lsp"].map {
  .executableTarget(name: $0, dependencies: ["Commands"])
}
let tests: [Target] = rooms.map { room in
  .testTarget(name: room.name + "Tests", dependencies: [.init(stringLiteral: room.name)] + room.imports)
}

let package = Package(
  name: "gemfill",
  targets: systemLibraries + cLibraries + libraries + executables + tests,
  swiftLanguageModes: [.v6])
