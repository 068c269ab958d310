/// Random identifier of a session, request, suggestion or chain.
public struct RecordID: Hashable, Sendable, CustomStringConvertible {
  let bytes: [UInt8]

  /// A new random identifier.
  public init() {
    var generator = SystemRandomNumberGenerator()
    bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// The identifier that a row of the log holds; nil for anything but 16 bytes.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// Reads 32 hexadecimal digits, as a client sends them back; nil for anything else.
  public init?(_ text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 32 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 32, by: 2) {
      guard let high = Self.digit(digits[index]), let low = Self.digit(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.bytes = bytes
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  /// 32 lower-case hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// How the log learns about what people do. Reports never mix the three in one rate.
public enum Evidence: String, Sendable, CaseIterable {
  /// The client says what it shows, accepts and dismisses.
  case client
  /// The client runs the item's command after an accept, and says nothing of showing: what was returned counts
  /// as shown.
  case command
  /// The server concludes from edits. What was returned counts as shown.
  case inferred
}

/// Who is using the server.
public struct SessionRecord: Sendable {
  /// The editor's name.
  public var client: String
  /// The editor's version.
  public var clientVersion: String
  /// Gemfill's version.
  public var serverVersion: String
  /// Path of the workspace; only a keyed hash of it is stored.
  public var workspace: String
  /// What the client is able to report.
  public var evidence: Evidence

  /// Describes a session.
  public init(
    client: String, clientVersion: String = "", serverVersion: String = "", workspace: String = "",
    evidence: Evidence
  ) {
    self.client = client
    self.clientVersion = clientVersion
    self.serverVersion = serverVersion
    self.workspace = workspace
    self.evidence = evidence
  }
}

/// One request for a completion: what it asked for in numbers, how it ended, what it cost. No text, no path.
public struct RequestRecord: Sendable {
  /// Why the server was asked.
  public enum Trigger: String, Sendable {
    case automatic, invoked
  }
  /// How the request ended; every request has exactly one.
  public enum Outcome: String, Sendable, CaseIterable {
    /// A suggestion was returned.
    case produced
    /// The model had nothing to say.
    case empty
    /// Something was generated and held back; `reason` says why.
    case filtered
    /// The client took the request back.
    case canceled
    /// An error.
    case failed
  }
  /// Where the answer came from.
  public enum Source: String, Sendable {
    case model, cache
    case typedThrough = "typed_through"
  }

  /// Identifier, made with the record.
  public let id = RecordID()
  /// Language name as in `grammars/`.
  public var language: String
  /// Path of the file; only a keyed hash of it is stored.
  public var path: String
  /// Why the server was asked.
  public var trigger = Trigger.automatic
  /// Kind of place or of the syntax node that stood open at the cursor; empty when unknown.
  public var nodeKind = ""
  /// Whether text other than white space followed the cursor on its line.
  public var isMidLine = false
  /// UTF-16 length of the window before the cursor.
  public var prefixLength = 0
  /// UTF-16 length of the window behind the cursor.
  public var suffixLength = 0
  /// How it ended.
  public var outcome: Outcome
  /// A short word for a filter or an error; never text from a file.
  public var reason = ""
  /// Where the answer came from.
  public var source = Source.model
  /// Hash of the base model's file.
  public var model = ""
  /// Name of the adapter; nil for the bare base.
  public var adapter: String?
  /// Milliseconds in the engine's queue.
  public var queueMs = 0.0
  /// Milliseconds on the prompt.
  public var prefillMs = 0.0
  /// Milliseconds generating.
  public var decodeMs = 0.0
  /// Milliseconds from the request's arrival to its answer.
  public var totalMs = 0.0
  /// Tokens in the prompt, evaluated and reused ones together.
  public var promptTokens = 0
  /// Prompt tokens whose keys and values were cached.
  public var cachedTokens = 0
  /// Tokens generated.
  public var outputTokens = 0

  /// Describes a request; set the further properties afterwards.
  public init(language: String, path: String, outcome: Outcome) {
    self.language = language
    self.path = path
    self.outcome = outcome
  }
}

/// One suggestion that a request produced.
public struct SuggestionRecord: Sendable {
  /// Identifier, made with the record; goes to the client in the item's command.
  public let id = RecordID()
  /// The request that produced it.
  public var requestID: RecordID
  /// The first suggestion of which this is the rest, when the user types through it; counts once with it.
  public var chainID: RecordID
  /// UTF-16 length.
  public var length: Int
  /// Lines, at least 1.
  public var lines: Int
  /// Generated tokens.
  public var tokens: Int
  /// Mean natural log probability of its tokens.
  public var meanLogProbability: Double
  /// Smallest natural log probability of its tokens.
  public var minLogProbability: Double
  /// Whether it was clipped after generation.
  public var isTruncated = false

  /// Describes a suggestion. Without `chainID` it begins a chain.
  public init(
    requestID: RecordID, chainID: RecordID? = nil, length: Int, lines: Int, tokens: Int,
    meanLogProbability: Double, minLogProbability: Double
  ) {
    self.requestID = requestID
    self.chainID = chainID ?? id
    self.length = length
    self.lines = lines
    self.tokens = tokens
    self.meanLogProbability = meanLogProbability
    self.minLogProbability = minLogProbability
  }
}

/// What happened to a suggestion.
public enum EventKind: String, Sendable, CaseIterable {
  /// It became visible (or was returned, see `Evidence`).
  case shown
  /// The user typed its next characters.
  case typedThrough = "typed_through"
  /// A part was accepted; `acceptedLength` counts from its beginning.
  case partial
  /// All of it was accepted.
  case accepted
  /// The user dismissed it.
  case dismissed
  /// The user typed something else.
  case replaced
  /// It went away without a decision: focus lost, file closed.
  case hidden
}
