/// Groups of lengths of middles: bytes for what lies in one line, else lines.
///
/// Lengths are those of the visible text: white space at both ends does not count.
public enum HoleLength: String, Sendable, Codable, CaseIterable, Comparable {
  /// One line, 1 to 7 bytes.
  case tiny = "1-7 bytes"
  /// One line, 8 to 15 bytes.
  case short = "8-15 bytes"
  /// One line, 16 to 31 bytes.
  case medium = "16-31 bytes"
  /// One line, 32 to 63 bytes.
  case long = "32-63 bytes"
  /// One line, 64 bytes and more.
  case wholeLine = "64+ bytes"
  /// Two to five lines.
  case few = "2-5 lines"
  /// Six to fifteen lines.
  case several = "6-15 lines"
  /// Sixteen to thirty lines.
  case many = "16-30 lines"
  /// More than thirty lines: never carved.
  case beyond = "31+ lines"

  /// The groups that are carved.
  public static let carved = allCases.filter { $0 != .beyond }
  /// The groups within one line.
  public static let inLine: [HoleLength] = [.tiny, .short, .medium, .long, .wholeLine]

  /// The group of a visible text.
  public init(bytes: Int, lines: Int) {
    self =
      switch lines {
      case ...1:
        switch bytes {
        case ...7: .tiny
        case ...15: .short
        case ...31: .medium
        case ...63: .long
        default: .wholeLine
        }
      case ...5: .few
      case ...15: .several
      case ...30: .many
      default: .beyond
      }
  }

  /// The lines of the group.
  public var lines: ClosedRange<Int> {
    switch self {
    case .tiny, .short, .medium, .long, .wholeLine: 1...1
    case .few: 2...5
    case .several: 6...15
    case .many: 16...30
    case .beyond: 31...Int.max
    }
  }

  /// The bytes of the group; of several lines, any number.
  public var bytes: ClosedRange<Int> {
    switch self {
    case .tiny: 1...7
    case .short: 8...15
    case .medium: 16...31
    case .long: 32...63
    case .wholeLine: 64...Int.max
    case .few, .several, .many, .beyond: 1...Int.max
    }
  }

  /// True for what lies in one line.
  public var isInLine: Bool { lines.upperBound == 1 }

  /// Place in `allCases`.
  var index: Int {
    switch self {
    case .tiny: 0
    case .short: 1
    case .medium: 2
    case .long: 3
    case .wholeLine: 4
    case .few: 5
    case .several: 6
    case .many: 7
    case .beyond: 8
    }
  }

  /// Shorter before longer.
  public static func < (left: HoleLength, right: HoleLength) -> Bool { left.index < right.index }
}
