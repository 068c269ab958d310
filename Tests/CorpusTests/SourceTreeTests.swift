import Foundation
import Synchronization
import Testing

@testable import Corpus

struct SourceTreeTests {
  private func tree(_ folder: TemporaryFolder) throws -> FolderTree {
    try FolderTree(root: folder.path, catalog: Fixtures.catalog)
  }

  private func reason(_ result: Result<[UInt8], SkippedFile>) -> SkipReason? {
    if case .failure(let skipped) = result { skipped.reason } else { nil }
  }

  @Test func filesAreListedInPathOrderAndReadOnDemand() throws {
    let folder = try TemporaryFolder()
    try folder.write("b/z.py", Fixtures.code)
    try folder.write("b.py", "late = 1\n")
    let tree = try tree(folder)
    #expect(tree.entries.map(\.path) == ["b.py", "b/z.py"])
    try folder.write("b.py", "later = 2\n")
    #expect(try tree.read(tree.entries[0]).get() == Array("later = 2\n".utf8))
  }

  @Test func whatBecomesALinkAPipeOrAFolderIsNotRead() throws {
    let folder = try TemporaryFolder()
    for name in ["a.py", "b.py", "c.py", "d.py", "e/f.py", "g.py"] { try folder.write(name, Fixtures.code) }
    try folder.write("secret/f.py", "password\n")
    let tree = try tree(folder)
    let manager = FileManager.default
    for name in ["a.py", "b.py", "c.py", "d.py", "e"] {
      try manager.removeItem(atPath: folder.path + "/" + name)
    }
    try manager.createSymbolicLink(atPath: folder.path + "/a.py", withDestinationPath: "secret/f.py")
    try #require(mkfifo(folder.path + "/b.py", 0o600) == 0)
    try manager.createDirectory(atPath: folder.path + "/c.py", withIntermediateDirectories: false)
    try manager.createSymbolicLink(atPath: folder.path + "/e", withDestinationPath: "secret")
    try folder.write("g.py", [UInt8](repeating: 0x61, count: FileHygiene.maximumBytes + 1))
    for entry in tree.entries where !entry.path.hasPrefix("secret") {
      #expect(reason(tree.read(entry)) == .changed, "\(entry.path)")
    }
  }

  @Test func aPathThatClimbsIsNotRead() throws {
    let folder = try TemporaryFolder()
    try folder.write("a/b.py", Fixtures.code)
    try folder.write("c.py", Fixtures.code)
    let tree = try FolderTree(root: folder.path + "/a", catalog: Fixtures.catalog)
    #expect(reason(tree.read(SourceEntry(path: "../c.py", size: 10))) == .unreadable)
    #expect(reason(tree.read(SourceEntry(path: "", size: 10))) == .unreadable)
  }

  @Test func aCommitIsReadFromManyThreads() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    for number in 0..<40 { try folder.write("m\(number).py", Fixtures.code + "value = \(number)\n") }
    try folder.write("big.py", [UInt8](repeating: 0x61, count: FileHygiene.maximumBytes + 1))
    try folder.write("vendor/x.py", Fixtures.code)
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/link.py", withDestinationPath: "m1.py")
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    let commit = try folder.git("rev-parse", "HEAD")
    try folder.write("m3.py", "changed on disk\n")
    let tree = try CommitTree(root: folder.path, commit: commit, catalog: Fixtures.catalog, recency: true)
    #expect(tree.entries.count == 40)
    #expect(Set(tree.skipped.map(\.reason)) == [.tooLarge, .vendored, .symlink])
    #expect(tree.entries.allSatisfy { ($0.changed ?? 0) > 1_000_000_000 })
    DispatchQueue.concurrentPerform(iterations: 200) { index in
      let entry = tree.entries[index % 40]
      let number = entry.path.dropFirst().dropLast(3)
      let text = try? String(decoding: tree.read(entry).get(), as: UTF8.self)
      #expect(text == Fixtures.code + "value = \(number)\n")
    }
  }

  @Test func aMissingObjectIsCountedAndTheOthersAreRead() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    try folder.write("a.py", Fixtures.code)
    try folder.write("b.py", Fixtures.code + "x = 1\n")
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    let commit = try folder.git("rev-parse", "HEAD")
    let tree = try CommitTree(root: folder.path, commit: commit, catalog: Fixtures.catalog)
    let object = try #require(tree.entries[0].object)
    try FileManager.default.removeItem(
      atPath: folder.path + "/.git/objects/\(object.prefix(2))/\(object.dropFirst(2))")
    #expect(reason(tree.read(tree.entries[0])) == .unreadable)
    #expect(reason(tree.read(tree.entries[1])) == nil)
    #expect(reason(tree.read(SourceEntry(path: "x", size: 1, object: "nonsense\nHEAD"))) == .unreadable)
    #expect(reason(tree.read(tree.entries[1])) == nil)
  }

  @Test func recencyComesFromTheLastCommitOfEachFile() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    try folder.write("old.py", Fixtures.code)
    try folder.write("new.py", Fixtures.code)
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one", "--date", "2020-01-01T00:00:00Z")
    try folder.write("new.py", Fixtures.code + "y = 2\n")
    try folder.git("commit", "-qam", "two")
    let tree = try FolderTree(root: folder.path, catalog: Fixtures.catalog, recency: true)
    let log = { (path: String) in try Int(folder.git("log", "-1", "--format=%ct", "--", path)) }
    #expect(tree.entries.map(\.path) == ["new.py", "old.py"])
    #expect(tree.entries[0].changed == (try log("new.py")))
    #expect(tree.entries[1].changed == (try log("old.py")))
  }

  @Test func whatIsNotCommittedIsAsNewAsTheNewest() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    for name in ["old.py", "resized.py", "edited.py"] { try folder.write(name, Fixtures.code + "x = 1\n") }
    let (first, later) = (1_600_000_000, 1_600_001_000)
    folder.clock = first
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    folder.clock = later
    try folder.write("last.py", Fixtures.code)
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "two")
    try folder.write("resized.py", Fixtures.code)
    try folder.write("edited.py", Fixtures.code + "x = 2\n")
    try folder.write("untracked.py", Fixtures.code)
    let tree = try FolderTree(root: folder.path, catalog: Fixtures.catalog, recency: true)
    let times = Dictionary(uniqueKeysWithValues: tree.entries.map { ($0.path, $0.changed) })
    #expect(
      times == [
        "old.py": first, "resized.py": later, "edited.py": later, "last.py": later, "untracked.py": later,
      ])
  }

  @Test func aGitThatCannotStartClosesNoFileOfOthers() {
    // No program can be started with an argument of this length.
    let blobs = GitBlobs(git: GitCommand(root: String(repeating: "x", count: 1 << 20)))
    let isDone = Atomic(false)
    let lost = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 2) { index in
      if index == 0 {
        for _ in 0..<400 {
          #expect(reason(blobs.read(String(repeating: "a", count: 40), limit: 10)) == .unreadable)
        }
        isDone.store(true, ordering: .sequentiallyConsistent)
      } else {
        while !isDone.load(ordering: .sequentiallyConsistent) {
          let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
          if close(descriptor) != 0 { lost.add(1, ordering: .sequentiallyConsistent) }
        }
      }
    }
    #expect(lost.load(ordering: .sequentiallyConsistent) == 0)
  }

  @Test func shallowClonesAndSubmodulesAreNoTrap() throws {
    let (origin, inner, clone) = (try TemporaryFolder(), try TemporaryFolder(), try TemporaryFolder())
    for folder in [origin, inner] {
      try folder.git("init", "-q")
      try folder.write("a.py", Fixtures.code)
      try folder.git("add", ".")
      try folder.git("commit", "-qm", "one")
    }
    try origin.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path, "sub")
    try origin.git("commit", "-qam", "two")
    try clone.git("clone", "-q", "--depth", "1", "file://" + origin.path, "copy")
    let root = clone.path + "/copy"
    let commits = try #require(GitHistory(root: root)).commits()
    #expect(commits.count == 1)
    let tree = try CommitTree(root: root, commit: commits[0].id, catalog: Fixtures.catalog, recency: true)
    #expect(tree.entries.map(\.path) == ["a.py"])
    #expect(tree.skipped.contains { $0.path == "sub" && $0.reason == .nestedRepository })
    #expect(try tree.read(tree.entries[0]).get() == Array(Fixtures.code.utf8))
  }

  @Test func anUnknownCommitIsATypedError() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    for name in [String(repeating: "a", count: 40), "HEAD", "--help"] {
      #expect(throws: CorpusError.self) {
        try CommitTree(root: folder.path, commit: name, catalog: Fixtures.catalog)
      }
    }
  }
}
