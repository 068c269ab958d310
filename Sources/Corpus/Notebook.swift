import Weights

/// The code of a Jupyter notebook.
public enum Notebook {
  /// The code cells as one text.
  public struct Code: Sendable, Equatable {
    /// The kernel's language in small letters, such as "python".
    public let language: String
    /// The cells' text, each behind a `# %%` line, a blank line between two; valid UTF-8.
    public let text: [UInt8]
  }

  /// Notebooks hold pictures of their results: more than other files they may be large.
  static let maximumBytes = 8 << 20

  /// Whether a path names a notebook.
  public static func isOne(_ path: String) -> Bool { path.lowercased().hasSuffix(".ipynb") }

  /// The code cells of a notebook of format 3, 4 or later.
  ///
  /// Lines for the kernel (`%magic`, `!command`, `name?`) become comments, a statement `pass` where a block needs one; cells
  /// in another language (`%%bash`) are left out.
  public static func code(in bytes: [UInt8]) -> Result<Code, SkippedFile> {
    let document: JSONValue
    do throws(JSONError) {
      document = try JSONValue(parsing: bytes)
    } catch {
      return .failure(SkippedFile(.notSource, "a notebook that is \(error)"))
    }
    guard let cells = cells(of: document) else {
      return .failure(SkippedFile(.notSource, "a notebook without cells"))
    }
    let language = language(of: document)
    let mark = slashLanguages.contains(language) ? "//" : dashLanguages.contains(language) ? "--" : "#"
    var text = ""
    for cell in cells where cell["cell_type"]?.stringValue == "code" {
      guard let source = source(of: cell), let code = plain(source, mark: mark) else { continue }
      text += (text.isEmpty ? "" : "\n") + "\(mark) %%\n" + code + (code.hasSuffix("\n") ? "" : "\n")
    }
    guard !text.isEmpty else { return .failure(SkippedFile(.tooShort, "a notebook without code")) }
    return .success(Code(language: language, text: Array(text.utf8)))
  }

  /// The lines between cells in the text of a notebook, in order; bytes of the text, line ends not among them.
  public static func borders(in text: [UInt8]) -> [Range<Int>] {
    var borders: [Range<Int>] = []
    var start = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: 0x0A) ?? text.count
      if marks.contains(where: { text[start..<end].elementsEqual($0) }) { borders.append(start..<end) }
      start = end + 1
    }
    return borders
  }

  private static let marks = ["# %%", "// %%", "-- %%"].map { Array($0.utf8) }

  private static let slashLanguages: Set<String> = [
    "javascript", "typescript", "java", "kotlin", "scala", "csharp", "rust", "go", "cpp", "c", "swift", "php",
    "groovy",
  ]
  private static let dashLanguages: Set<String> = ["sql", "lua", "haskell"]
  private static let otherNames = [
    "c#": "csharp", "c++": "cpp", "c++11": "cpp", "c++14": "cpp", "c++17": "cpp", "ipython": "python",
    "python3": "python", "python2": "python", "sh": "bash", "js": "javascript", "ts": "typescript",
  ]

  private static func cells(of document: JSONValue) -> [JSONValue]? {
    if let cells = document["cells"]?.arrayValue { return cells }
    let sheets = document["worksheets"]?.arrayValue
    return sheets.map { $0.flatMap { $0["cells"]?.arrayValue ?? [] } }
  }

  private static func language(of document: JSONValue) -> String {
    let metadata = document["metadata"]
    let name =
      metadata?["language_info"]?["name"]?.stringValue ?? metadata?["kernelspec"]?["language"]?.stringValue
      ?? metadata?["language"]?.stringValue ?? "python"
    return otherNames[name.lowercased()] ?? name.lowercased()
  }

  private static func source(of cell: JSONValue) -> String? {
    let value = cell["source"] ?? cell["input"]
    if let text = value?.stringValue { return text }
    return value?.arrayValue.map { $0.compactMap(\.stringValue).joined() }
  }

  private static let sameLanguage: Set<Substring> = [
    "%%time", "%%timeit", "%%capture", "%%prun", "%%memit", "%%px",
  ]

  /// A cell without what only the kernel understands; nil for one in another language or without text.
  private static func plain(_ source: String, mark: String) -> String? {
    let lines = source.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    guard let first = lines.first(where: { !$0.allSatisfy(\.isWhitespace) }) else { return nil }
    if first.hasPrefix("%%") {
      guard let magic = first.split(whereSeparator: \.isWhitespace).first, sameLanguage.contains(magic) else {
        return nil
      }
    }
    return lines.map { line in
      let code = line.drop { $0 == " " || $0 == "\t" }
      let isMagic = code.hasPrefix("%") || code.hasPrefix("!") || isHelp(code)
      guard isMagic, mark == "#" else { return String(line) }
      let indent = line.prefix(line.count - code.count)
      return indent + (indent.isEmpty ? "" : "pass  ") + "# " + code
    }.joined(separator: "\n")
  }

  /// `name?` and `?name` ask for help.
  private static func isHelp(_ code: Substring) -> Bool {
    guard code.hasPrefix("?") || (code.hasSuffix("?") && !code.hasPrefix("#")) else { return false }
    return !code.contains(where: { $0 == " " || $0 == "\"" || $0 == "'" })
  }
}
