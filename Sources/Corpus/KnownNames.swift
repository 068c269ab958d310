/// What a path alone says: folders of other people's code, names that programs give, test data.
enum KnownNames {
  private static let vendoredFolders: Set<String> = [
    "vendor", "vendored", "_vendor", "third_party", "third-party", "thirdparty", "3rdparty", "node_modules",
    "bower_components", "jspm_packages", "Pods", "Carthage", "site-packages", "dist-packages", ".build",
    ".venv",
    "venv", ".tox", ".nox", "__pycache__", ".mypy_cache", ".gradle", ".cargo", "DerivedData", ".git", ".hg",
    ".svn",
    ".yarn", ".terraform", ".next", ".nuxt",
  ]
  private static let lockFiles: Set<String> = [
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "deno.lock",
    "Cargo.lock",
    "poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "go.sum",
    "go.work.sum",
    "Gemfile.lock", "composer.lock", "Podfile.lock", "Cartfile.resolved", "Package.resolved",
    "packages.lock.json",
    "project.assets.json", "gradle.lockfile", "mix.lock", "rebar.lock", "pubspec.lock", "flake.lock",
    "MODULE.bazel.lock", ".terraform.lock.hcl", "buf.lock", "Manifest.toml", "elm-stuff",
  ]
  private static let generatedParts = [
    ".pb.", ".min.", ".g.dart", ".freezed.dart", ".designer.cs", ".generated.", "_generated.", ".gen.",
    ".bundle.",
    ".g.cs", ".d.ts.map",
  ]
  private static let generatedEnds = [
    ".card.json", "_pb2.py", "_pb2_grpc.py", "_pb2.pyi", "_pb.js", "_pb.ts", "_grpc_pb.js", "bundle.js",
    "+generated.swift",
    "-lock.json", ".js.map", ".css.map", ".mjs.map", ".ts.map", "_string.go", ".pb.go", "grammar.json.js",
  ]
  private static let fixtureFolders: Set<String> = [
    "__snapshots__", "__fixtures__", "__recordings__", "snapshots", "snapshot", "golden", "goldens",
    "goldenfiles",
    "testdata", "test_data", "test-data", "fixtures", "fixture", "cassettes", "recordings",
  ]
  private static let fixtureEnds = [
    ".snap", ".golden", ".snapshot", ".approved.txt", ".expected", ".storyshot",
  ]

  static func isVendored(folder: String) -> Bool {
    vendoredFolders.contains(folder) || folder.hasSuffix(".dist-info") || folder.hasSuffix(".egg-info")
      || folder.hasSuffix(".xcodeproj")
  }

  static func isGenerated(name: String) -> Bool {
    let lower = name.lowercased()
    return generatedParts.contains { lower.contains($0) } || generatedEnds.contains { lower.hasSuffix($0) }
  }

  static func isLockFile(name: String) -> Bool {
    lockFiles.contains(name) || name.hasSuffix(".lock")
  }

  /// Recorded output and test data, by a folder's or by the file's own name.
  static func isFixture(_ parts: [Substring]) -> Bool {
    parts.dropLast().contains { fixtureFolders.contains($0.lowercased()) }
      || fixtureEnds.contains { parts.last?.hasSuffix($0) ?? false }
  }
}
