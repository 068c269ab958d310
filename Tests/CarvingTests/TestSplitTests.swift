import Corpus
import Foundation
import Testing

@testable import Carving

struct TestSplitTests {
  /// A repository of five commits; the last ones add new code and repeat old code.
  private func repository() throws -> OutputFolder {
    let folder = try OutputFolder()
    try folder.git("init", "-q")
    for number in 0..<6 { try folder.write("module_\(number).py", RandomPython.file(number)) }
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    for number in 0..<5 {
      let old = RandomPython.file(number)
      try folder.write(
        "module_\(number).py",
        old + "\n" + RandomPython.file(100 + number, functions: 3))
      try folder.git("commit", "-qam", "change \(number)")
    }
    let copied = RandomPython.file(5).split(separator: "\n").suffix(4).joined(separator: "\n")
    try folder.write(
      "module_4.py", RandomPython.file(4) + RandomPython.file(104, functions: 3) + "\n" + copied + "\n")
    try folder.git("commit", "-qam", "copy")
    return folder
  }

  @Test func testExamplesAreNewAndSplitsShareNoMiddle() throws {
    let folder = try repository()
    let history = try #require(GitHistory(root: folder.path))
    let commits = try history.commits()
    let tree = try CommitTree(root: folder.path, commit: commits[0].id, catalog: Corpora.catalog)
    func carve(_ shard: CarvingRun.Shard?) throws -> (train: [FIMExample], test: [FIMExample], CarvingReport)
    {
      var options = CarvingRun.Options()
      options.test = .history(history, Array(commits.dropFirst()))
      options.shard = shard
      let (train, test) = (ExampleList(), ExampleList())
      let report = try CarvingRun(trees: [tree], options: options, catalog: Corpora.catalog).write(
        to: [CarvingOutput(.train, train), CarvingOutput(.test, test)])
      return (train.examples, test.examples, report)
    }
    let (train, test, report) = try carve(nil)
    #expect(test.count > 5)
    #expect(report.splits[.test]?.statistics.examples == test.count)
    #expect((report.drops[.acrossSplits] ?? 0) > 0)
    let middles = Set(train.map(\.middle))
    let old = (0..<6).map { RandomPython.file($0) }
    for example in test {
      #expect(example.kind == .history)
      #expect(!middles.contains(example.middle))
      if example.middle.utf8.count >= 20 { #expect(!old.contains { $0.contains(example.middle) }) }
    }
    let parts = try (0..<3).flatMap { try carve(.init(index: $0, count: 3)).test }
    #expect(parts == test)
  }

  @Test func testExamplesObeyDeniedLicences() throws {
    let header = "# SPDX-License-Identifier: AGPL-3.0-only\n"
    let older = MemoryTree(["a.py": RandomPython.file(1)])
    let newer = MemoryTree([
      "a.py": RandomPython.file(1) + RandomPython.file(101), "b.py": header + RandomPython.file(102),
    ])
    var options = CarvingRun.Options()
    options.test = .release(newer, older: older)
    options.hygiene = HygieneOptions(deniedLicences: ["AGPL-"])
    let test = ExampleList()
    _ = try CarvingRun(trees: [older], options: options, catalog: Corpora.catalog).write(
      to: [CarvingOutput(.train, ExampleList()), CarvingOutput(.test, test)])
    #expect(Set(test.examples.map(\.path)) == ["a.py"])
  }

  @Test func heldOutTextIsInNoTestExample() throws {
    let older = MemoryTree(["a.py": RandomPython.file(1)])
    let newer = MemoryTree([
      "a.py": RandomPython.file(1) + RandomPython.file(101), "b.py": RandomPython.file(102),
    ])
    var options = CarvingRun.Options()
    options.test = .release(newer, older: older)
    options.decontamination = Decontaminator(texts: [Array(RandomPython.file(102).utf8)])
    let test = ExampleList()
    let report = try CarvingRun(trees: [older], options: options, catalog: Corpora.catalog).write(
      to: [CarvingOutput(.test, test)])
    #expect(Set(test.examples.map(\.path)) == ["a.py"])
    #expect((report.drops[.contaminated] ?? 0) > 0)
  }

  @Test func newFilesThatCopyOldOnesOrEachOtherAreRefused() throws {
    let old = RandomPython.file(1)
    let fresh = RandomPython.file(50)
    let older = MemoryTree(["a.py": old, "b.py": RandomPython.file(2)])
    let newer = MemoryTree([
      "a.py": old + RandomPython.file(30, functions: 2), "b.py": RandomPython.file(2), "fresh.py": fresh,
      "moved/copy.py": "import os\n" + old + RandomPython.file(31, functions: 1),
      "moved/fresh.py": fresh + RandomPython.file(32, functions: 1),
    ])
    var options = CarvingRun.Options()
    options.test = .release(newer, older: older)
    let test = ExampleList()
    let report = try CarvingRun(trees: [older], options: options, catalog: Corpora.catalog).write(
      to: [CarvingOutput(.test, test)])
    #expect(Set(test.examples.map(\.path)) == ["a.py", "fresh.py"])
    #expect((report.drops[.copiedFile] ?? 0) > 0)
    let refused = report.skipped.filter { $0.path.hasPrefix("moved/") }
    #expect(refused.map(\.path) == ["moved/copy.py", "moved/fresh.py"])
    #expect(refused.allSatisfy { $0.reason == .nearDuplicate })
    #expect(refused[0].detail.contains("a.py"))
    // Holes say which class people's insertions are judged to be.
    let classes = Set(test.examples.map(\.nodePath))
    #expect(classes.subtracting([""]).isSubset(of: Set(FIMExample.Kind.allCases.map(\.rawValue))))
    #expect(classes.contains { !$0.isEmpty })
  }

  @Test func aNewerReleaseGivesTestExamples() throws {
    let older = MemoryTree(["a.py": RandomPython.file(1), "b.py": RandomPython.file(2)])
    let newer = MemoryTree([
      "a.py": RandomPython.file(1) + RandomPython.file(30, functions: 2), "b.py": RandomPython.file(2),
    ])
    var options = CarvingRun.Options()
    options.test = .release(newer, older: older)
    let test = ExampleList()
    try CarvingRun(trees: [older], options: options, catalog: Corpora.catalog).write(
      to: [CarvingOutput(.test, test)])
    #expect(!test.examples.isEmpty)
    #expect(test.examples.allSatisfy { $0.path == "a.py" })
  }
}
