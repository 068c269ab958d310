import Acceptance
import Weights

extension LanguageServer {
  func didOpen(_ params: JSONValue) {
    let item = params["textDocument"] ?? .null
    guard let uri = item["uri"]?.stringValue, let text = item["text"]?.stringValue else {
      return log("open problem=\"no uri or text\"")
    }
    documents[uri] = Document(
      uri: uri, language: item["languageId"]?.stringValue ?? "", version: item["version"]?.intValue ?? 0,
      text: Array(text.utf8))
    let place = workspace.place(ofURI: uri)
    let isKeptOut =
      Workspace.holdsSecrets(path: place.path)
      || place.root.map { configuration.isExcluded($0, place.path) } ?? false
    places[uri] = isKeptOut ? nil : place
    if let document = documents[uri] { shareDocument(uri, document) }
    if documents[uri]?.isInStep == false { log("open problem=\"document too large\"") }
  }

  func didChange(_ params: JSONValue) {
    guard let uri = params["textDocument"]?["uri"]?.stringValue, var document = documents[uri] else {
      return log("change problem=\"document is not open\"")
    }
    callOff(uri: uri)
    let before = document
    documents[uri] = nil
    let version = params["textDocument"]?["version"]?.intValue ?? document.version &+ 1
    if let changes = readChanges(params["contentChanges"]) {
      document.apply(changes, version: version, encoding: encoding)
    } else {
      document.markOutOfStep()
    }
    documents[uri] = document
    guard document.isInStep else {
      write(tracker.closed(uri: uri, now: clock.now))
      return log("change problem=\"out of step until the whole text comes again\"")
    }
    guard !before.isInStep || before.text != document.text else { return }
    shareDocument(uri, document)
    guard before.isInStep else { return }
    let difference = DocumentDifference(
      old: before.text, new: document.text, carriageReturns: document.usesCarriageReturns)
    write(tracker.changed(uri: uri, difference, now: clock.now))
    settleLater(uri: uri)
  }

  func didClose(_ params: JSONValue) {
    guard let uri = params["textDocument"]?["uri"]?.stringValue else { return }
    callOff(uri: uri)
    write(tracker.closed(uri: uri, now: clock.now))
    documents[uri] = nil
    forgetInContext(uri: uri)
    places[uri] = nil
    if let loading { Task { try? await loading.value.service.forget(document: uri) } }
  }

  /// Gives the client a second to say what it did before what was inferred becomes final.
  private func settleLater(uri: String) {
    guard tracker.liveCount > 0, let version = documents[uri]?.version else { return }
    Task { [weak self] in
      try? await Task.sleep(for: .seconds(1))
      await self?.settle(uri: uri, version: version)
    }
  }

  private func settle(uri: String, version: Int) {
    guard documents[uri]?.version == version else { return }
    write(tracker.settle(uri: uri))
  }

  /// Changes as the protocol says them, nil when any of them makes no sense.
  private func readChanges(_ value: JSONValue?) -> [DocumentChange]? {
    guard let values = value?.arrayValue else { return nil }
    var changes: [DocumentChange] = []
    for value in values {
      guard let text = value["text"]?.stringValue else { return nil }
      var range: (start: Position, end: Position)?
      if let json = value["range"], !json.isNull {
        guard let start = Position(json["start"]), let end = Position(json["end"]) else { return nil }
        range = (start, end)
      }
      changes.append(DocumentChange(range: range, text: Array(text.utf8)))
    }
    return changes
  }
}

extension Position {
  /// Reads `{line, character}`; nil for anything but two whole numbers from 0 on.
  init?(_ json: JSONValue?) {
    guard let line = json?["line"]?.intValue, let column = json?["character"]?.intValue, line >= 0,
      column >= 0
    else { return nil }
    self.init(line: line, column: column)
  }

  var json: JSONValue { Outgoing.object(("line", .int(line)), ("character", .int(column))) }
}
