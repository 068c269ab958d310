/// A file of source code, read whole.
public struct SourceFile: Sendable, Equatable {
  /// Repository-relative path with `/` separators.
  public let path: String
  /// Language name as in `grammars/`, or "text" where no grammar is known.
  public let language: String
  /// The file's bytes; valid UTF-8.
  public let bytes: [UInt8]

  /// Creates a file.
  public init(path: String, language: String, bytes: [UInt8]) {
    self.path = path
    self.language = language
    self.bytes = bytes
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

  /// A path that was left out.
  public struct SkippedPath: Sendable, Equatable {
    /// Repository-relative path.
    public let path: String
    /// Why.
    public let reason: SkipReason
  }

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
