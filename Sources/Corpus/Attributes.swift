/// What the `.gitattributes` of a folder, of those above and of those below say about files that nobody wrote by hand.
struct Attributes: Sendable {
  private struct Rule: Sendable {
    let pattern: IgnorePattern
    let name: String
    let isMarked: Bool
  }

  /// By the folder of the file, relative to the root of the walk, "" for the root.
  private var folders: [String: [Rule]] = [:]
  /// Of files above the root, the nearest last, each with the path from its folder to the root.
  private var above: [(path: String, rules: [Rule])] = []
  private static let names: Set<String> = [
    "linguist-generated", "linguist-vendored", "linguist-documentation",
  ]

  /// Attributes that mark nothing.
  init() {}

  /// Reads a file at the root of the walk.
  init(_ text: String) {
    add(text, folder: "")
  }

  /// Adds the lines of a file that lies in `folder`, relative to the root of the walk.
  ///
  /// - Parameter above: for a file above the root, the path from its folder to the root; the topmost comes first.
  mutating func add(_ text: String, folder: String, above: String = "") {
    let rules = Self.rules(text)
    if rules.isEmpty { return }
    if above.isEmpty { folders[folder] = rules } else { self.above.append((above, rules)) }
  }

  private static func rules(_ text: String) -> [Rule] {
    var rules: [Rule] = []
    for line in text.prefix(1 << 20).split(whereSeparator: \.isNewline).prefix(10_000) {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })
      guard let first = words.first, let pattern = IgnorePattern(line: first) else { continue }
      for word in words.dropFirst() {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0].drop { $0 == "-" || $0 == "!" })
        guard names.contains(name) else { continue }
        let isMarked =
          !word.hasPrefix("-") && !word.hasPrefix("!") && (parts.count == 1 || parts[1] == "true")
        rules.append(Rule(pattern: pattern, name: name, isMarked: isMarked))
      }
    }
    return rules
  }

  /// Whether a file is marked as generated, vendored or documentation. As in git the nearest file that speaks of an
  /// attribute decides, in it the last line.
  func marks(_ path: String) -> Bool {
    if folders.isEmpty && above.isEmpty { return false }
    var decided: [String: Bool] = [:]
    func ask(_ rules: [Rule], about path: String) {
      var found: [String: Bool] = [:]
      for rule in rules.reversed() where found[rule.name] == nil && decided[rule.name] == nil {
        if rule.pattern.matches(path, isFolder: false) { found[rule.name] = rule.isMarked }
      }
      decided.merge(found, uniquingKeysWith: { nearer, _ in nearer })
    }
    var end = path.lastIndex(of: "/")
    while let slash = end {
      if let rules = folders[String(path[..<slash])] {
        ask(rules, about: String(path[path.index(after: slash)...]))
      }
      end = path[..<slash].lastIndex(of: "/")
    }
    if let rules = folders[""] { ask(rules, about: path) }
    for level in above.reversed() { ask(level.rules, about: level.path + "/" + path) }
    return decided.values.contains(true)
  }
}
