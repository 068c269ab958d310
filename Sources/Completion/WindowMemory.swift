/// Keeps the window of each document where it was while the user types, so that hops fall on moments at which the whole
/// prompt has to be evaluated anyway.
struct WindowMemory {
  private struct Seen {
    var start: Int
    var prefix: [UInt8]
    var suffix: [UInt8]
  }

  /// Bytes that may be deleted from the end of the prefix before a new window is chosen.
  private static let deletions = 80
  private static let documents = 32

  private var seen: [String: Seen] = [:]
  private var order: [String] = []

  mutating func forget(document: String) {
    seen[document] = nil
    order.removeAll { $0 == document }
  }

  /// The window for a request: the last one of the document, grown, when text was only typed or deleted at its cursor;
  /// else a new one, which `hasMoved` says.
  mutating func window(document: String, text: [UInt8], cursor: Int, limits: ContextWindow.Limits)
    -> (window: ContextWindow, hasMoved: Bool)
  {
    let kept = kept(document, text, cursor, limits)
    let window = kept ?? ContextWindow(text: text, cursor: cursor, limits: limits)
    order.removeAll { $0 == document }
    order.append(document)
    if order.count > Self.documents { seen[order.removeFirst()] = nil }
    seen[document] = Seen(
      start: window.prefix.lowerBound, prefix: Array(text[window.prefix]), suffix: Array(text[window.suffix]))
    return (window, kept == nil)
  }

  private func kept(_ document: String, _ text: [UInt8], _ cursor: Int, _ limits: ContextWindow.Limits)
    -> ContextWindow?
  {
    guard let last = seen[document] else { return nil }
    // Where the old window begins now: at the same offset, or moved by a change above it.
    for start in [last.start, cursor - last.prefix.count] {
      guard
        start == 0 || start > 0 && start <= text.count && text[start - 1] == Bytes.newline
          || start == last.start,
        let window = ContextWindow(text: text, cursor: cursor, start: start, limits: limits),
        text[window.suffix].elementsEqual(last.suffix)
      else { continue }
      let common = zip(text[window.prefix], last.prefix).prefix { $0 == $1 }.count
      if common >= last.prefix.count - Self.deletions, common * 2 >= last.prefix.count { return window }
    }
    return nil
  }
}
