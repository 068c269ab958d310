import Testing

@testable import Corpus

struct ShallowCloneTests {
  /// A repository of ten commits and a clone that has the last of them.
  private func clones(depth: Int) throws -> (whole: TemporaryFolder, shallow: TemporaryFolder) {
    let whole = try TemporaryFolder()
    try whole.git("init", "-q")
    for number in 0..<10 {
      whole.clock = 1_700_000_000 + number * 86_400
      try whole.write("m\(number).py", Fixtures.code + "number = \(number)\n")
      try whole.git("add", ".")
      try whole.git("commit", "-qm", "\(number)")
    }
    let shallow = try TemporaryFolder()
    try shallow.git("clone", "-q", "--depth", "\(depth)", "file://" + whole.path, ".")
    return (whole, shallow)
  }

  @Test func theBorderIsNotTheAgeOfEverything() throws {
    let (whole, shallow) = try clones(depth: 6)
    let complete = try FolderTree(root: whole.path, catalog: Fixtures.catalog, recency: true)
    #expect(complete.origin.isShallow == false)
    #expect(Set(complete.entries.compactMap(\.changed)).count == 10)
    let head = try shallow.git("rev-parse", "HEAD")
    let trees: [any SourceTree] = [
      try FolderTree(root: shallow.path, catalog: Fixtures.catalog, recency: true),
      try CommitTree(root: shallow.path, commit: head, catalog: Fixtures.catalog, recency: true),
    ]
    for tree in trees {
      #expect(tree.origin.isShallow == true)
      #expect(tree.entries.count == 10 && tree.entries.allSatisfy { $0.changed == nil })
    }
  }

  @Test func whatLiesBeyondTheBorderIsSaidToDoSo() throws {
    let (whole, shallow) = try clones(depth: 2)
    let history = try GitHistory(opening: shallow.path)
    #expect(history.isShallow)
    let error = #expect(throws: CorpusError.self) { try history.timeSplit() }
    #expect(error?.description.contains("shallow clone: it has 2 commits") == true)
    let first = try whole.git("rev-parse", "HEAD~8")
    let unknown = #expect(throws: CorpusError.self) { try history.commit(named: first) }
    #expect(unknown?.description.contains("git fetch --unshallow") == true)
    #expect(!(try GitHistory(opening: whole.path)).isShallow)
  }
}
