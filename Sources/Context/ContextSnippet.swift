/// A piece of another file that helps to understand the place of a hole.
public struct ContextSnippet: Codable, Sendable, Equatable {
  /// Why a piece was chosen.
  public enum Source: String, Codable, Sendable, CaseIterable {
    /// A file that this one imports, or that imports it.
    case importGraph = "import"
    /// The test of this file, or what this test tests.
    case test
    /// Defines a name that is used near the hole.
    case definition
    /// Shares rare words with what stands near the hole (BM25).
    case similar = "bm25"
  }

  /// Repository-relative path with `/` separators.
  public var path: String
  /// Why it was chosen.
  public var source: Source
  /// Lines of the file, from 1.
  public var firstLine: Int
  /// The text: whole lines.
  public var text: String

  /// Creates a snippet.
  public init(path: String, source: Source, firstLine: Int, text: String) {
    self.path = path
    self.source = source
    self.firstLine = firstLine
    self.text = text
  }
}
