import Testing

@testable import Corpus

struct IgnoreTests {
  /// Pattern, path, whether it is a folder, whether git ignores it.
  static let table: [(String, String, Bool, Bool)] = [
    ("foo", "foo", false, true), ("foo", "a/foo", false, true), ("foo", "foobar", false, false),
    ("/foo", "foo", false, true), ("/foo", "a/foo", false, false), ("foo/", "foo", false, false),
    ("foo/", "foo", true, true), ("foo/", "a/foo", true, true), ("a/foo", "a/foo", false, true),
    ("a/foo", "b/a/foo", false, false), ("*.o", "x.o", false, true), ("*.o", "a/b/x.o", false, true),
    ("*.o", "x.oo", false, false), ("/*.o", "a/x.o", false, false), ("a/*", "a/b", false, true),
    ("a/*", "a/b/c", false, false), ("a/**", "a/b/c", false, true), ("a/**", "a", true, false),
    ("**/b", "b", false, true), ("**/b", "x/y/b", false, true), ("a/**/b", "a/b", false, true),
    ("a/**/b", "a/x/y/b", false, true), ("a/**/b", "a/xb", false, false), ("a**b", "axxb", false, true),
    ("fo?", "foo", false, true), ("fo?", "fo", false, false), ("[a-c]x", "bx", false, true),
    ("[!a-c]x", "bx", false, false), ("[^a-c]x", "dx", false, true), ("[[:digit:]]x", "5x", false, true),
    ("[[:digit:]]x", "ax", false, false), ("[a-", "[a-", false, false), ("\\#x", "#x", false, true),
    ("#x", "#x", false, false), ("\\!x", "!x", false, true), ("x\\ ", "x ", false, true),
    ("x  ", "x", false, true),
    ("a\\*b", "a*b", false, true), ("a\\*b", "axb", false, false), ("*", "anything", false, true),
    ("a?b", "a/b", false, false), ("*/x", "a/x", false, true), ("*/x", "x", false, false),
    ("ä*", "äx", false, true), ("foo\r", "foo", false, true),
  ]

  @Test(arguments: table)
  func matchesAsGitDoes(pattern: String, path: String, isFolder: Bool, expected: Bool) {
    var rules = IgnoreRules()
    rules.add(pattern, folder: "")
    #expect(rules.ignores(path, isFolder: isFolder) == expected)
  }

  /// The table itself is checked against the installed git.
  @Test func tableAgreesWithGit() throws {
    for (pattern, path, isFolder, expected) in Self.table where !isFolder && !path.contains("/") {
      let folder = try TemporaryFolder()
      try folder.git("init", "-q")
      try folder.write(".gitignore", pattern + "\n")
      try folder.write(path, "x")
      let untracked = try folder.git("-c", "core.quotePath=false", "status", "--porcelain", "-z", "-uall")
      #expect(untracked.contains("?? \(path)") != expected, "\(pattern) \(path)")
    }
  }

  @Test func laterLinesAndNearerFilesWin() {
    var rules = IgnoreRules()
    rules.add("*.py\n!keep.py\n", folder: "")
    rules.add("keep.py\n", folder: "sub")
    #expect(rules.ignores("a.py", isFolder: false))
    #expect(!rules.ignores("keep.py", isFolder: false))
    #expect(rules.ignores("sub/keep.py", isFolder: false))
    #expect(!rules.ignores("other/keep.py", isFolder: false))
  }

  @Test func filesBelowAnIgnoredFolderStayIgnored() {
    var rules = IgnoreRules()
    rules.add("build/\n!build/keep.py\n", folder: "")
    #expect(rules.ignoresWithParents("build/keep.py"))
    #expect(!rules.ignoresWithParents("src/keep.py"))
  }

  @Test func hostilePatternsTakeLinearTime() {
    var rules = IgnoreRules()
    rules.add(
      String(repeating: "*a", count: 200) + "b\n" + String(repeating: "**/", count: 200) + "b", folder: "")
    #expect(!rules.ignores(String(repeating: "a", count: 4_000), isFolder: false))
  }
}
