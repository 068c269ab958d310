import Testing

@testable import Corpus

struct TreeLicencesTests {
  private static let mit =
    "MIT License\n\nCopyright (c) 2020 Somebody\n\nPermission is hereby granted, free of charge, …\n"
  private static let gpl =
    "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\nTERMS AND CONDITIONS\n0. Definitions.\n"
  private static let lgpl = "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\n0. Definitions.\n"
  private static let apache = "Apache License\nVersion 2.0, January 2004\nhttp://www.apache.org/licenses/\n"

  private func licences(_ files: [(String, String)]) -> TreeLicences {
    TreeLicences(
      files.map { path, text in
        let parts = path.split(separator: "/")
        return .init(
          folder: parts.dropLast().joined(separator: "/"), name: String(parts.last ?? ""),
          bytes: Array(text.utf8))
      })
  }

  @Test func theNearestFileAboveHolds() {
    let licences = licences([("LICENSE", Self.mit), ("lib/other/COPYING", Self.gpl)])
    #expect(licences.licence(of: "a.py", own: nil) == "MIT")
    #expect(licences.licence(of: "lib/a.py", own: nil) == "MIT")
    #expect(licences.licence(of: "lib/other/deep/er/a.py", own: nil) == "GPL-3.0-only")
    #expect(licences.licence(of: "lib/otherwise/a.py", own: nil) == "MIT")
    #expect(licences.licence(of: "lib/other/a.py", own: "") == "GPL-3.0-only")
    #expect(TreeLicences.none.licence(of: "a.py", own: nil) == nil)
  }

  @Test func aFilesOwnNoticeWins() {
    let licences = licences([("LICENSE", Self.gpl)])
    #expect(licences.licence(of: "a.py", own: "MIT") == "MIT")
    #expect(licences.fault(of: "a.py", own: "MIT", denied: ["GPL-3.0"]) == nil)
    #expect(
      licences.fault(of: "a.py", own: nil, denied: ["GPL-3.0"]) == SkippedFile(.licence, "GPL-3.0-only"))
    #expect(licences.fault(of: "a.py", own: nil, denied: ["AGPL-"]) == nil)
    // What names nothing known is not denied.
    #expect(TreeLicences.none.fault(of: "a.py", own: "", denied: ["GPL-3.0"]) == nil)
  }

  @Test(arguments: [
    ([("LICENSE-MIT", mit), ("LICENSE-APACHE", apache)], "Apache-2.0 OR MIT"),
    (
      [
        ("LICENSE-MIT", mit),
        ("UNLICENSE", "This is free and unencumbered software released into the public domain."),
        ("COPYING", "This project is under the MIT license or the Unlicense."),
      ], "MIT OR Unlicense"
    ),
    ([("COPYING", gpl), ("COPYING.LESSER", lgpl)], "LGPL-3.0-only"),
    ([("LICENSE", mit), ("COPYING", gpl)], "GPL-3.0-only AND MIT"),
    ([("LICENSE", gpl), ("LICENSE-3RD-PARTY.txt", mit), ("license.py", mit)], "GPL-3.0-only"),
    ([("LICENSE.md", "All rights reserved.")], ""),
    ([("licence.txt", "SPDX-License-Identifier: MPL-2.0\n")], "MPL-2.0"),
  ])
  func filesBesideEachOtherAreOneExpression(files: [(String, String)], expected: String) {
    #expect(
      licences(files.filter { TreeLicences.role(ofName: $0.0) != nil }).licence(of: "a.py", own: nil)
        == expected)
  }

  @Test func aFolderAndItsCommitSayTheSameAndSeeWhatIsAboveThem() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    try folder.write("COPYING", Self.gpl)
    try folder.write("lib/LICENSE.txt", Self.mit)
    for path in ["a.py", "lib/b.py", "src/deep/c.py"] {
      try folder.write(path, Fixtures.code + "name = '\(path)'\n")
    }
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    let head = try folder.git("rev-parse", "HEAD")
    for root in ["", "/lib", "/src/deep"] {
      let disk = try FolderTree(root: folder.path + root, catalog: Fixtures.catalog)
      let commit = try CommitTree(root: folder.path + root, commit: head, catalog: Fixtures.catalog)
      let wanted = root == "/lib" ? "MIT" : "GPL-3.0-only"
      #expect(disk.licences.licence(of: "x.py", own: nil) == wanted, "\(root)")
      #expect(commit.licences.licence(of: "x.py", own: nil) == wanted, "\(root)")
    }
    let single = try FolderTree(root: folder.path + "/lib/b.py", catalog: Fixtures.catalog)
    #expect(single.licences.licence(of: "b.py", own: nil) == "MIT")
    let listing = try Fixtures.walk(
      folder, options: .init(hygiene: HygieneOptions(deniedLicences: ["GPL-3.0"])))
    #expect(listing.files.map(\.path) == ["lib/b.py"])
    #expect(listing.skipped[.licence] == 2)
  }
}
