/// One file that may be source code: listed, not read.
public struct SourceEntry: Sendable, Equatable {
  /// Path below the tree's root with `/` separators.
  public let path: String
  /// Size when it was listed, in bytes.
  public let size: Int
  /// Name of the blob in git; nil where the file lies on disk.
  public let object: String?
  /// When its last commit was made, in seconds since 1970; nil where that is not known.
  public var changed: Int?

  /// Creates an entry.
  public init(path: String, size: Int, object: String? = nil, changed: Int? = nil) {
    self.path = path
    self.size = size
    self.object = object
    self.changed = changed
  }
}

/// A path that was left out.
public struct SkippedPath: Sendable, Equatable {
  /// Path below the tree's root.
  public let path: String
  /// Why.
  public let reason: SkipReason

  /// Creates a record.
  public init(path: String, reason: SkipReason) {
    self.path = path
    self.reason = reason
  }
}

/// Where the files of a tree come from.
public struct SourceOrigin: Sendable, Equatable, Codable {
  /// The folder or repository as it was named.
  public var path: String
  /// The commit; nil for files on disk.
  public var commit: String?
  /// True where the history ends early, so that the age of files cannot be told from it; nil where nobody asked.
  public var isShallow: Bool?

  /// Creates an origin.
  public init(path: String, commit: String? = nil, isShallow: Bool? = nil) {
    self.path = path
    self.commit = commit
    self.isShallow = isShallow
  }
}

/// The files of a folder or of a commit: listed at once, read one by one and as often as needed.
///
/// The rules about paths are applied when the tree is listed; what a file holds is judged by `FileHygiene`.
public protocol SourceTree: Sendable {
  /// Where the files come from.
  var origin: SourceOrigin { get }
  /// Files that may be read, in the order of their paths' bytes.
  var entries: [SourceEntry] { get }
  /// What the rules about paths left out; a skipped folder counts once.
  var skipped: [SkippedPath] { get }
  /// What the tree's licence files say, and the ones above it in its repository.
  var licences: TreeLicences { get }

  /// The bytes of a file, or why there are none. Any thread may call it.
  func read(_ entry: SourceEntry) -> Result<[UInt8], SkippedFile>
}

extension SourceTree {
  /// None: for trees without licence files.
  public var licences: TreeLicences { .none }

  /// Names of the tree's paths in order, as bytes compare.
  static func isBefore(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
