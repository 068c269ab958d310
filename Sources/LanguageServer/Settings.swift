import Acceptance
import Weights

/// What a client may set, by `initializationOptions` and `workspace/didChangeConfiguration`.
struct Settings: Sendable {
  /// False: no suggestions.
  var isEnabled = true
  /// Which adapter to use.
  var adapter = Adapter.served
  /// Most tokens of a suggestion.
  var maxTokens: Int?
  /// True when the client sends `fim/didShow` and its like.
  var reportsShown = false

  /// Whether what followed the same tokens before, in the folder's files and in the prompt, has its say beside the model.
  var usesNgrams = true

  /// Whether prompts show other files.
  var context = Context.automatic

  /// When prompts show other files.
  enum Context: String {
    /// Where the adapter in use has learnt to read them.
    case automatic = "auto"
    case on, off
  }

  /// Which adapter a client wants.
  enum Adapter: Equatable {
    /// The one that the server was started with.
    case served
    /// None: the bare base.
    case none
    case named(String)

    func name(_ served: String?) -> String? {
      switch self {
      case .served: served
      case .none: nil
      case .named(let name): name
      }
    }
  }

  /// Takes over what is there and makes sense, from `{…}` or `{"gemfill": {…}}`.
  mutating func apply(_ value: JSONValue) {
    let value = value["gemfill"] ?? value
    if let enabled = value["enabled"]?.boolValue { isEnabled = enabled }
    if let reports = value["reportsShown"]?.boolValue { reportsShown = reports }
    if let ngrams = value["ngrams"]?.boolValue { usesNgrams = ngrams }
    if let tokens = value["maxTokens"]?.intValue { maxTokens = max(1, min(tokens, 256)) }
    if let context = value["context"]?.stringValue.flatMap(Context.init(rawValue:)) { self.context = context }
    if let name = value["adapter"]?.stringValue {
      adapter = name.isEmpty ? .served : name == "none" ? .none : .named(name)
    }
  }
}

/// Counts of one session, for `gemfill.status`.
struct ServerStatistics: Sendable {
  private(set) var requests = 0
  private(set) var produced = 0
  private(set) var withoutModel = 0
  private(set) var accepted = 0
  private(set) var lastEvaluatedTokens = 0
  private(set) var lastReusedTokens = 0
  private(set) var lastTotalMs = 0.0

  mutating func count(_ record: RequestRecord) {
    requests += 1
    if record.outcome == .produced { produced += 1 }
    if record.source != .model { withoutModel += 1 }
    guard record.source == .model, record.outcome != .canceled else { return }
    lastEvaluatedTokens = record.promptTokens - record.cachedTokens
    lastReusedTokens = record.cachedTokens
    lastTotalMs = record.totalMs
  }

  mutating func count(_ event: SuggestionEvent) {
    if event.kind == .accepted { accepted += 1 }
  }

  var json: [(String, JSONValue)] {
    [
      ("requests", .int(requests)), ("produced", .int(produced)), ("withoutModel", .int(withoutModel)),
      ("accepted", .int(accepted)), ("lastEvaluatedPromptTokens", .int(lastEvaluatedTokens)),
      ("lastReusedPromptTokens", .int(lastReusedTokens)), ("lastTotalMs", .double(lastTotalMs)),
    ]
  }
}
