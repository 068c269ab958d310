/// What a suggestion was shown for, and what it said. Stored only in logs that the user has told to keep text.
public struct SuggestionText: Sendable, Equatable {
  /// The suggestion.
  public var suggestionID: RecordID
  /// Path of the file in its workspace.
  public var path: String
  /// The window before the cursor.
  public var prefix: String
  /// The window behind it.
  public var suffix: String
  /// The suggested text.
  public var completion: String

  /// Describes a suggestion's text.
  public init(suggestionID: RecordID, path: String, prefix: String, suffix: String, completion: String) {
    self.suggestionID = suggestionID
    self.path = path
    self.prefix = prefix
    self.suffix = suffix
    self.completion = completion
  }
}
