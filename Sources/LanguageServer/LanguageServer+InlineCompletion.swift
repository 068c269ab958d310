import Acceptance
import Completion
import Weights

extension LanguageServer {
  /// The answer when there is nothing to show: always a list, never null, so that clients take old text away.
  static let noItems = Outgoing.object(("items", .array([])))

  /// A checked request.
  struct Question: Sendable {
    let request: CompletionRequest
    let uri: String
    let version: Int
    let language: String
    /// Range that the item replaces: empty at the cursor, or that of the selected popup item.
    let range: (start: Position, end: Position)
    /// Text of the selected popup item, with which the item has to begin.
    let selected: [UInt8]
    /// Byte offset in the document at which the item's text begins.
    let offset: Int
    /// Bytes of that text that stand in the document already.
    let present: Int
    let midLine: Bool
    /// Where the cursor stands: "mid-line", "line tail" or "new line".
    var place: String { midLine ? "mid-line" : startsLine ? "new line" : "line tail" }
    let startsLine: Bool
  }

  func startCompletion(_ identifier: RequestIdentifier, _ params: JSONValue) throws {
    guard pending[identifier] == nil else {
      throw ResponseError(code: ResponseError.invalidRequest, message: "a request with this id is under way")
    }
    guard let uri = params["textDocument"]?["uri"]?.stringValue else {
      throw ResponseError.invalidParams("textDocument.uri is missing")
    }
    guard let position = Position(params["position"]) else {
      throw ResponseError.invalidParams("position needs line and character, whole numbers from 0 on")
    }
    callOff(uri: uri)
    write(tracker.settle(uri: uri))
    let reason: String
    switch question(uri: uri, position: position, params) {
    case .failure(let refusal): reason = refusal.reason
    case .success(let question):
      guard let loading else { return respond(identifier, Self.noItems) }
      let started = clock.now
      let adapter = settings.adapter
      lastSerial += 1
      let serial = lastSerial
      let task = Task { [weak self] in
        guard let self else { return }
        let reply = await reply(question, adapter, from: loading)
        await finish(identifier, question, reply, serial: serial, started: started)
      }
      pending[identifier] = Pending(uri: uri, version: question.version, serial: serial, task: task)
      return
    }
    log("completion id=\(text(identifier)) outcome=empty reason=\(reason)")
    respond(identifier, Self.noItems)
  }

  /// Calls off what is under way for a document; its requests are answered with an empty list.
  func callOff(uri: String) {
    for (identifier, request) in pending where request.uri == uri {
      request.task.cancel()
      pending[identifier] = nil
      respond(identifier, Self.noItems)
    }
  }

  func cancelRequest(_ params: JSONValue) {
    guard let identifier = RequestIdentifier(params["id"]),
      let request = pending.removeValue(forKey: identifier)
    else { return }
    request.task.cancel()
    send(
      Outgoing.error(
        identifier, ResponseError(code: ResponseError.requestCancelled, message: "the client cancelled")))
  }

  // MARK: - Asking

  /// An answer or an error, and what it was made with.
  private struct Reply: Sendable {
    var result: Result<CompletionAnswer, any Error>
    var adapter: String?
    var modelKey = ""
  }

  private nonisolated func reply(
    _ question: Question, _ adapter: Settings.Adapter, from loading: Task<Served, any Error>
  ) async -> Reply {
    var request = question.request
    do {
      let served = try await loading.value
      request.adapter = adapter.name(served.adapter)
      request.context = await contextProvider(uri: question.uri, adapter: request.adapter, served: served)
      request.mixture = await mixture(uri: question.uri, served: served)
      var reply = Reply(
        result: .failure(CancellationError()), adapter: request.adapter, modelKey: served.modelKey)
      do { reply.result = .success(try await served.service.complete(request)) } catch {
        reply.result = .failure(error)
      }
      return reply
    } catch {
      return Reply(result: .failure(error))
    }
  }

  private struct Refusal: Error { let reason: String }

  private func question(uri: String, position: Position, _ params: JSONValue) -> Result<Question, Refusal> {
    guard settings.isEnabled else { return .failure(Refusal(reason: "disabled")) }
    guard let document = documents[uri] else { return .failure(Refusal(reason: "notOpen")) }
    guard document.isInStep else { return .failure(Refusal(reason: "outOfStep")) }
    if let version = params["textDocument"]?["version"]?.intValue, version != document.version {
      return .failure(Refusal(reason: "otherVersion"))
    }
    guard let cursor = document.offset(of: position, encoding: encoding) else {
      return .failure(Refusal(reason: "outsideDocument"))
    }
    guard let path = places[uri]?.path else { return .failure(Refusal(reason: "keptOut")) }
    let trigger: CompletionRequest.Trigger =
      params["context"]?["triggerKind"]?.intValue == 1 ? .invoked : .automatic
    let place = document.position(of: cursor, encoding: encoding)
    var request = CompletionRequest(
      document: uri, path: path, text: document.text, cursor: cursor, trigger: trigger,
      maxTokens: settings.maxTokens)
    let rest = document.text[cursor...].prefix { $0 != 0x0A && $0 != 0x0D }
    var range = (start: place, end: place)
    var selected: [UInt8] = []
    var offset = cursor
    if let info = params["context"]?["selectedCompletionInfo"], !info.isNull {
      guard let replaced = replacedRange(info, document, cursor: cursor), let text = info["text"]?.stringValue
      else { return .failure(Refusal(reason: "selection")) }
      selected = Array(text.utf8)
      offset = replaced.lowerBound
      request.text.replaceSubrange(replaced, with: selected)
      request.cursor = replaced.lowerBound + selected.count
      range = (
        document.position(of: replaced.lowerBound, encoding: encoding),
        document.position(of: replaced.upperBound, encoding: encoding)
      )
    }
    return .success(
      Question(
        request: request, uri: uri, version: document.version, language: document.language, range: range,
        selected: selected, offset: offset,
        present: selected.starts(with: document.text[offset..<cursor]) ? cursor - offset : 0,
        midLine: rest.contains { $0 != 0x20 && $0 != 0x09 },
        startsLine: document.text[..<cursor].reversed().prefix { $0 != 0x0A && $0 != 0x0D }
          .allSatisfy { $0 == 0x20 || $0 == 0x09 }))
  }

  /// Bytes that the selected popup item replaces: on the cursor's line, around the cursor.
  private func replacedRange(_ info: JSONValue, _ document: Document, cursor: Int) -> Range<Int>? {
    guard let start = Position(info["range"]?["start"]), let end = Position(info["range"]?["end"]),
      start.line == end.line,
      let from = document.offset(of: start, encoding: encoding),
      let to = document.offset(of: end, encoding: encoding), from <= cursor, cursor <= to
    else { return nil }
    return from..<to
  }

  // MARK: - Answering

  private func finish(
    _ identifier: RequestIdentifier, _ question: Question, _ reply: Reply,
    serial: Int, started: ContinuousClock.Instant
  ) {
    var record = RequestRecord(
      language: question.language, path: Workspace.path(ofURI: question.uri) ?? question.uri,
      outcome: .canceled)
    record.trigger = question.request.trigger == .invoked ? .invoked : .automatic
    record.isMidLine = question.midLine
    record.nodeKind = question.place
    record.model = reply.modelKey
    record.adapter = reply.adapter
    record.totalMs = milliseconds(since: started)
    // A client may use an identifier again once it has been answered.
    let isWanted = pending[identifier]?.serial == serial
    if isWanted { pending[identifier] = nil }
    var items: [JSONValue] = []
    var suggestion: (record: SuggestionRecord, answer: CompletionAnswer)?
    switch reply.result {
    case .failure(let error):
      record.outcome = error is CancellationError ? .canceled : .failed
      if record.outcome == .failed { tell("\(error)") }
    case .success(let answer):
      fill(&record, answer)
      if !isWanted { record.outcome = .canceled }
      guard isWanted, !answer.text.isEmpty, documents[question.uri]?.version == question.version else {
        break
      }
      let made = makeSuggestion(answer, question, request: record.id)
      suggestion = (made, answer)
      items = [item(made.id, question.selected + answer.text, question)]
    }
    if isWanted { respond(identifier, Outgoing.object(("items", .array(items)))) }
    configuration.suggestions?.add(record)
    statistics.count(record)
    if let suggestion {
      configuration.suggestions?.add(suggestion.record)
      if let log = configuration.suggestions, log.keepsText {
        text(of: suggestion.record.id, suggestion.answer, question).map { log.add($0) }
      }
      write(
        tracker.returned(
          suggestion.record.id, chain: suggestion.answer.identifier,
          text: question.selected + suggestion.answer.text, uri: question.uri, offset: question.offset,
          present: question.present, now: clock.now))
    }
    log(line(identifier, record))
  }

  /// The prompt's window and the answer, for a log that keeps text; nil where the window is not known: for answers from the cache,
  /// and in documents whose line ends the prompt had differently.
  private func text(
    of suggestion: RecordID, _ answer: CompletionAnswer, _ question: Question
  ) -> SuggestionText? {
    guard answer.source == .model, !question.request.text.contains(0x0D) else { return nil }
    let (text, cursor) = (question.request.text, question.request.cursor)
    let start = max(0, cursor - answer.prefixBytes)
    let end = min(text.count, cursor + answer.suffixBytes)
    return SuggestionText(
      suggestionID: suggestion, path: question.request.path,
      prefix: String(decoding: text[start..<cursor], as: UTF8.self),
      suffix: String(decoding: text[cursor..<max(cursor, end)], as: UTF8.self),
      completion: String(decoding: answer.text, as: UTF8.self))
  }

  private func makeSuggestion(_ answer: CompletionAnswer, _ question: Question, request: RecordID)
    -> SuggestionRecord
  {
    let text = question.selected + answer.text
    var made = SuggestionRecord(
      requestID: request, chainID: tracker.chain(answer.identifier),
      length: DocumentDifference.utf16Length(of: text[...]), lines: 1 + text.count { $0 == 0x0A },
      tokens: answer.tokenCount, meanLogProbability: Double(answer.meanLogProbability),
      minLogProbability: Double(answer.minLogProbability))
    made.isTruncated = answer.source == .model && answer.text.count < answer.generated.count
    return made
  }

  private func item(_ suggestion: RecordID, _ text: [UInt8], _ question: Question) -> JSONValue {
    let command = Outgoing.object(
      ("title", .string("Suggestion accepted")), ("command", .string(Self.acceptedCommand)),
      ("arguments", .array([.string(suggestion.description)])))
    let range = Outgoing.object(("start", question.range.start.json), ("end", question.range.end.json))
    return Outgoing.object(
      ("insertText", .string(String(decoding: text, as: UTF8.self))), ("range", range), ("command", command))
  }

  private func fill(_ record: inout RequestRecord, _ answer: CompletionAnswer) {
    switch answer.hidden {
    case nil: record.outcome = .produced
    case .cancelled: record.outcome = .canceled
    case .nothingGenerated, .insideWord, .documentTooLarge: record.outcome = .empty
    case .repeatsSuffix, .repeatsAbove, .repeatsItself, .syntaxError, .unsure: record.outcome = .filtered
    }
    record.reason = answer.hidden?.rawValue ?? ""
    switch answer.source {
    case .model: record.source = .model
    case .cache, .none: record.source = .cache
    case .typedThrough: record.source = .typedThrough
    }
    record.prefixLength = answer.prefixBytes
    record.suffixLength = answer.suffixBytes
    record.queueMs = answer.latency.queueMs
    record.prefillMs = answer.latency.prefillMs
    record.decodeMs = answer.latency.decodeMs
    record.promptTokens = answer.evaluatedPromptTokens + answer.reusedPromptTokens
    record.cachedTokens = answer.reusedPromptTokens
    record.outputTokens = answer.tokenCount
  }

  private func line(_ identifier: RequestIdentifier, _ record: RequestRecord) -> String {
    var words = [
      "completion", "id=\(text(identifier))", "outcome=\(record.outcome.rawValue)",
      "source=\(record.source.rawValue)",
      "evaluated=\(record.promptTokens - record.cachedTokens)", "reused=\(record.cachedTokens)",
      "tokens=\(record.outputTokens)", "queue_ms=\(format(record.queueMs))",
      "prefill_ms=\(format(record.prefillMs))", "decode_ms=\(format(record.decodeMs))",
      "total_ms=\(format(record.totalMs))",
    ]
    if !record.reason.isEmpty { words.append("reason=\(record.reason)") }
    return words.joined(separator: " ")
  }

  /// The client's name for a request, made safe for a line of the log.
  private func text(_ identifier: RequestIdentifier) -> String {
    switch identifier {
    case .int(let number): String(number)
    case .string(let text):
      String(text.prefix(40).filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
    }
  }
}
