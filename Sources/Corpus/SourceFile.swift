/// A file of source code, read whole.
public struct SourceFile: Sendable, Equatable {
  /// Repository-relative path with `/` separators.
  public let path: String
  /// Language name as in `grammars/`, or "text" where no grammar is known.
  public let language: String
  /// The file's bytes; valid UTF-8. Secrets and personal data are replaced by placeholders of the same length.
  public let bytes: [UInt8]
  /// Where placeholders stand, in order, not overlapping: never part of a middle.
  public let redactions: [Redaction]
  /// The licence notice at the top; nil for none.
  public let licence: LicenceNotice?

  /// A secret or a personal datum that was replaced; its text is kept nowhere.
  public struct Redaction: Sendable, Equatable, Codable {
    /// Name of the rule that found it, such as "github-token".
    public let rule: String
    /// Bytes of the file.
    public let range: Range<Int>

    /// Creates a redaction.
    public init(rule: String, range: Range<Int>) {
      self.rule = rule
      self.range = range
    }
  }

  /// What the top of a file says about its licence.
  public struct LicenceNotice: Sendable, Equatable, Codable {
    /// The notice's comment, from the start of the file or behind an interpreter line.
    public let range: Range<Int>
    /// SPDX identifier or expression, stated or recognised by its words; nil where it is not known.
    public let spdx: String?

    /// Creates a notice.
    public init(range: Range<Int>, spdx: String?) {
      self.range = range
      self.spdx = spdx
    }
  }

  /// What its notice names, "" for nothing known; nil without a notice.
  public var licenceName: String? { licence.map { $0.spdx ?? "" } }

  /// Creates a file.
  public init(
    path: String, language: String, bytes: [UInt8], redactions: [Redaction] = [],
    licence: LicenceNotice? = nil
  ) {
    self.path = path
    self.language = language
    self.bytes = bytes
    self.redactions = redactions
    self.licence = licence
  }

  /// Where code begins: behind the licence notice and the blank lines after it, or behind a byte order mark. Windows of
  /// examples start here at the earliest; an interpreter line without a notice below it is part of the code.
  public var bodyStart: Int {
    guard let licence else { return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 }
    var start = licence.range.upperBound
    for index in licence.range.upperBound..<bytes.count {
      guard bytes[index] == 0x20 || (bytes[index] >= 0x09 && bytes[index] <= 0x0D) else { break }
      if bytes[index] == 0x0A { start = index + 1 }
    }
    return start
  }

  /// The name used where no grammar is known.
  public static let textLanguage = "text"
}

/// What a walk found.
public struct CorpusListing: Sendable {
  /// Usable files in the order of their paths.
  public private(set) var files: [SourceFile] = []
  /// How much was left out, by reason; a skipped folder counts once.
  public private(set) var skipped: [SkipReason: Int] = [:]
  /// What was left out.
  public private(set) var skippedPaths: [SkippedPath] = []

  /// Creates an empty listing.
  public init() {}

  /// Total size of the files.
  public private(set) var byteCount = 0

  mutating func add(_ file: SourceFile) {
    files.append(file)
    byteCount += file.bytes.count
  }

  mutating func skip(_ path: String, _ reason: SkipReason) {
    skipped[reason, default: 0] += 1
    skippedPaths.append(SkippedPath(path: path, reason: reason))
  }
}
