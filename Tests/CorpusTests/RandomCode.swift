@testable import Corpus

/// Random numbers that depend on the seed alone (SplitMix64).
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Text that looks like code: functions of calls and assignments, over the words of one project.
struct RandomCode {
  private var generator: TestGenerator
  private let words: [String]

  init(seed: UInt64, vocabulary: Int = 200) {
    generator = TestGenerator(state: seed)
    let syllables = [
      "read", "write", "node", "path", "file", "count", "index", "tree", "list", "name", "size",
    ]
    var words: [String] = []
    for index in 0..<vocabulary {
      words.append("\(syllables[index % 11])_\(syllables[Int(generator.next() % 11)])\(index / 11)")
    }
    self.words = words
  }

  mutating func word() -> String { words[Int(generator.next() % UInt64(words.count))] }

  mutating func statement() -> String {
    switch generator.next() % 4 {
    case 0: "  \(word()) = \(word())(\(word()), \(word()))\n"
    case 1: "  if \(word()) < \(word()): \(word()).\(word())()\n"
    case 2: "  for \(word()) in \(word()): \(word()) += \(generator.next() % 100)\n"
    default: "  \(word()).\(word())(\(word())[\(word())])\n"
    }
  }

  mutating func function(statements: Int) -> String {
    var text = "def \(word())(\(word()), \(word())):\n"
    for _ in 0..<statements { text += statement() }
    return text
  }

  mutating func file(functions: Int) -> String {
    (0..<functions).map { _ in function(statements: 12) }.joined(separator: "\n")
  }

  /// The text with every occurrence of so many of its words renamed, the rare ones first.
  mutating func renaming(_ count: Int, in text: String) -> String {
    var occurrences: [String: Int] = [:]
    for word in text.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" })
    where word.contains("_") {
      occurrences[String(word), default: 0] += 1
    }
    var text = text
    let rare = occurrences.sorted { $0.value != $1.value ? $0.value < $1.value : $0.key < $1.key }
    for (word, _) in rare.prefix(count) {
      text = text.replacing(word, with: "renamed\(generator.next() % 1000)")
    }
    return text
  }
}

/// Exact Jaccard similarity of two texts' sets of shingles, made with strings.
func exactJaccard(_ left: String, _ right: String) -> Double {
  func shingles(_ text: String) -> Set<String> {
    let words = text.utf8.split { byte in
      !(byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5A || byte >= 0x61 && byte <= 0x7A
        || byte == 0x5F)
    }.map { String($0) ?? "" }
    guard words.count >= 5 else { return [] }
    return Set((0...words.count - 5).map { words[$0..<$0 + 5].joined(separator: " ") })
  }
  let (left, right) = (shingles(left), shingles(right))
  let all = left.union(right).count
  return all == 0 ? 0 : Double(left.intersection(right).count) / Double(all)
}
