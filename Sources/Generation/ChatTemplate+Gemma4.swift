extension ChatTemplate {
  /// The parts of a prompt of Gemma 4.
  func gemma4Parts(_ messages: [Message], addsGenerationPrompt: Bool, thinking: Bool) -> [Part] {
    var parts: [Part] = [.token("<bos>")]
    var messages = messages[...]
    if thinking || messages.first?.role == .system {
      parts += [.token("<|turn>"), .text("system\n")]
      if thinking { parts += [.token("<|think|>"), .text(traits.breaksAfterThink ? "\n" : "")] }
      if let first = messages.first, first.role == .system {
        parts.append(.text(first.text.pythonStripped))
        messages.removeFirst()
      }
      parts += [.token("<turn|>"), .text("\n")]
    }
    let lastUser = messages.lastIndex { $0.role == .user } ?? messages.startIndex - 1
    for (index, message) in zip(messages.indices, messages) {
      let isModel = message.role == .model
      let goesOn =
        traits.modelTurns != .separate && isModel && index > messages.startIndex
        && messages[index - 1].role == .model
      if !goesOn { parts += [.token("<|turn>"), .text(message.role.templateName + "\n")] }
      if traits.modelTurns == .joined, let thought = message.thought, !thought.isEmpty, index > lastUser {
        parts += [.token("<|channel>"), .text("thought\n" + thought + "\n"), .token("<channel|>")]
      }
      parts.append(.text(isModel ? Self.withoutThoughts(message.text) : message.text.pythonStripped))
      let isFollowed =
        traits.modelTurns == .joined && isModel && index + 1 < messages.endIndex
        && messages[index + 1].role == .model
      if !isFollowed { parts += [.token("<turn|>"), .text("\n")] }
    }
    if addsGenerationPrompt {
      parts += [.token("<|turn>"), .text("model\n")]
      if traits.closesThought, !thinking {
        parts += [.token("<|channel>"), .text("thought\n"), .token("<channel|>")]
      }
    }
    return parts
  }

  /// A model's text without the thoughts in it, from each `<|channel>` to the next `<channel|>`.
  private static func withoutThoughts(_ text: String) -> String {
    // Bytes, since a name may be followed by a combining character, with which `Character` would unite it.
    let bytes = Array(text.utf8)
    let (opening, closing) = (Array("<|channel>".utf8), Array("<channel|>".utf8))
    var kept: [UInt8] = []
    var isThought = false
    var position = 0
    while position < bytes.count {
      if bytes[position...].starts(with: closing) {
        isThought = false
        position += closing.count
      } else if bytes[position...].starts(with: opening) {
        isThought = true
        position += opening.count
      } else {
        if !isThought { kept.append(bytes[position]) }
        position += 1
      }
    }
    return String(decoding: kept, as: UTF8.self).pythonStripped
  }
}
