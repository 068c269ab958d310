import Tokenizer

extension ChatTemplate {
  /// The prompt as tokens, beginning with the begin token.
  ///
  /// For messages without names of special tokens these are the tokens of the rendered text. Where a message holds such
  /// a name it stays text here: nobody can begin a turn of the system by typing it.
  ///
  /// - Throws: `ChatTemplateError` as `render`; `missingToken` if the vocabulary is of another generation.
  public func tokens(
    _ messages: [Message], addsGenerationPrompt: Bool = true, thinking: Bool = false, tokenizer: Tokenizer
  ) throws(ChatTemplateError) -> [Int32] {
    var tokens: [Int32] = []
    var text = ""
    for part in try parts(messages, addsGenerationPrompt: addsGenerationPrompt, thinking: thinking) {
      switch part {
      // Texts that touch are encoded together, since pieces may reach over the border.
      case .text(let more): text += more
      case .token(let name):
        tokens += tokenizer.encode(text)
        text = ""
        tokens.append(try token(name, tokenizer))
      }
    }
    return tokens + tokenizer.encode(text)
  }

  /// The tokens at which a model turn ends.
  ///
  /// - Throws: `ChatTemplateError.missingToken`.
  public func stopTokens(_ tokenizer: Tokenizer) throws(ChatTemplateError) -> Set<Int32> {
    [tokenizer.endToken, try token(generation == .gemma4 ? "<turn|>" : "<end_of_turn>", tokenizer)]
  }

  private func token(_ name: String, _ tokenizer: Tokenizer) throws(ChatTemplateError) -> Int32 {
    if name == "<bos>" { return tokenizer.beginToken }
    guard let token = tokenizer.token(named: name) else { throw .missingToken(name) }
    return token
  }
}
