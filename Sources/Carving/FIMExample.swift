import Context

/// One fill-in-the-middle example carved out of a file. `prefix + middle + suffix` is a contiguous window of the file.
public struct FIMExample: Sendable, Equatable {
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
    /// One import, while the names that it brings are used below.
    case `import` = "I"
    /// The whole body of a function, or its signature while the body stands in the suffix.
    case signatureOrBody = "S"
    /// Nothing is missing: the model must end at once.
    case empty = "E"
    /// A plain left-to-right document: `prefix` and `suffix` are empty.
    case plain = "P"
    /// Text inserted by a later commit or release (evaluation only).
    case history = "H"
  }

  /// What was done to the plain hole of a class.
  public enum Modifier: String, Codable, Sendable, CaseIterable {
    /// The middle begins inside a word, as if its beginning had been typed.
    case midToken = "mid-token"
    /// The closing bracket belongs to the middle.
    case closerInside = "closer-inside"
    /// Everything behind the hole's last line is gone, as at the end of what is being written.
    case danglingSuffix = "dangling-suffix"
    /// The prefix ends with the indentation of the middle's first line.
    case indentOnly = "indent-only"
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
  /// Bytes of the syntax unit that the middle was cut from: node, run, tail. The middle, up to its modifiers.
  public var unit: Range<Int>
  /// What was done to the plain hole.
  public var modifiers: [Modifier]
  /// Pieces of other files, the most useful last; the prompt shows them before the file.
  public var context: [ContextSnippet]
  /// Mean negative natural log-likelihood per byte of the middle, as the base model sees it; nil when not scored.
  public var difficulty: Double?
  /// SHA-256 of the file it was carved from, in hexadecimal; empty where it is not known.
  public var contentHash: String
  /// Text before the hole.
  public var prefix: String
  /// Text of the hole.
  public var middle: String
  /// Text behind the hole.
  public var suffix: String

  /// Creates an example from its parts; `unit` is the middle unless given.
  public init(
    path: String, language: String, kind: Kind, nodePath: String, windowStart: Int, middleStart: Int,
    middleEnd: Int, prefix: String, middle: String, suffix: String, unit: Range<Int>? = nil,
    modifiers: [Modifier] = [], context: [ContextSnippet] = [], difficulty: Double? = nil,
    contentHash: String = ""
  ) {
    self.path = path
    self.language = language
    self.kind = kind
    self.nodePath = nodePath
    self.windowStart = windowStart
    self.middleStart = middleStart
    self.middleEnd = middleEnd
    self.unit = unit ?? middleStart..<max(middleStart, middleEnd)
    self.modifiers = modifiers
    self.context = context
    self.difficulty = difficulty
    self.contentHash = contentHash
    self.prefix = prefix
    self.middle = middle
    self.suffix = suffix
  }
}
