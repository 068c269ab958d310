/// What `.gitattributes` says about files that nobody wrote by hand.
struct Attributes: Sendable {
  private var rules: [(pattern: IgnorePattern, isMarked: Bool)] = []
  private static let names: Set<String> = ["linguist-generated", "linguist-vendored"]

  /// Reads the file at the root of the walk.
  init(_ text: String) {
    for line in text.prefix(1 << 20).split(separator: "\n").prefix(10_000) {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })
      guard let first = words.first, let pattern = IgnorePattern(line: first) else { continue }
      for word in words.dropFirst() {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0].drop { $0 == "-" || $0 == "!" }
        guard Self.names.contains(String(name)) else { continue }
        let isMarked =
          !word.hasPrefix("-") && !word.hasPrefix("!") && (parts.count == 1 || parts[1] == "true")
        rules.append((pattern, isMarked))
      }
    }
  }

  /// Whether a file is marked as generated or vendored.
  func marks(_ path: String) -> Bool {
    rules.last { $0.pattern.matches(path, isFolder: false) }?.isMarked ?? false
  }
}
