import Context
import Generation

/// A question: what comes next at this place of this document?
public struct CompletionRequest: Sendable {
  /// Who asked.
  public enum Trigger: String, Sendable {
    /// The editor, because something was typed.
    case automatic
    /// The user, with a key.
    case invoked
  }

  /// Names the document for the cache of answers; any string that stays the same.
  public var document: String
  /// Repository-relative path of the file.
  public var path: String
  /// The whole document.
  public var text: [UInt8]
  /// Byte offset of the cursor in `text`.
  public var cursor: Int
  /// Who asked.
  public var trigger: Trigger
  /// Name of a loaded adapter; nil for the bare base.
  public var adapter: String?
  /// Most tokens to generate; nil for the service's own limit.
  public var maxTokens: Int?

  /// Says what other files tell about the place; nil for prompts without them, as models want that have not learnt to
  /// read them.
  public var context: ContextProvider?

  /// What followed the same tokens before, in the repository and in the prompt, has its say too; nil for the model alone.
  public var mixture: NgramMixture?

  /// Creates a request.
  public init(
    document: String, path: String, text: [UInt8], cursor: Int, trigger: Trigger = .automatic,
    adapter: String? = nil, maxTokens: Int? = nil, context: ContextProvider? = nil,
    mixture: NgramMixture? = nil
  ) {
    self.mixture = mixture
    self.context = context
    self.document = document
    self.path = path
    self.text = text
    self.cursor = cursor
    self.trigger = trigger
    self.adapter = adapter
    self.maxTokens = maxTokens
  }
}

/// A place for which other files are asked.
public struct ContextPlace: Sendable {
  /// Path of the file as in the request.
  public var path: String
  /// The document, with `\n` line ends.
  public var text: [UInt8]
  /// Byte offset of the cursor in `text`.
  public var cursor: Int
  /// Bytes of `text` that the prompt shows.
  public var window: Range<Int>
  /// True when the window is not the document's last one, grown: the prompt is new anyway.
  public var windowMoved: Bool
  /// Bytes of a full window; the same for all places of a service, so that a budget made of it does not change with typing.
  public var windowBytes: Int
}

/// Finds the snippets of other files for a place, the most useful last. It is waited for, and should give the same snippets
/// while somebody types: others in front of the prompt cost all its keys and values.
public typealias ContextProvider = @Sendable (ContextPlace) async -> [ContextSnippet]

/// What is shown, where it came from, and what it cost.
public struct CompletionAnswer: Sendable {
  /// Where the text came from.
  public enum Source: String, Sendable {
    /// The model was asked.
    case model
    /// The same question was answered before.
    case cache
    /// The rest of an earlier suggestion that the user is typing.
    case typedThrough
    /// Decided without the model.
    case none
  }

  /// Names the suggestion. A suggestion that is typed through keeps its name.
  public var identifier: String
  /// Text to show at the cursor, with `\n` line ends and no trailing white space; empty when there is nothing to show.
  public var text: [UInt8]
  /// Why there is nothing to show.
  public var hidden: HiddenReason?
  /// Where the text came from.
  public var source: Source
  /// What the model generated, before anything was cut away (for explanations, never for logs).
  public var generated: [UInt8] = []
  /// Why generation ended, as the engine says it.
  public var end: String = ""
  /// True when only the rest of the line could be shown.
  public var singleLine = false
  /// Bytes of the prefix window.
  public var prefixBytes = 0
  /// Bytes of the suffix window.
  public var suffixBytes = 0
  /// Pieces of other files in the prompt.
  public var context: [ContextSnippet] = []
  /// Tokens generated.
  public var tokenCount = 0
  /// Mean natural log probability of the generated tokens.
  public var meanLogProbability: Float = 0
  /// Smallest natural log probability of a generated token.
  public var minLogProbability: Float = 0
  /// Prompt tokens that went through the model.
  public var evaluatedPromptTokens = 0
  /// Prompt tokens whose keys and values were cached.
  public var reusedPromptTokens = 0
  /// Where the time went.
  public var latency = LatencyParts()
}

/// Milliseconds of one answer, by stage.
public struct LatencyParts: Sendable, Equatable {
  /// Waiting for the engine.
  public var queueMs = 0.0
  /// Choosing the window and looking into the cache.
  public var contextMs = 0.0
  /// Evaluating the prompt.
  public var prefillMs = 0.0
  /// Generating.
  public var decodeMs = 0.0
  /// Deciding what to show.
  public var postMs = 0.0
  /// From request to answer.
  public var totalMs = 0.0

  /// Creates an all-zero split.
  public init() {}
}
