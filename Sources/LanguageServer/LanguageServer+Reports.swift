import Acceptance
import Weights

/// What clients tell about suggestions, under the names of this server (`fim/…`, with `id`) and of Copilot's
/// (`textDocument/…`, with the `item`).
extension LanguageServer {
  func didShow(_ params: JSONValue) {
    guard let suggestion = suggestion(params) else { return }
    write(tracker.shown(suggestion, now: clock.now))
  }

  func didPartiallyAccept(_ params: JSONValue) {
    guard let suggestion = suggestion(params), let length = params["acceptedLength"]?.intValue else { return }
    write(tracker.partiallyAccepted(suggestion, length: length, now: clock.now))
  }

  func didDismiss(_ params: JSONValue) {
    guard let suggestion = suggestion(params) else { return }
    let cause = (params["cause"]?.stringValue ?? "").prefix(40).filter {
      $0.isASCII && ($0.isLetter || $0 == "_")
    }
    write(tracker.dismissed(suggestion, cause: cause, now: clock.now))
  }

  private func suggestion(_ params: JSONValue) -> RecordID? {
    let text =
      params["id"]?.stringValue
      ?? params["item"]?["command"]?["arguments"]?.arrayValue?.first?.stringValue
    return text.flatMap { RecordID($0) }
  }
}
