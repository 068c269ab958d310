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

  /// A signed commit, and a configuration that has every `git log` check signatures with a program of its own.
  @Test func nothingThatTheConfigurationNamesIsStarted() throws {
    let folder = try repository(commits: 1)
    let tree = try folder.git("rev-parse", "HEAD^{tree}")
    let person = "t <t@example.org> 0 +0000"
    try folder.write(
      "commit",
      "tree \(tree)\nauthor \(person)\ncommitter \(person)\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n"
        + " -----END PGP SIGNATURE-----\n\nsigned\n")
    let signed = try folder.git("hash-object", "-t", "commit", "-w", folder.path + "/commit")
    try folder.git("update-ref", "HEAD", signed)
    let trace = folder.path + "/started"
    try folder.write("evil", "#!/bin/sh\ntouch '\(trace)'\nexit 1\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path + "/evil")
    try folder.git("config", "log.showSignature", "true")
    try folder.git("config", "gpg.program", folder.path + "/evil")
    try folder.git("log", "-1")
    #expect(FileManager.default.fileExists(atPath: trace), "without care, git starts it")
    try FileManager.default.removeItem(atPath: trace)
    let commits = try #require(GitHistory(root: folder.path)).commits()
    #expect(commits.map(\.id) == [signed])
    #expect(!FileManager.default.fileExists(atPath: trace))
  }

  @Test func gitVariablesAreNotHandedOn() {
    let environment = GitCommand.environment([
      "PATH": "/bin", "GIT_DIR": "/elsewhere", "GIT_INDEX_FILE": "x", "GIT_CONFIG_COUNT": "1",
      "GIT_PAGER": "evil",
    ])
    #expect(environment["PATH"] == "/bin")
    #expect(environment["GIT_PAGER"] == "cat")
    #expect(environment.keys.allSatisfy { !["GIT_DIR", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT"].contains($0) })
  }

  @Test func filesThatTheLastCommitKeepsOutHaveNoInsertedSpans() throws {
    let folder = try repository(commits: 2)
    let names = ["a.py", "secret/b.py", "made.py"]
    for name in names { try folder.write(name, Fixtures.code) }
    try folder.git("add", "-A")
    try folder.git("commit", "-q", "-m", "files")
    for name in names { try folder.write(name, Fixtures.code + "\n\ndef more(a):\n    return a * 2\n") }
    try folder.git("commit", "-q", "-a", "-m", "more")
    try folder.write(".gemfillignore", "secret/\n")
    try folder.write(".gitattributes", "made.py linguist-generated\n")
    try folder.git("add", "-A")
    try folder.git("commit", "-q", "-m", "rules")
    let history = try #require(GitHistory(root: folder.path))
    let later = Array(try history.commits().suffix(2))
    let spans = try history.insertedSpans(in: later, catalog: Fixtures.catalog)
    #expect(spans.map(\.path) == ["a.py"])
    #expect(try history.insertedSpans(in: [], catalog: Fixtures.catalog).isEmpty)
  }

  @Test func aCommitIsFoundByWhateverGitUnderstands() throws {
    let folder = try repository(commits: 3)
    let history = try #require(GitHistory(root: folder.path))
    let wanted = try history.commits()[1]
    try folder.git("tag", "-a", "v1", "-m", "one", wanted.id)
    try folder.git("branch", "older", wanted.id)
    for name in [
      wanted.id, String(wanted.id.prefix(7)), wanted.id.prefix(12).uppercased(), "HEAD~1", "v1", "older",
    ] {
      #expect(try history.commit(named: name) == wanted)
    }
    for name in ["", "no-such-branch", "HEAD~9", "--output=/tmp/x", "HEAD:a.py", wanted.id + "0"] {
      #expect(throws: CorpusError.unknownCommit(path: folder.path, name: name)) {
        try history.commit(named: name)
      }
    }
  }

  @Test func aCommitIsOnRecordOnlyForItsOwnFiles() throws {
    let folder = try repository(commits: 2)
    func name(_ path: String) throws -> String? {
      try GitHistory(root: path)?.commitName(of: FolderTree(root: path, catalog: Fixtures.catalog))
    }
    let head = try folder.git("rev-parse", "HEAD")
    #expect(try name(folder.path) == head)
    try folder.write("other.txt", "no code")
    #expect(try name(folder.path) == head, "only what is read counts")
    try folder.write("build/new.py", Fixtures.code)
    #expect(try name(folder.path) == head + "-dirty")
    #expect(try name(folder.path + "/build") == nil, "a folder that merely lies in the work tree")
    try folder.write(".gitignore", "build/\n")
    #expect(try name(folder.path) == head)
    try folder.write("dir with \"quotes\"/ä\tb.py", Fixtures.code)
    #expect(try name(folder.path) == head + "-dirty")
  }

  @Test func aDeletedFileMakesTheTreeDirty() throws {
    let folder = try repository(commits: 1)
    try folder.write("a.py", Fixtures.code)
    try folder.git("add", "-A")
    try folder.git("commit", "-q", "-m", "a")
    try FileManager.default.removeItem(atPath: folder.path + "/a.py")
    let tree = try FolderTree(root: folder.path, catalog: Fixtures.catalog)
    let name = try GitHistory(root: folder.path)?.commitName(of: tree)
    #expect(name?.hasSuffix("-dirty") == true)
  }

  @Test func onlyFullObjectNamesAreAccepted() throws {
    let folder = try repository(commits: 1)
    let history = try #require(GitHistory(root: folder.path))
    #expect(throws: CorpusError.self) { try history.files(at: "--output=/tmp/x", catalog: Fixtures.catalog) }
  }
}

struct InsertedSpanTests {
  private func spans(_ old: String, _ new: String) -> [InsertedSpan] {
    InsertedSpan.between(
      old: Array(old.utf8), new: SourceFile(path: "a.py", language: "python", bytes: Array(new.utf8)),
      commit: "2",
      contextIsOld: false)
  }

  @Test(arguments: [
    ("a\nb\n", "a\nx\nb\n", ["x\n"]), ("a\nb\n", "a\nb\n", []), ("", "a\n", ["a\n"]), ("a\n", "", []),
    ("a\nb\nc\n", "x\nb\ny\n", ["x\n", "y\n"]), ("a\nb", "a\nb\nc", ["c"]), ("a\nb\nc\n", "a\nc\n", []),
    ("a\r\nb\r\n", "a\nb\nc\n", ["c\n"]),
  ])
  func findsNewLines(old: String, new: String, expected: [String]) {
    #expect(spans(old, new).map { String(decoding: $0.contents[$0.range], as: UTF8.self) } == expected)
  }

  @Test func aNewFileIsOneSpan() {
    #expect(spans("", "a\nb\n").map(\.range) == [0..<4])
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

  @Test func aPartOfACommitObeysTheRulesAboveIt() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    let paths = ["part/hidden.py", "part/sub/late.py", "part/sub/kept.py", "part/seen.py", "hidden.py"]
    for path in paths { try folder.write(path, Fixtures.code) }
    try folder.write(".gemfillignore", "/part/hidden.py\nlate.py\nkept.py\n")
    try folder.write("part/sub/.gemfillignore", "!kept.py\n")
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    for path in paths { try folder.write(path, Fixtures.code + "line = 1\n") }
    try folder.git("commit", "-qam", "two")
    let history = try #require(GitHistory(root: folder.path + "/part"))
    let commits = try history.commits()
    let expected = ["seen.py", "sub/kept.py"]
    let tree = try history.tree(of: commits[1].id, catalog: Fixtures.catalog)
    #expect(tree.entries.map(\.path) == expected)
    let spans = try history.insertedSpans(in: commits, catalog: Fixtures.catalog)
    #expect(spans.map(\.path).sorted() == expected)
    let changes = try history.fileChanges(in: commits, catalog: Fixtures.catalog)
    #expect(changes.all.map(\.path).sorted() == expected)
    #expect(changes.skipped[.ignored] == 2)
  }

  @Test func insertionsUnderADeniedLicenceAreLeftOut() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    let files = ["a.py": Fixtures.code, "b.py": "# SPDX-License-Identifier: AGPL-3.0-only\n" + Fixtures.code]
    for (path, text) in files { try folder.write(path, text) }
    try folder.git("add", ".")
    try folder.git("commit", "-qm", "one")
    for (path, text) in files { try folder.write(path, text + "line = 1\n") }
    try folder.git("commit", "-qam", "two")
    let history = try #require(GitHistory(root: folder.path))
    let options = RepositoryWalker.Options(hygiene: HygieneOptions(deniedLicences: ["AGPL-"]))
    let commits = try history.commits()
    let spans = try history.insertedSpans(in: commits, catalog: Fixtures.catalog, options: options)
    #expect(spans.map(\.path) == ["a.py"])
    #expect(
      try history.files(at: commits[1].id, catalog: Fixtures.catalog, options: options).files.map(\.path)
        == ["a.py"])
  }
}
