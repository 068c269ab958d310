/// Why a candidate for a middle was not used; the raw value is what machines read.
public enum DropReason: String, Sendable, Codable, CaseIterable, Comparable {
  /// Overlaps a secret or a personal datum.
  case secret
  /// Overlaps the licence notice.
  case licence
  /// Is only a comment or a documentation string, beyond the share that these may have.
  case comment
  /// Lies in a string, beyond the share that these may have.
  case string
  /// Overlaps code that the parser did not understand, or stands beside such code.
  case error
  /// Too little visible text.
  case tooShort = "too-short"
  /// Longer than its class allows.
  case tooLong = "too-long"
  /// Cut from this file before.
  case repeated
  /// An import whose names are not used below it.
  case unused
  /// Crosses into code of another language.
  case otherLanguage = "other-language"
  /// Reaches from one cell of a notebook into another.
  case acrossCells = "across-cells"
  /// The window holds no hole of the class and length that were drawn.
  case noCandidate = "no-candidate"
  /// Repeats text that is held out for tests.
  case contaminated
  /// A validation or test example whose middle training holds.
  case acrossSplits = "across-splits"
  /// Lies in a function that other files have shown often enough.
  case copiedFunction = "copied-function"
  /// A test example of a new file that is nearly a copy of one that is learnt from, or of another new one.
  case copiedFile = "copied-file"
  /// In an old file, or in a test where tests are most of the code: these give fewer examples.
  case thinned
  /// Beyond the number of examples that was asked for.
  case limit
  /// An output cannot hold it: longer than its sequences may be, or with the name of a mark in its text.
  case unfit = "does-not-fit-format"
  /// Too easy, or noise, for the base that was asked.
  case hardness
  /// Its offsets do not fit the file, as from a damaged cache.
  case damaged

  /// Alphabetical.
  public static func < (left: DropReason, right: DropReason) -> Bool { left.rawValue < right.rawValue }
}
