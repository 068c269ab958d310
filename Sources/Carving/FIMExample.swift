/// One fill-in-the-middle example carved out of a file. `prefix + middle + suffix` is a contiguous window of the file.
public struct FIMExample: Codable, Sendable, Equatable {
  /// The carving class, named by the letter that the documentation uses.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// One syntax node.
    case node = "N"
    /// A run of sibling nodes with their separators.
    case siblingRun = "R"
    /// From a trigger point inside a line to the end of the node or line.
    case lineTail = "L"
    /// From a statement border to the end of the block, the next blank line or 2–8 statements.
    case blockTail = "B"
    /// A character-level random span.
    case characterSpan = "C"
    /// A plain left-to-right document: `prefix` and `suffix` are empty.
    case plain = "P"
    /// Text inserted by a later commit or release (evaluation only).
    case history = "H"
  }

  /// Repository-relative path with `/` separators.
  public var path: String
  /// Language name as in `grammars/`, or "text" where no grammar is known.
  public var language: String
  /// Carving class.
  public var kind: Kind
  /// Node kinds from the root to the carved node, joined by `/`; empty for spans without a node.
  public var nodePath: String
  /// Byte offset of the window's first byte in the file.
  public var windowStart: Int
  /// Byte offset of the middle's first byte in the file.
  public var middleStart: Int
  /// Byte offset just behind the middle in the file.
  public var middleEnd: Int
  /// Text before the hole.
  public var prefix: String
  /// Text of the hole.
  public var middle: String
  /// Text behind the hole.
  public var suffix: String

  /// Creates an example from its parts.
  public init(
    path: String, language: String, kind: Kind, nodePath: String, windowStart: Int, middleStart: Int,
    middleEnd: Int, prefix: String, middle: String, suffix: String
  ) {
    self.path = path
    self.language = language
    self.kind = kind
    self.nodePath = nodePath
    self.windowStart = windowStart
    self.middleStart = middleStart
    self.middleEnd = middleEnd
    self.prefix = prefix
    self.middle = middle
    self.suffix = suffix
  }
}
