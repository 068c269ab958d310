/// A place in a file for which other files are asked.
public struct ContextQuery: Sendable {
  /// What is hidden in training: no snippet may give it away.
  public struct Hole: Sendable {
    /// The text of the hole.
    public var middle: [UInt8]
    /// Bytes of the hole in its file; imports inside it are not followed.
    public var range: Range<Int>

    /// Creates a hole.
    public init(middle: [UInt8], range: Range<Int>) {
      self.middle = middle
      self.range = range
    }
  }

  /// Repository-relative path of the file with `/` separators. The file itself is never a source.
  public var path: String
  /// Name of its language as in `grammars/`; code of the same family is preferred.
  public var language: String
  /// Text before the place; its last lines count most.
  public var prefix: [UInt8]
  /// Text behind the place.
  public var suffix: [UInt8]
  /// What must not be given away; nil in serving, where nobody knows it.
  public var hole: Hole?
  /// Most bytes of all snippets with their paths.
  public var budgetBytes: Int
  /// Most snippets.
  public var limit: Int
  /// Most lines of one snippet.
  public var maximumLines: Int

  /// Creates a query.
  public init(
    path: String, language: String, prefix: [UInt8], suffix: [UInt8], hole: Hole? = nil, budgetBytes: Int,
    limit: Int = ContextOptions().maximumSnippets, maximumLines: Int = ContextOptions().maximumLines
  ) {
    self.path = path
    self.language = language
    self.prefix = prefix
    self.suffix = suffix
    self.hole = hole
    self.budgetBytes = budgetBytes
    self.limit = limit
    self.maximumLines = maximumLines
  }
}
