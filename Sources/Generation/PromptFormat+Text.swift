/// Parts of prompts as text, for trainers that tokenise themselves.
extension PromptFormat {
  /// What `head` encodes, with the file separator by its name and without the begin token.
  public func headText(path: String, context: [PromptSnippet]) -> String {
    let separator = marks.fileSeparator?.piece ?? ""
    let snippets = context.map { String(decoding: text(of: $0), as: UTF8.self) + separator }
    return snippets.joined() + String(decoding: Self.line(path: path), as: UTF8.self)
  }

  /// The prefix of a healed prompt, and what the middle begins with instead; nil where the border would lie inside a
  /// character.
  public func healedText(_ prefix: String) -> (prefix: String, requiredStart: String)? {
    let (kept, requiredStart) = healed(tokenizer.encode(prefix))
    guard let start = String(validating: requiredStart, as: UTF8.self),
      let rest = String(validating: prefix.utf8.dropLast(requiredStart.count), as: UTF8.self),
      tokenizer.decode(kept).count == rest.utf8.count
    else { return nil }
    return (rest, start)
  }
}
