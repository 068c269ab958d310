import Tokenizer

/// How instruction-tuned Gemma models want a conversation written.
///
/// Byte for byte what the templates that Google publishes with the models give in the transformers library, for
/// conversations of text. What differs between generations:
///
/// - **Gemma 1, 2:** turns between `<start_of_turn>` and `<end_of_turn>`; user and model alternate; no system turn.
/// - **Gemma 3, 3n:** the same, but a system message at the beginning is put before the first turn's text.
/// - **Gemma 4:** turns between `<|turn>` and `<turn|>`, with turns of the system and a switch for thinking.
public struct ChatTemplate: Sendable, Equatable {
  /// The generations of models; 1 and 2 share a template, and so do 3 and 3n as far as text goes.
  public enum Generation: String, Sendable, CaseIterable {
    case gemma1, gemma2, gemma3, gemma3n, gemma4
  }

  /// What differs between the templates that were published for Gemma 4.
  public struct Gemma4Traits: Sendable, Equatable {
    /// Whether an empty thought goes before an answer that is to come without thinking: in the larger models (12B, 26B,
    /// 31B), not in E2B and E4B.
    public var closesThought: Bool
    /// Whether a line feed follows `<|think|>`: not in the templates of the first weeks.
    public var breaksAfterThink = true
    /// What becomes of model messages that follow each other.
    public var modelTurns = ModelTurns.joined

    /// The traits of the newest template.
    public init(closesThought: Bool = true) {
      self.closesThought = closesThought
    }
  }

  /// What becomes of model messages that follow each other in Gemma 4.
  public enum ModelTurns: Sendable, Equatable {
    /// Each is a turn: in the template of the release.
    case separate
    /// Each is closed like a turn, but only the first is opened: in the templates between.
    case unopened
    /// They share one turn, and thoughts after the last user message are kept: since July 2026.
    case joined
  }

  /// The generation of the model.
  public let generation: Generation
  /// The traits of the template, if it is Gemma 4's.
  public let traits: Gemma4Traits

  /// The newest template of a generation.
  ///
  /// - Parameter traits: What to do differently in Gemma 4; other generations ignore it.
  public init(generation: Generation, traits: Gemma4Traits = Gemma4Traits()) {
    self.generation = generation
    self.traits = traits
  }

  /// The template that a model file carries, recognised by its text: the value of `tokenizer.chat_template` in GGUF, or
  /// the content of `chat_template.jinja`.
  ///
  /// Nothing of it is executed. `nil` where it is none of the known ones.
  public init?(recognizing text: String) {
    func holds(_ part: String) -> Bool { text.utf8.firstRange(of: part.utf8) != nil }
    if holds("<|turn>") {
      var traits = Gemma4Traits(closesThought: holds(#"'<|channel>thought\n<channel|>'"#))
      traits.breaksAfterThink = holds(#"'<|think|>\n'"#)
      traits.modelTurns =
        holds("continues_into_next") ? .joined : holds("continue_same_model_turn") ? .unopened : .separate
      self.init(generation: .gemma4, traits: traits)
    } else if holds("<start_of_turn>") {
      let takesSystem = holds("first_user_prefix")
      self.init(generation: holds("<audio_soft_token>") ? .gemma3n : takesSystem ? .gemma3 : .gemma2)
    } else {
      return nil
    }
  }

  /// A piece of the prompt: a special token by its name, or text.
  enum Part: Equatable {
    case token(String)
    case text(String)
  }

  /// The prompt as text.
  ///
  /// Names of special tokens within messages are not marked in any way, just as in transformers; `tokens` keeps them
  /// apart.
  ///
  /// - Parameters:
  ///   - messages: The conversation, oldest message first.
  ///   - addsGenerationPrompt: Whether the beginning of a model turn is appended.
  ///   - thinking: Whether a Gemma 4 model is to think before it answers; other generations ignore it.
  /// - Throws: `ChatTemplateError`, where the published template raises an exception.
  public func render(
    _ messages: [Message], addsGenerationPrompt: Bool = true, thinking: Bool = false
  ) throws(ChatTemplateError) -> String {
    try parts(messages, addsGenerationPrompt: addsGenerationPrompt, thinking: thinking).map { part in
      switch part {
      case .token(let name): name
      case .text(let text): text
      }
    }.joined()
  }

  func parts(
    _ messages: [Message], addsGenerationPrompt: Bool, thinking: Bool
  ) throws(ChatTemplateError) -> [Part] {
    guard let first = messages.first else {
      // Only Gemma 4's newest template does not look at the first message before it knows that there is one.
      guard generation == .gemma4, traits.modelTurns == .joined else { throw .noMessages }
      return gemma4Parts([], addsGenerationPrompt: addsGenerationPrompt, thinking: thinking)
    }
    switch generation {
    case .gemma1, .gemma2:
      if first.role == .system { throw .systemMessage(generation) }
      return try turns(messages, prefix: "", addsGenerationPrompt)
    case .gemma3, .gemma3n:
      let hasSystem = first.role == .system
      return try turns(
        hasSystem ? Array(messages.dropFirst()) : messages, prefix: hasSystem ? first.text + "\n\n" : "",
        addsGenerationPrompt)
    case .gemma4:
      return gemma4Parts(messages, addsGenerationPrompt: addsGenerationPrompt, thinking: thinking)
    }
  }

  /// The turns of Gemma 1 to 3n.
  private func turns(
    _ messages: [Message], prefix: String, _ addsGenerationPrompt: Bool
  ) throws(ChatTemplateError) -> [Part] {
    var parts: [Part] = [.token("<bos>")]
    for (index, message) in messages.enumerated() {
      guard (message.role == .user) == (index % 2 == 0) else { throw .rolesDoNotAlternate(message: index) }
      parts += [
        .token("<start_of_turn>"),
        .text(message.role.templateName + "\n" + (index == 0 ? prefix : "") + message.text.pythonStripped),
        .token("<end_of_turn>"), .text("\n"),
      ]
    }
    if addsGenerationPrompt { parts += [.token("<start_of_turn>"), .text("model\n")] }
    return parts
  }
}

/// Why a conversation cannot be written in a model's form.
public enum ChatTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is no message at all.
  case noMessages
  /// The generation knows no system messages.
  case systemMessage(ChatTemplate.Generation)
  /// Messages of user and model must take turns, beginning with the user; a system message does not count.
  case rolesDoNotAlternate(message: Int)
  /// The vocabulary lacks a token that the template needs.
  case missingToken(String)

  /// The message: what, where and what to do next.
  public var description: String {
    switch self {
    case .noMessages: "the conversation is empty; give at least one message"
    case .systemMessage(let generation):
      "\(generation.rawValue) models take no system message; put its text into the first message of the user"
    case .rolesDoNotAlternate(let index):
      "message \(index) breaks the order; user and model must take turns, beginning with the user"
    case .missingToken(let name):
      "the vocabulary has no token '\(name)'; use the template of the model's own generation"
    }
  }
}
