import Acceptance

/// Where requests, suggestions and what became of them are written down. Calls must not block.
public protocol SuggestionLog: Sendable {
  /// A client connected.
  func begin(_ session: SessionRecord)
  /// A request ended.
  func add(_ request: RequestRecord)
  /// A request returned a suggestion; called after `add(_:)` of its request.
  func add(_ suggestion: SuggestionRecord)
  /// What a suggestion was shown for and what it said; called after `add(_:)` of the suggestion, where `keepsText`.
  func add(_ text: SuggestionText)
  /// Whether texts are wanted.
  var keepsText: Bool { get }
  /// Something happened to a suggestion.
  func add(_ event: SuggestionEvent)
  /// The client left; everything is written before this returns.
  func end()
}

extension SuggestionLog {
  /// Drops it.
  public func add(_ text: SuggestionText) {}
  /// None.
  public var keepsText: Bool { false }
}

/// What became of a suggestion.
public struct SuggestionEvent: Sendable, Equatable {
  /// The suggestion.
  public var suggestion: RecordID
  /// What happened.
  public var kind: EventKind
  /// Who says so.
  public var evidence: Evidence
  /// UTF-16 units that were taken, from the suggestion's beginning; only of partial acceptance.
  public var acceptedLength: Int?
  /// Milliseconds since it was shown, when that is known.
  public var visibleMs: Int?
  /// A word for why.
  public var cause = ""
}

extension AcceptanceLog: SuggestionLog {
  /// Begins a session.
  public func begin(_ session: SessionRecord) { startSession(session) }
  /// Records a request.
  public func add(_ request: RequestRecord) { record(request: request) }
  /// Records a suggestion.
  public func add(_ suggestion: SuggestionRecord) { record(suggestion: suggestion) }
  /// Records a suggestion's text.
  public func add(_ text: SuggestionText) { record(text: text) }
  /// Records an event.
  public func add(_ event: SuggestionEvent) {
    record(
      event: event.kind, suggestionID: event.suggestion, acceptedLength: event.acceptedLength,
      visibleMs: event.visibleMs, cause: event.cause, evidence: event.evidence)
  }
  /// Ends the session.
  public func end() { close() }
}
