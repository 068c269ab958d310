/// Counts of what was carved.
public struct CarveStatistics: Sendable, Equatable {
  /// Number of examples.
  public private(set) var exampleCount = 0
  /// Examples per class.
  public private(set) var byKind: [FIMExample.Kind: Int] = [:]
  /// Examples per language and class.
  public private(set) var byLanguage: [String: [FIMExample.Kind: Int]] = [:]
  /// Middles of fill-in-the-middle examples per number of lines.
  public private(set) var byLines: [LineGroup: Int] = [:]
  /// Bytes of all prefixes, middles and suffixes.
  public private(set) var prefixBytes = 0
  /// Bytes of all middles.
  public private(set) var middleBytes = 0
  /// Bytes of all suffixes.
  public private(set) var suffixBytes = 0

  /// Groups of lengths.
  public enum LineGroup: String, Sendable, CaseIterable {
    /// One line.
    case one = "1"
    /// Two to five lines.
    case few = "2-5"
    /// Six to fifteen lines.
    case several = "6-15"
    /// Sixteen to thirty lines.
    case many = "16-30"
    /// More than thirty lines.
    case more = "31+"

    /// The group of a middle.
    public init(lines: Int) {
      self =
        switch lines {
        case ...1: .one
        case 2...5: .few
        case 6...15: .several
        case 16...30: .many
        default: .more
        }
    }
  }

  /// Counts examples.
  public init(_ examples: [FIMExample] = []) {
    for example in examples {
      exampleCount += 1
      byKind[example.kind, default: 0] += 1
      byLanguage[example.language, default: [:]][example.kind, default: 0] += 1
      prefixBytes += example.prefix.utf8.count
      middleBytes += example.middle.utf8.count
      suffixBytes += example.suffix.utf8.count
      guard example.kind != .plain else { continue }
      let visible = example.middle.drop(while: \.isNewline)
      byLines[LineGroup(lines: visible.utf8.count { $0 == 0x0A } + 1), default: 0] += 1
    }
  }
}
