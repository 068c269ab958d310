extension ChatTemplate {
  /// Who says something.
  public enum Role: String, Sendable, CaseIterable {
    case system, user
    /// The model; transformers calls it `assistant`.
    case model = "assistant"

    /// What turns of this role are called in prompts.
    var templateName: String { self == .model ? "model" : rawValue }
  }

  /// One message of a conversation.
  public struct Message: Sendable, Equatable {
    /// Who says it.
    public var role: Role
    /// What is said; space at both ends is dropped, except in system messages of Gemma 3.
    public var text: String
    /// What a Gemma 4 model thought before it said it; transformers calls it `reasoning_content`.
    public var thought: String?

    /// A message.
    public init(_ role: Role, _ text: String, thought: String? = nil) {
      self.role = role
      self.text = text
      self.thought = thought
    }
  }
}

extension String {
  /// The text without white space at both ends, as Python's `str.strip`, which templates use, understands it.
  var pythonStripped: String {
    var scalars = unicodeScalars[...]
    while let first = scalars.first, first.isPythonSpace { scalars.removeFirst() }
    while let last = scalars.last, last.isPythonSpace { scalars.removeLast() }
    return String(scalars)
  }
}

extension Unicode.Scalar {
  /// Whether `str.isspace` is true: bidirectional class B, S or WS, or a space separator (Python's documentation).
  fileprivate var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }
}
