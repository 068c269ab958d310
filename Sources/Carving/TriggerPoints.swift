/// Places inside a line where people pause and a completion is asked for.
struct TriggerPoints {
  typealias Kind = CarvingSettings.Trigger

  private var places: [(kind: Kind, place: Int)] = []
  /// Places inside of words.
  private var inside: [Int] = []

  /// The words of all languages together; keyed by their bytes, packed, because every word of a line is looked up.
  private static let keywords: Set<UInt128> = Set(words.map { packed(Array($0.utf8)[...]) })

  /// Whether a word is a keyword in one of the languages.
  static func isKeyword(_ word: ArraySlice<UInt8>) -> Bool {
    word.count <= 12 && keywords.contains(packed(word))
  }

  private static func packed(_ word: ArraySlice<UInt8>) -> UInt128 {
    word.reduce(0) { $0 << 8 | UInt128($1) }
  }

  private static let words = [
    "and", "as", "assert", "async", "await", "case", "catch", "class", "const", "def", "defer", "del", "do",
    "elif",
    "else", "enum", "except", "export", "extends", "extension", "final", "fn", "for", "from", "func",
    "function", "global",
    "go", "guard", "if", "impl", "implements", "import", "in", "interface", "is", "lambda", "let", "match",
    "mod",
    "module", "mut", "new", "not", "or", "override", "package", "private", "protected", "protocol", "pub",
    "public",
    "raise", "require", "return", "select", "self", "static", "struct", "switch", "throw", "throws", "trait",
    "try",
    "type", "typealias", "typedef", "unless", "until", "use", "using", "var", "virtual", "void", "where",
    "while",
    "with", "yield",
  ]

  /// Finds the places in `line`, leaving out those that `isExcluded` (strings, comments) rejects.
  init(line: Range<Int>, source: [UInt8], isExcluded: (Int) -> Bool) {
    var index = line.lowerBound
    while index < line.upperBound, Blanks.isSpace(source[index]) { index += 1 }
    add(.lineStart, index)
    while index < line.upperBound {
      if isExcluded(index) {
        index += 1
        continue
      }
      let byte = source[index]
      if Blanks.isWord(byte) {
        index = word(from: index, line: line, source: source)
      } else {
        punctuation(at: index, line: line, source: source)
        index += 1
      }
    }
  }

  private mutating func add(_ kind: Kind, _ place: Int) {
    places.append((kind, place))
  }

  /// A word gives a place behind itself, and some inside when it is long.
  private mutating func word(from start: Int, line: Range<Int>, source: [UInt8]) -> Int {
    var end = start
    while end < line.upperBound, Blanks.isWord(source[end]) { end += 1 }
    let isNumber = source[start] >= 0x30 && source[start] <= 0x39
    if Self.isKeyword(source[start..<end]),
      end < line.upperBound, source[end] == 0x20
    {
      add(.keyword, end + 1)
    } else if !isNumber {
      add(.identifier, end)
      for place in [start + 2, start + (end - start) / 2]
      where place > start && place < end && Blanks.startsCharacter(source[place]) {
        inside.append(place)
      }
    }
    return end
  }

  private mutating func punctuation(at index: Int, line: Range<Int>, source: [UInt8]) {
    let next = index + 1 < line.upperBound ? source[index + 1] : 0x0A
    let previous = index > line.lowerBound ? source[index - 1] : 0x0A
    switch source[index] {
    case UInt8(ascii: "("): add(.openParenthesis, index + 1)
    case UInt8(ascii: "["), UInt8(ascii: "{"): add(.openBracket, index + 1)
    case UInt8(ascii: ","): if next == 0x20 { add(.comma, index + 2) }
    case UInt8(ascii: "="):
      if next == 0x20, !"=!<>".utf8.contains(previous) { add(.assignment, index + 2) }
    case UInt8(ascii: "."):
      if Blanks.isWord(next), Blanks.isWord(previous) || previous == UInt8(ascii: ")") {
        add(.member, index + 1)
      }
    case UInt8(ascii: ">"):
      if previous == UInt8(ascii: "-") {
        if next == 0x20 { add(.typePosition, index + 2) } else { add(.member, index + 1) }
      }
    case UInt8(ascii: ":"):
      if next == 0x20 { add(.typePosition, index + 2) }
      if previous == UInt8(ascii: ":"), Blanks.isWord(next) { add(.member, index + 1) }
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "|"),
      UInt8(ascii: "&"), UInt8(ascii: "<"):
      if next == 0x20, previous == 0x20 || previous == source[index] { add(.other, index + 2) }
    case UInt8(ascii: "\""), UInt8(ascii: "'"): if next != source[index] { add(.quote, index + 1) }
    default: break
    }
  }

  /// A place, its kind chosen by weight among those that the line has.
  ///
  /// - Parameter partial: the share of places behind a name that are moved into it.
  func choose(partial: Double = 0.5, using generator: inout SeededGenerator) -> Int? {
    let weights = CarvingSettings.measured.triggers
    guard let found = choose(weights: weights, using: &generator, where: { _ in true }) else { return nil }
    if found.kind == .identifier, !inside.isEmpty, generator.chance(partial) {
      return inside[generator.below(inside.count)]
    }
    return found.place
  }

  /// A place that `isFit` takes, its kind chosen by weight among those that the line has.
  func choose(
    weights: [Kind: Double], using generator: inout SeededGenerator, where isFit: (Int) -> Bool
  ) -> (kind: Kind, place: Int)? {
    let fitting = places.filter { isFit($0.place) }
    var counts: [Kind: Int] = [:]
    for (kind, _) in fitting { counts[kind, default: 0] += 1 }
    // All places are drawn from one list, so that the order of a dictionary plays no part.
    let shares = fitting.map { (weights[$0.kind] ?? 0) / Double(counts[$0.kind] ?? 1) }
    return generator.index(weights: shares).map { fitting[$0] }
  }

  /// Where a line tail from `start` ends: at the line's end, or before closers whose openers stand before `start`.
  static func tailEnd(from start: Int, lineEnd: Int, source: [UInt8], keepsClosers: Bool) -> Int {
    var end = lineEnd
    while end > start, Blanks.isSpace(source[end - 1]) { end -= 1 }
    guard !keepsClosers else { return end }
    var depth = 0
    for index in start..<max(start, end) {
      if "([{".utf8.contains(source[index]) { depth += 1 }
      guard ")]}".utf8.contains(source[index]) else { continue }
      depth -= 1
      let rest = source[index..<end]
      if depth < 0 { return rest.allSatisfy { ")]};,: ".utf8.contains($0) } ? index : end }
    }
    return end
  }
}
