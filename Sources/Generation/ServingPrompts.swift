import Tokenizer

/// Builds the prompts of requests as they come, keystroke by keystroke: what an earlier one had is not encoded again.
struct ServingPrompts {
  /// Snippets that are kept; each document in use has a few.
  private static let mostSnippets = 32

  private let format: PromptFormat
  private var texts: EncodedTexts
  private var snippets: [(snippet: PromptSnippet, tokens: [Int32])] = []  // the one used last at the end

  init(_ format: PromptFormat) {
    self.format = format
    texts = EncodedTexts(format.tokenizer)
  }

  /// The ids of the prompt, and the bytes with which generation has to begin where the request heals.
  mutating func prompt(for request: InfillRequest, order: PromptOrder) -> (
    ids: [Int32], requiredStart: [UInt8]
  ) {
    var prefix = texts.tokens(of: request.prefix)
    let suffix = texts.tokens(of: request.suffix)
    var requiredStart: [UInt8] = []
    if request.options.heals { (prefix, requiredStart) = format.healed(prefix) }
    let context = request.context.map { tokens(of: $0) }
    let head = format.head(path: request.path, context: context)
    return (format.prompt(head: head, prefix: prefix, suffix: suffix, order: order), requiredStart)
  }

  /// Snippets do not change while somebody types: they are found whole or encoded anew.
  private mutating func tokens(of snippet: PromptSnippet) -> [Int32] {
    if let index = snippets.lastIndex(where: { $0.snippet == snippet }) {
      snippets.append(snippets.remove(at: index))
    } else {
      if snippets.count == Self.mostSnippets { snippets.removeFirst() }
      snippets.append((snippet, format.tokenizer.encode(format.text(of: snippet))))
    }
    return snippets[snippets.count - 1].tokens
  }
}
