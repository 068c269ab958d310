/// A piece of a file that is written in another language than the file.
struct EmbeddedCode {
  /// The bytes in the file.
  let range: Range<Int>
  /// Name of the language; nil for content that is data, or that nobody here reads.
  let language: String?

  /// The scripts and styles of an HTML page, in order; nothing for other languages. PHP's grammar takes in the HTML
  /// around its code by itself.
  static func find(in tree: SyntaxTree, source: [UInt8]) -> [EmbeddedCode] {
    guard tree.language.name == "html" else { return [] }
    var found: [EmbeddedCode] = []
    for text in tree.nodes where text.kind == "raw_text" && !text.byteRange.isEmpty {
      guard let element = text.parent else { continue }
      let tag = Tag(element: element, source: source)
      let blank = Blank.isBlank(source[text.byteRange])
      found.append(EmbeddedCode(range: text.byteRange, language: blank ? nil : tag.language))
    }
    return found
  }

  /// What the start tag of a script or style says about its content.
  private struct Tag {
    let isScript: Bool
    var type = ""
    var lang = ""

    init(element: SyntaxNode, source: [UInt8]) {
      isScript = element.kind == "script_element"
      let attributes = element.children.first { $0.kind == "start_tag" }?.namedChildren ?? []
      for attribute in attributes where attribute.kind == "attribute" {
        let parts = attribute.namedChildren
        guard let name = parts.first, parts.count > 1 else { continue }
        func text(_ node: SyntaxNode) -> String {
          String(decoding: source[node.byteRange].prefix(80), as: UTF8.self).lowercased()
        }
        let value = text(parts[1]).split { " \t\r\n\"'".contains($0) }.first.map(String.init) ?? ""
        switch text(name) {
        case "type": type = value.split(separator: ";").first.map(String.init) ?? ""
        case "lang", "language": lang = value
        default: break
        }
      }
    }

    var language: String? {
      guard isScript else {
        return ["", "text/css"].contains(type) && ["", "css", "postcss"].contains(lang) ? "css" : nil
      }
      if let known = Self.byLang[lang], type.isEmpty || type == "module" { return known }
      return Self.byType[type]
    }

    private static let byLang = [
      "ts": "typescript", "typescript": "typescript", "tsx": "tsx", "json": "json",
    ]
    private static let byType: [String: String] = {
      let types = [
        "javascript": [
          "", "module", "text/javascript", "application/javascript", "application/x-javascript",
          "text/ecmascript", "application/ecmascript", "text/jsx", "text/babel", "jsx",
        ],
        "typescript": ["text/typescript", "application/typescript", "ts"],
        "tsx": ["text/tsx", "tsx"],
        "json": [
          "application/json", "application/ld+json", "importmap", "speculationrules", "text/json",
          "application/importmap+json",
        ],
      ]
      return Dictionary(
        types.flatMap { language, types in types.map { ($0, language) } },
        uniquingKeysWith: { first, _ in first }
      )
    }()
  }
}
