/// Why a file or folder was left out; the raw value is what machines read.
public enum SkipReason: String, Sendable, Codable, CaseIterable, Comparable {
  /// Matched by .gitignore, .git/info/exclude or .gemfillignore.
  case ignored
  /// A folder of other people's code.
  case vendored
  /// Marked in .gitattributes as generated or vendored.
  case attributes
  /// A repository inside this one, such as a submodule.
  case nestedRepository = "nested-repository"
  /// A symbolic link.
  case symlink
  /// A device, socket or pipe.
  case notRegular = "not-regular"
  /// Cannot be opened, or its name is not UTF-8.
  case unreadable
  /// Nested deeper than any real code.
  case tooDeep = "too-deep"
  /// No known programming language.
  case notSource = "not-source"
  /// A language that was not asked for.
  case otherLanguage = "other-language"
  /// More than a megabyte.
  case tooLarge = "too-large"
  /// Fewer than five words.
  case tooShort = "too-short"
  /// Contains NUL bytes.
  case binary
  /// Is not UTF-8.
  case invalidUTF8 = "invalid-utf8"
  /// Is UTF-16, by its byte order mark.
  case utf16 = "utf-16"
  /// Says that a program wrote it.
  case generated
  /// Lines that nobody wrote by hand.
  case minified
  /// Mostly digits or punctuation.
  case data
  /// Says the same again and again.
  case repetitive
  /// Package versions that a program wrote.
  case lockFile = "lock-file"
  /// Recorded output or test data, more than 50 kB.
  case fixture
  /// Its path holds a secret or personal data, which examples and reports would repeat.
  case secretInPath = "secret-in-path"
  /// Under a licence that the settings refuse, by its own notice or by the nearest licence file.
  case licence = "denied-licence"
  /// Equal to another file up to white space.
  case duplicate
  /// Nearly equal to another file.
  case nearDuplicate = "near-duplicate"
  /// Repeats text that is held out for tests.
  case contaminated
  /// Was written while it was read.
  case changed
  /// Could not be parsed in the time that a file is given.
  case parseTimeout = "parse-timeout"
  /// The total that fits into memory is used up.
  case overBudget = "over-budget"

  /// Alphabetical.
  public static func < (left: SkipReason, right: SkipReason) -> Bool { left.rawValue < right.rawValue }
}

/// A file that was left out, as an error value.
public struct SkippedFile: Error, Sendable, Equatable {
  /// Why, for machines.
  public let reason: SkipReason
  /// Why, for people: the rule and its figure, never text of the file.
  public let detail: String

  /// Creates a verdict.
  public init(_ reason: SkipReason, _ detail: String) {
    self.reason = reason
    self.detail = detail
  }
}
