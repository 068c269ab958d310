/// Turns code and questions into search terms: identifiers are split at camelCase, snake_case and digit borders, and
/// a compound also stays whole (`parseHTTPHeader` gives `parse`, `http`, `header`, `parsehttpheader`).
enum TermSplitter {
  /// Terms in the order of the text, in lower case (beyond ASCII the index folds case).
  static func terms(_ text: some Sequence<UInt8>) -> [String] {
    var splitter = Splitter()
    for byte in text { splitter.take(byte) }
    splitter.endIdentifier()
    return splitter.terms
  }

  /// Distinct terms of a question without words that say nothing; if all are such words, they are kept.
  static func queryTerms(_ query: String, limit: Int = 48) -> [String] {
    var seen = Set<String>()
    let all = terms(query.utf8.prefix(16_384)).filter { seen.insert($0).inserted }
    let telling = all.filter { !stopWords.contains($0) }
    return Array((telling.isEmpty ? all : telling).prefix(limit))
  }

  /// Words of questions and doc comments that stand in most of them.
  static let stopWords: Set<String> = [
    "a", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "code", "do", "does",
    "find",
    "for", "from", "function", "given", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its",
    "me",
    "method", "not", "of", "on", "one", "or", "return", "returns", "s", "should", "show", "so", "that", "the",
    "their", "then", "there", "these", "this", "to", "used", "we", "what", "when", "where", "which", "who",
    "why",
    "will", "with", "you",
  ]

  /// A longer run of letters is data, not a word.
  private static let longestTerm = 64

  private struct Splitter {
    var terms: [String] = []
    private var part: [UInt8] = []
    private var whole: [UInt8] = []
    private var partCount = 0
    private var last = Class.other

    private enum Class {
      case lower, upper, digit, other
    }

    mutating func take(_ byte: UInt8) {
      let kind: Class
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...: kind = .lower
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): kind = .upper
      case UInt8(ascii: "0")...UInt8(ascii: "9"): kind = .digit
      default: kind = .other
      }
      defer { last = kind }
      if kind == .other {
        // An underscore or dollar sign joins the parts of one identifier.
        byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$") ? endPart() : endIdentifier()
        return
      }
      if kind == .upper, last == .lower || last == .digit { endPart() }
      if kind == .lower, last == .upper, part.count > 1 {
        // The last capital of HTTPHeader belongs to the next part.
        let capital = part.removeLast()
        endPart()
        part.append(capital)
      }
      if kind == .digit, last != .digit, last != .other { endPart() }
      let lower = kind == .upper ? byte | 0x20 : byte
      part.append(lower)
      whole.append(lower)
    }

    mutating func endIdentifier() {
      endPart()
      if partCount > 1, whole.count <= longestTerm { terms.append(String(decoding: whole, as: UTF8.self)) }
      whole = []
      partCount = 0
    }

    private mutating func endPart() {
      guard !part.isEmpty else { return }
      if part.count <= longestTerm { terms.append(String(decoding: part, as: UTF8.self)) }
      part = []
      partCount += 1
    }
  }
}
