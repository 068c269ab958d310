/// Which files are tests, by the names that the languages' tools look for: `test_x.py`, `x_test.go`, `XTests.swift`,
/// `x.spec.ts`, `__tests__/x.js`.
public enum TestPaths {
  /// What a file's name says.
  struct Name: Equatable {
    /// The subject, in small letters without `_` and `-`.
    let subject: String
    let isTest: Bool
  }

  private static let folders: Set<Substring> = [
    "test", "tests", "Test", "Tests", "__tests__", "spec", "specs", "testing", "testdata",
  ]
  private static let affixes = ["test", "tests", "spec", "specs"]

  /// Whether the file is a test or belongs to tests.
  ///
  /// - Parameter path: Repository-relative path with `/` separators.
  public static func isTest(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    guard let file = parts.last else { return false }
    return name(folders: parts.dropLast(), file: file).isTest
  }

  static func name(folders: some Sequence<Substring>, file: Substring) -> Name {
    var isTest = folders.contains { Self.folders.contains($0) }
    let pieces = file.split(separator: ".").dropFirst().dropLast()
    if pieces.contains(where: { affixes.contains($0.lowercased()) }) { isTest = true }
    let beforeDot = file.prefix { $0 != "." }
    // Hidden files begin with a dot.
    var stem = String(beforeDot.isEmpty ? file : beforeDot)
    if let cut = withoutAffix(stem) {
      stem = cut
      isTest = true
    }
    let subject = stem.lowercased().filter { $0 != "_" && $0 != "-" }
    return Name(subject: subject, isTest: isTest)
  }

  /// `test_x`, `x_test`, `TestX`, `XTests`, `x-spec` without their affix; nil for names without one.
  private static func withoutAffix(_ stem: String) -> String? {
    for affix in affixes {
      for joint in ["_", "-"] {
        if stem.hasPrefix(affix + joint) { return String(stem.dropFirst(affix.count + 1)) }
        if stem.hasSuffix(joint + affix) { return String(stem.dropLast(affix.count + 1)) }
      }
      let capital = affix.prefix(1).uppercased() + affix.dropFirst()
      if stem.hasSuffix(capital), stem.count > capital.count { return String(stem.dropLast(capital.count)) }
      if stem.hasPrefix(capital), stem.dropFirst(capital.count).first?.isUppercase == true {
        return String(stem.dropFirst(capital.count))
      }
    }
    return nil
  }
}
