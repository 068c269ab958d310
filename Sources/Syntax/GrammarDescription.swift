import Foundation

/// What `grammars/<language>/grammar.json` says about a language; the build recipe in it is read by `scripts/grammars`.
struct GrammarDescription: Decodable, Sendable {
  /// How a language marks its blocks; decides how the end of a block is recognised while text is generated.
  enum BlockStyle: String, Decodable, Sendable {
    case braces
    case indentation
    case keywords
  }

  /// Words that open and close blocks in languages without braces.
  struct BlockKeywords: Decodable, Sendable {
    let open: Set<String>
    let openAtLineStart: Set<String>
    let close: Set<String>
  }

  let language: String
  let symbol: String
  let extensions: [String]
  let fileNames: [String]
  let interpreters: [String]
  let lineComment: String?
  let blockComment: [String]?
  let blockStyle: BlockStyle
  /// What begins and ends a string on one line.
  let quotes: [String]
  /// What begins and ends a string that may span lines.
  let longQuotes: [String]
  let blockKeywords: BlockKeywords?

  /// Reads the description at `path`.
  static func read(_ path: String) throws(SyntaxError) -> GrammarDescription {
    let description: GrammarDescription = try decode(path)
    guard description.blockComment.map({ $0.count == 2 }) ?? true else {
      throw .malformedDescription(path: path, reason: "blockComment must be null or [opening, closing]")
    }
    guard !description.longQuotes.contains(""), description.quotes.allSatisfy({ $0.utf8.count == 1 }) else {
      throw .malformedDescription(path: path, reason: "quotes must be single bytes and longQuotes not empty")
    }
    return description
  }

  /// Reads a JSON file, at most 1 MB.
  static func decode<Value: Decodable>(_ path: String) throws(SyntaxError) -> Value {
    guard let file = FileManager.default.contents(atPath: path) else {
      throw .malformedDescription(path: path, reason: "cannot be read")
    }
    guard file.count <= 1 << 20 else {
      throw .malformedDescription(path: path, reason: "is larger than 1 MB")
    }
    do {
      return try JSONDecoder().decode(Value.self, from: file)
    } catch {
      throw .malformedDescription(path: path, reason: "is not a valid description: \(error)")
    }
  }
}
