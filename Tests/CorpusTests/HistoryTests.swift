import Foundation
import Testing

@testable import Corpus

struct HistoryTests {
  private func repository(commits: Int) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q", "-b", "main")
    for number in 0..<commits {
      let body = (0...number).map { "def f\($0)(a):\n    return a + \($0)\n" }.joined(separator: "\n")
      try folder.write("dir with \"quotes\"/ä\tb.py", body)
      try folder.write("other.txt", "\(number)")
      try folder.git("add", "-A")
      try folder.git("commit", "-q", "-m", "commit \(number)")
    }
    return folder
  }

  @Test func splitsAtNineTenthsOfTheCommits() throws {
    let folder = try repository(commits: 10)
    let history = try #require(GitHistory(root: folder.path))
    let all = try history.commits()
    let split = try history.timeSplit(fraction: 0.9)
    #expect(all.count == 10)
    #expect(all[0].parent == nil)
    #expect(split.trainCommit == all[8])
    #expect(split.laterCommits == [all[9]])
  }

  @Test func readsFilesAsTheyWere() throws {
    let folder = try repository(commits: 5)
    let history = try #require(GitHistory(root: folder.path))
    let listing = try history.files(at: history.commits()[2].id, catalog: Fixtures.catalog)
    #expect(listing.files.map(\.path) == ["dir with \"quotes\"/ä\tb.py"])
    #expect(String(decoding: listing.files[0].bytes, as: UTF8.self).contains("def f2"))
    #expect(!String(decoding: listing.files[0].bytes, as: UTF8.self).contains("def f3"))
    #expect(listing.skipped == [.notSource: 1])
  }

  @Test func findsWhatEachCommitInserted() throws {
    let folder = try repository(commits: 6)
    let history = try #require(GitHistory(root: folder.path))
    let split = try history.timeSplit(fraction: 0.5)
    let spans = try history.insertedSpans(in: split.laterCommits, catalog: Fixtures.catalog)
    #expect(split.laterCommits.count == 3)
    #expect(
      spans.map { String(decoding: $0.contents[$0.range], as: UTF8.self) }
        == (3...5).map {
          "\ndef f\($0)(a):\n    return a + \($0)\n"
        })
    #expect(spans.allSatisfy { $0.isPure && $0.language == "python" })
  }

  @Test func gemfillignoreHoldsInHistory() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    try folder.write("a.py", Fixtures.code)
    try folder.write("secret/b.py", Fixtures.code)
    try folder.write(".gemfillignore", "secret/\n")
    try folder.git("add", "-A")
    try folder.git("commit", "-q", "-m", "x")
    let history = try #require(GitHistory(root: folder.path))
    let listing = try history.files(at: history.commits()[0].id, catalog: Fixtures.catalog)
    #expect(listing.files.map(\.path) == ["a.py"])
  }

  @Test func aFolderWithoutGitHasNoHistory() throws {
    let folder = try TemporaryFolder()
    #expect(GitHistory(root: folder.path) == nil)
  }

  @Test func aShortHistoryCannotBeSplit() throws {
    let folder = try repository(commits: 2)
    let error = #expect(throws: CorpusError.self) { try GitHistory(root: folder.path)?.timeSplit() }
    #expect(error == .historyTooShort(path: folder.path, commits: 2, needed: 4))
  }

  @Test func aRepositoryWithoutCommitsIsAnErrorNotACrash() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    #expect(throws: CorpusError.self) { try GitHistory(root: folder.path)?.commits() }
  }

  @Test func onlyFullObjectNamesAreAccepted() throws {
    let folder = try repository(commits: 1)
    let history = try #require(GitHistory(root: folder.path))
    #expect(throws: CorpusError.self) { try history.files(at: "--output=/tmp/x", catalog: Fixtures.catalog) }
  }
}

struct ReleaseDiffTests {
  private func spans(_ old: String, _ new: String) -> [String] {
    let diff = ReleaseDiff(older: [SourceFile(path: "a.py", language: "python", bytes: Array(old.utf8))])
    return diff.spans(in: [SourceFile(path: "a.py", language: "python", bytes: Array(new.utf8))], origin: "2")
      .map {
        String(decoding: $0.contents[$0.range], as: UTF8.self)
      }
  }

  @Test(arguments: [
    ("a\nb\n", "a\nx\nb\n", ["x\n"]), ("a\nb\n", "a\nb\n", []), ("", "a\n", ["a\n"]), ("a\n", "", []),
    ("a\nb\nc\n", "x\nb\ny\n", ["x\n", "y\n"]), ("a\nb", "a\nb\nc", ["c"]), ("a\nb\nc\n", "a\nc\n", []),
    ("a\r\nb\r\n", "a\nb\nc\n", ["c\n"]),
  ])
  func findsNewLines(old: String, new: String, expected: [String]) {
    #expect(spans(old, new) == expected)
  }

  @Test func aNewFileIsOneSpan() {
    let file = SourceFile(path: "new.py", language: "python", bytes: Array("a\nb\n".utf8))
    let spans = ReleaseDiff(older: []).spans(in: [file], origin: "2")
    #expect(spans.map(\.range) == [0..<4])
  }

  @Test func knownTextIsFoundAcrossLines() {
    let file = SourceFile(path: "a", language: "python", bytes: Array("one\n  two\nthree\n".utf8))
    let known = KnownText([file, file])
    for text in ["two\nthree", "one\n  two\nthree\n", "hre", "o", ""] {
      #expect(known.contains(text.utf8), "\(text)")
    }
    for text in ["twothree", "one\ntwo\nthree", "threes", "three\none", "one\n  tw\nthree"] {
      #expect(!known.contains(text.utf8), "\(text)")
    }
  }

  @Test func replacedLinesAppearInTheOldFileAlone() {
    let new = SourceFile(path: "a", language: "python", bytes: Array("0\nA\n2\nB\n4\n".utf8))
    let spans = InsertedSpan.between(
      old: Array("0\n1\n2\n3\n4\n".utf8), new: new, commit: "c", contextIsOld: true)
    #expect(
      spans.map { String(decoding: $0.contents, as: UTF8.self) } == ["0\nA\n2\n3\n4\n", "0\n1\n2\nB\n4\n"])
    #expect(spans.map(\.isPure) == [false, false])
  }
}
