import Context

/// Counts of examples by what they are.
public struct ExampleStatistics: Sendable, Equatable, Codable {
  /// Number of examples.
  public var examples = 0
  /// By class letter.
  public private(set) var classes: [String: Int] = [:]
  /// By language, then by class letter.
  public private(set) var languages: [String: [String: Int]] = [:]
  /// Middles of fill-in-the-middle examples by their number of lines, as in `LineGroup`.
  public private(set) var lengths: [String: Int] = [:]
  /// Middles of each class by their number of lines.
  public private(set) var lengthsByClass: [String: [String: Int]] = [:]
  /// By modifier; an example may have several.
  public private(set) var modifiers: [String: Int] = [:]
  /// Snippets by the source that chose them.
  public private(set) var contextSources: [String: Int] = [:]
  /// Examples by their number of snippets.
  public private(set) var contextCounts: [String: Int] = [:]
  /// Bytes of all prefixes.
  public private(set) var prefixBytes = 0
  /// Bytes of all middles.
  public private(set) var middleBytes = 0
  /// Bytes of all suffixes.
  public private(set) var suffixBytes = 0
  /// Bytes of all snippets.
  public private(set) var contextBytes = 0

  /// Counts nothing yet.
  public init() {}

  /// Counts examples.
  public init(_ examples: some Sequence<FIMExample>) {
    for example in examples { add(example) }
  }

  /// Counts an example.
  public mutating func add(_ example: FIMExample) {
    let kind = example.kind.rawValue
    examples += 1
    classes[kind, default: 0] += 1
    languages[example.language, default: [:]][kind, default: 0] += 1
    for modifier in example.modifiers { modifiers[modifier.rawValue, default: 0] += 1 }
    prefixBytes += example.prefix.utf8.count
    middleBytes += example.middle.utf8.count
    suffixBytes += example.suffix.utf8.count
    contextCounts["\(example.context.count)", default: 0] += 1
    for snippet in example.context {
      contextSources[snippet.source.rawValue, default: 0] += 1
      contextBytes += snippet.text.utf8.count
    }
    guard example.kind != .plain else { return }
    let visible = example.middle.utf8.drop { $0 == 0x0A || $0 == 0x0D }
    let group = CarveStatistics.LineGroup(lines: visible.count { $0 == 0x0A } + 1).rawValue
    lengths[group, default: 0] += 1
    lengthsByClass[kind, default: [:]][group, default: 0] += 1
  }

  /// Adds other counts.
  public mutating func add(_ other: ExampleStatistics) {
    examples += other.examples
    classes.merge(other.classes, uniquingKeysWith: +)
    for (language, counts) in other.languages {
      languages[language, default: [:]].merge(counts, uniquingKeysWith: +)
    }
    lengths.merge(other.lengths, uniquingKeysWith: +)
    for (kind, counts) in other.lengthsByClass {
      lengthsByClass[kind, default: [:]].merge(counts, uniquingKeysWith: +)
    }
    modifiers.merge(other.modifiers, uniquingKeysWith: +)
    contextSources.merge(other.contextSources, uniquingKeysWith: +)
    contextCounts.merge(other.contextCounts, uniquingKeysWith: +)
    prefixBytes += other.prefixBytes
    middleBytes += other.middleBytes
    suffixBytes += other.suffixBytes
    contextBytes += other.contextBytes
  }
}
