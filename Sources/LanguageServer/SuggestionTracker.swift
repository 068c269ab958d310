import Acceptance

/// Follows each returned suggestion to its end, by what clients report and by how documents change.
///
/// Suggestions that continue one another while the user types are one chain. A chain ends once: what is inferred from
/// a change is held back until the client has had the chance to say it itself (`settle`), and what comes after the
/// end is ignored. So nothing is counted twice.
struct SuggestionTracker {
  typealias Instant = ContinuousClock.Instant

  /// A chain that has not ended.
  private struct Chain {
    let uri: String
    var first: RecordID
    /// The suggestion that was returned last.
    var latest: RecordID
    /// Text of the latest suggestion, with `\n` line ends.
    var text: [UInt8]
    /// Byte offset in the document at which that text begins.
    var start: Int
    /// Bytes of the text that stand in the document.
    var present = 0
    /// Bytes of the text that were reported as taken.
    var taken = 0
    var shownAt: Instant?
    /// The end that was inferred and waits to be settled.
    var inferredEnd: SuggestionEvent?
  }

  private var chains: [String: Chain] = [:]
  private var names: [RecordID: String] = [:]
  private var current: [String: String] = [:]

  /// Chains that have not ended.
  var liveCount: Int { chains.count }

  /// The first suggestion of the chain called `name`, when it has not ended.
  func chain(_ name: String) -> RecordID? { chains[name]?.first }

  /// A suggestion of the chain `name` goes out to the client, to begin at the byte `offset` of its document, where
  /// `present` bytes of it stand already. Ends another chain in the same document.
  mutating func returned(
    _ suggestion: RecordID, chain name: String, text: [UInt8], uri: String, offset: Int, present: Int = 0,
    now: Instant
  ) -> [SuggestionEvent] {
    var events: [SuggestionEvent] = []
    if let previous = current[uri], previous != name {
      events += end(previous, .replaced, .inferred, cause: "new suggestion", now: now)
    }
    current[uri] = name
    names[suggestion] = name
    var chain = Chain(uri: uri, first: suggestion, latest: suggestion, text: text, start: offset)
    if let earlier = chains[name] {
      chain.first = earlier.first
      chain.shownAt = earlier.shownAt
    }
    chain.present = present
    chains[name] = chain
    return events
  }

  /// The client shows a suggestion.
  mutating func shown(_ suggestion: RecordID, now: Instant) -> [SuggestionEvent] {
    guard let name = names[suggestion], let chain = chains[name] else { return [] }
    if chain.shownAt == nil { chains[name]?.shownAt = now }
    return [SuggestionEvent(suggestion: suggestion, kind: .shown, evidence: .client)]
  }

  /// The client took all of a suggestion.
  mutating func accepted(_ suggestion: RecordID, evidence: Evidence, now: Instant) -> [SuggestionEvent] {
    names[suggestion].map { end($0, .accepted, evidence, cause: "", now: now) } ?? []
  }

  /// The client took the first `length` UTF-16 units of a suggestion.
  mutating func partiallyAccepted(_ suggestion: RecordID, length: Int, now: Instant) -> [SuggestionEvent] {
    guard let name = names[suggestion], let chain = chains[name], chain.latest == suggestion, length > 0
    else {
      return []
    }
    let taken = DocumentDifference.bytes(ofUTF16Length: length, in: chain.text)
    if taken >= chain.text.count { return end(name, .accepted, .client, cause: "", now: now) }
    return partial(name, upTo: taken, evidence: .client, now: now)
  }

  /// The client sent a suggestion away.
  mutating func dismissed(_ suggestion: RecordID, cause: String, now: Instant) -> [SuggestionEvent] {
    guard let name = names[suggestion] else { return [] }
    let kind: EventKind =
      switch cause {
      case "", "escape", "rejected": .dismissed
      case "typed", "replaced": .replaced
      default: .hidden
      }
    return end(name, kind, .client, cause: cause, now: now)
  }

  /// A document changed: finds out what this means for the suggestion that stands in it.
  mutating func changed(uri: String, _ difference: DocumentDifference, now: Instant) -> [SuggestionEvent] {
    var events = settle(uri: uri)
    guard let name = current[uri], let chain = chains[name] else { return events }
    guard let present = difference.present(of: chain.text, start: chain.start, had: chain.present) else {
      if let start = difference.movedStart(chain.start, had: chain.present) {
        chains[name]?.start = start
      } else {
        let replaced = event(name, .replaced, .inferred, cause: "other text", now: now)
        chains[name]?.inferredEnd = replaced
      }
      return events
    }
    let step = present - chain.present
    chains[name]?.present = present
    if present == chain.text.count {
      let end = event(name, step > 1 ? .accepted : .typedThrough, .inferred, cause: "", now: now)
      chains[name]?.inferredEnd = end
    } else if step > 1, DocumentDifference.isBorder(chain.text, at: present) {
      events += partial(name, upTo: present, evidence: .inferred, now: now)
    }
    return events
  }

  /// Makes the inferred end of a document's chain final; the client had its time to speak.
  mutating func settle(uri: String) -> [SuggestionEvent] {
    guard let name = current[uri], let event = chains[name]?.inferredEnd else { return [] }
    finish(name)
    return [event]
  }

  /// A document closes: its chain ends with it.
  mutating func closed(uri: String, now: Instant) -> [SuggestionEvent] {
    let settled = settle(uri: uri)
    guard let name = current[uri] else { return settled }
    return settled + end(name, .hidden, .inferred, cause: "closed", now: now)
  }

  /// Everything ends.
  mutating func closeAll(now: Instant) -> [SuggestionEvent] {
    current.keys.sorted().flatMap { closed(uri: $0, now: now) }
  }

  private func event(_ name: String, _ kind: EventKind, _ evidence: Evidence, cause: String, now: Instant)
    -> SuggestionEvent?
  {
    guard let chain = chains[name] else { return nil }
    return SuggestionEvent(
      suggestion: chain.latest, kind: kind, evidence: evidence,
      visibleMs: chain.shownAt.map { Int((now - $0) / .milliseconds(1)) }, cause: cause)
  }

  /// Ends a chain. A decision that the client reports beats what was inferred, and that beats everything else.
  private mutating func end(
    _ name: String, _ kind: EventKind, _ evidence: Evidence, cause: String, now: Instant
  )
    -> [SuggestionEvent]
  {
    let reported = event(name, kind, evidence, cause: cause, now: now)
    let isDecision = evidence != .inferred && (kind == .accepted || kind == .dismissed)
    let final = isDecision ? reported : chains[name]?.inferredEnd ?? reported
    finish(name)
    return final.map { [$0] } ?? []
  }

  private mutating func finish(_ name: String) {
    guard let chain = chains.removeValue(forKey: name) else { return }
    names = names.filter { $0.value != name }
    if current[chain.uri] == name { current[chain.uri] = nil }
  }

  private mutating func partial(_ name: String, upTo taken: Int, evidence: Evidence, now: Instant)
    -> [SuggestionEvent]
  {
    guard let chain = chains[name], taken > chain.taken,
      var event = event(name, .partial, evidence, cause: "", now: now)
    else { return [] }
    event.acceptedLength = DocumentDifference.utf16Length(of: chain.text[..<taken])
    chains[name]?.taken = taken
    return [event]
  }
}
