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
  /// Says that a program wrote it.
  case generated
  /// Lines that nobody wrote by hand.
  case minified
  /// Mostly digits or punctuation.
  case data
  /// The total that fits into memory is used up.
  case overBudget = "over-budget"

  /// Alphabetical.
  public static func < (left: SkipReason, right: SkipReason) -> Bool { left.rawValue < right.rawValue }
}
