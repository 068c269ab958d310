import Corpus
import Syntax

/// Reads import statements as text and writes them as paths: `a/b`, `./a/b` or `../a/b` for those relative to the file's
/// folder, and behind a colon the names taken from there.
struct ImportReader {
  let language: String

  private static let longestStatement = 2_000
  private static let longestPath = 200
  private static let maximumNames = 32

  /// What one statement imports.
  func imports(in statement: ArraySlice<UInt8>) -> [FactTables.Import] {
    let whole = statement.startIndex..<statement.endIndex
    return paths(in: statement).map { path in
      guard language == "go",
        let place = ByteSearch.places(of: Array(path.utf8), in: Array(statement), limit: 1).first
      else { return FactTables.Import(range: whole, path: path) }
      // One statement for many packages: each has its own place.
      let start = statement.startIndex + place
      return FactTables.Import(range: start..<start + path.utf8.count, path: path)
    }
  }

  private func paths(in statement: ArraySlice<UInt8>) -> [String] {
    let text = String(decoding: statement.prefix(Self.longestStatement), as: UTF8.self)
    let found: [String]
    switch language {
    case "python": found = Self.python(text)
    case "javascript", "typescript", "tsx", "css", "html":
      found = Self.quoted(text).suffix(1).map(Self.script)
    case "go": found = Self.quoted(text)
    case "rust": found = Self.rust(text)
    case "c", "cpp": found = Self.include(text)
    case "swift":
      found = Self.words(text).drop { !$0.hasSuffix("import") }.dropFirst().suffix(1).map {
        Self.first($0, ".")
      }
    case "java", "kotlin", "csharp", "scala": found = Self.dotted(text)
    case "php": found = Self.php(text)
    default: found = Self.quoted(text)
    }
    return found.filter { !$0.isEmpty && $0.utf8.count <= Self.longestPath }
  }

  /// Imports that are calls or directives, in languages that have such: `require('x')`, `@import("x.zig")`, `source x`.
  func calls(in source: [UInt8], lines: LineIndex) -> [FactTables.Import] {
    guard let words = Self.callWords[language] else { return [] }
    var found: [FactTables.Import] = []
    for (word, isRelative) in words {
      let pattern = Array(word.utf8)
      for start in ByteSearch.places(of: pattern, in: source, limit: 200) {
        let before = start > 0 ? source[start - 1] : 0x0A
        guard !WordScanner.isWord(before) else { continue }
        let line = lines.range(of: lines.line(at: start))
        let rest = String(
          decoding: source[start + pattern.count..<line.upperBound].prefix(300), as: UTF8.self)
        guard let path = Self.argument(rest), path.utf8.count <= Self.longestPath else { continue }
        found.append(
          FactTables.Import(range: start..<line.upperBound, path: normalised(path, isRelative: isRelative)))
      }
    }
    return found
  }

  private static let callWords: [String: [(String, isRelative: Bool)]] = [
    "javascript": [("require", false), ("import(", false)],
    "typescript": [("require", false), ("import(", false)],
    "tsx": [("require", false), ("import(", false)],
    "ruby": [("require_relative", true), ("require ", false)],
    "lua": [("require", false)],
    "php": [("require_once", true), ("include_once", true), ("require ", true), ("include ", true)],
    "zig": [("@import", true)],
    "bash": [("source ", true)],
  ]

  private func normalised(_ path: String, isRelative: Bool) -> String {
    switch language {
    case "javascript", "typescript", "tsx": Self.script(path)
    case "lua": path.replacing(".", with: "/")
    default: isRelative && !path.hasPrefix(".") ? "./" + path.drop { $0 == "/" } : path
    }
  }

  /// The quoted or bare word behind a call's name.
  private static func argument(_ rest: String) -> String? {
    let text = rest.drop { " (\t".contains($0) }
    guard let quote = text.first else { return nil }
    if quote == "'" || quote == "\"" {
      let inner = text.dropFirst().prefix { $0 != quote && $0 != "\n" }
      return inner.isEmpty ? nil : String(inner)
    }
    let word = text.prefix { !" \t\r\n;)".contains($0) }
    return word.contains("/") || word.contains(".") ? String(word) : nil
  }

  private static func python(_ text: String) -> [String] {
    let tokens = tokens(text)
    func string(_ token: ArraySlice<UInt8>) -> String {
      String(decoding: token.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "/") : $0 }, as: UTF8.self)
    }
    // What a name is called here does not matter.
    func named(_ tokens: ArraySlice<ArraySlice<UInt8>>) -> [String] {
      var found: [String] = []
      var skips = false
      for token in tokens {
        if token.elementsEqual("as".utf8) {
          skips = true
        } else if skips {
          skips = false
        } else {
          found.append(string(token))
        }
      }
      return found
    }
    guard let keyword = tokens.firstIndex(where: { $0.elementsEqual("import".utf8) }) else { return [] }
    let names = named(tokens[(keyword + 1)...])
    guard keyword >= 2 || tokens.first?.elementsEqual("from".utf8) == true else { return names }
    let module = tokens[1..<keyword].joined()
    let dots = module.prefix { $0 == UInt8(ascii: ".") }.count
    return [relative(dots: dots, string(Array(module.dropFirst(dots))[...])) + list(names)]
  }

  /// Names with the dots in them; comments, brackets and commas left out.
  private static func tokens(_ text: String) -> [ArraySlice<UInt8>] {
    let bytes = Array(text.utf8)
    var found: [ArraySlice<UInt8>] = []
    var index = 0
    while index < bytes.count {
      let start = index
      while index < bytes.count, WordScanner.isWord(bytes[index]) || bytes[index] == UInt8(ascii: ".") {
        index += 1
      }
      if index > start {
        found.append(bytes[start..<index])
      } else if bytes[index] == UInt8(ascii: "#") {
        while index < bytes.count, bytes[index] != 0x0A { index += 1 }
      } else {
        index += 1
      }
    }
    return found
  }

  /// One dot is the file's own folder, each further one the folder above.
  private static func relative(dots: Int, _ path: String) -> String {
    switch dots {
    case 0: path
    case 1: path.isEmpty ? "." : "./" + path
    default:
      Array(repeating: "..", count: min(dots - 1, 16)).joined(separator: "/")
        + (path.isEmpty ? "" : "/" + path)
    }
  }

  private static func list(_ names: [String]) -> String {
    let names = names.filter { $0 != "*" && $0.utf8.count < 60 }.prefix(maximumNames)
    return names.isEmpty ? "" : ":" + names.joined(separator: ",")
  }

  private static func script(_ path: String) -> String {
    path.hasPrefix("@/") || path.hasPrefix("~/") ? String(path.dropFirst(2)) : path
  }

  private static func rust(_ text: String) -> [String] {
    let words = words(text.replacing("\n", with: " "))
    guard let keyword = words.firstIndex(where: { $0 == "use" || $0 == "mod" }), keyword + 1 < words.count
    else {
      return []
    }
    if words[keyword] == "mod" {
      return text.contains("{") ? [] : ["./" + words[keyword + 1].filter { $0 != ";" }]
    }
    let tail = words[(keyword + 1)...].joined(separator: " ")
    let base = tail.prefix { $0 != "{" && $0 != ";" && $0 != " " }
    var parts = base.split(separator: ":").map(String.init)
    var names: [String] = []
    if tail.contains("{") {
      names = tail[base.endIndex...].split { "{},; ".contains($0) }.map { first(String($0), ":") }
    } else if parts.count > 1 {
      names = [parts.removeLast()]
    }
    var prefix = ""
    while let head = parts.first, ["crate", "self", "super"].contains(head) {
      parts.removeFirst()
      if head == "self" { prefix = "./" }
      if head == "super" { prefix += "../" }
    }
    return [prefix + parts.joined(separator: "/") + list(names)]
  }

  private static func include(_ text: String) -> [String] {
    if text.contains("<") { return text.split { "<>".contains($0) }.dropFirst().prefix(1).map(String.init) }
    return quoted(text)
  }

  private static func dotted(_ text: String) -> [String] {
    let words = words(text.filter { $0 != ";" })
    guard let keyword = words.firstIndex(where: { $0 == "import" || $0 == "using" }) else { return [] }
    guard let name = words[(keyword + 1)...].first(where: { $0 != "static" && $0 != "=" }) else { return [] }
    return [name.split(separator: ".").filter { $0 != "*" }.joined(separator: "/")]
  }

  private static func php(_ text: String) -> [String] {
    words(text.filter { $0 != ";" }).drop { $0 != "use" }.dropFirst().prefix(1).map {
      $0.split(separator: "\\").joined(separator: "/")
    }
  }

  private static func quoted(_ text: String) -> [String] {
    var found: [String] = []
    var rest = text[...]
    while let open = rest.firstIndex(where: { $0 == "\"" || $0 == "'" || $0 == "`" }), found.count < 200 {
      let body = rest[rest.index(after: open)...]
      guard let close = body.firstIndex(of: rest[open]) else { break }
      found.append(String(body[..<close]))
      rest = body[body.index(after: close)...]
    }
    return found
  }

  private static func words(_ text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  private static func first(_ text: String, _ separator: Character) -> String {
    String(text.prefix { $0 != separator })
  }
}
