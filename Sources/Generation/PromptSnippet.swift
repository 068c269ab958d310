/// A piece of another file that a prompt shows before the file in which the hole is.
public struct PromptSnippet: Sendable, Equatable, Codable {
  /// Repository-relative path of the other file; the prompt shows its last three components.
  public var path: String
  /// Whole lines of that file, as UTF-8 bytes.
  public var text: [UInt8]

  /// Creates a snippet.
  public init(path: String, text: [UInt8]) {
    self.path = path
    self.text = text
  }
}

/// How the border between prefix and middle is cut into tokens.
public enum Seam: String, Sendable, Codable, CaseIterable {
  /// Prefix and middle are encoded apart: the cursor stands on a token border, as it does after an accepted suggestion.
  case separate
  /// Prefix and middle are encoded as one text; the token that crosses the border, if any, belongs to the middle. Suffix-first
  /// only: in the other order the two do not touch, and this is `separate`.
  case joint
  /// As a server heals: the prefix ends before the word in which the cursor stands, and the middle begins with that word.
  case healed
}
