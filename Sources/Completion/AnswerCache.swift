import Foundation

/// Remembers the last answers of each document, so that typing through a suggestion, and deleting again, costs nothing.
struct AnswerCache {
  /// One answer: the document as it was, and what was shown there.
  struct Entry {
    let identifier: String
    let text: [UInt8]
    let cursor: Int
    let adapter: String?
    let trigger: CompletionRequest.Trigger
    /// What was shown; empty when nothing could be shown.
    let completion: [UInt8]
  }

  /// What the cache knows about a document and a cursor.
  struct Hit {
    let identifier: String
    let remainder: [UInt8]
    /// True when the document is exactly the one that was answered.
    let isExact: Bool
  }

  private var entries: [String: [Entry]] = [:]
  private var order: [String] = []
  private let entriesPerDocument = 8
  private let documents = 32

  mutating func store(_ entry: Entry, document: String) {
    order.removeAll { $0 == document }
    order.append(document)
    entries[document, default: []].append(entry)
    if let count = entries[document]?.count, count > entriesPerDocument { entries[document]?.removeFirst() }
    if order.count > documents { entries[order.removeFirst()] = nil }
  }

  mutating func forget(document: String) {
    entries[document] = nil
    order.removeAll { $0 == document }
  }

  /// The newest answer of which the typed text is a beginning.
  func find(_ request: CompletionRequest, text: [UInt8], cursor: Int) -> Hit? {
    for entry in (entries[request.document] ?? []).reversed() where entry.adapter == request.adapter {
      let typed = cursor - entry.cursor
      guard typed >= 0, text.count - entry.text.count == typed else { continue }
      if typed == 0 {
        guard entry.completion.isEmpty == false || request.trigger == entry.trigger else { continue }
      } else {
        guard typed < entry.completion.count else { continue }
      }
      guard text[entry.cursor..<cursor].elementsEqual(entry.completion.prefix(typed)),
        Self.equal(text, 0, entry.text, 0, entry.cursor),
        Self.equal(text, cursor, entry.text, entry.cursor, text.count - cursor)
      else { continue }
      let remainder = Array(entry.completion[typed...])
      if typed > 0, remainder.allSatisfy(Bytes.isWhiteSpace) { continue }
      return Hit(identifier: entry.identifier, remainder: remainder, isExact: typed == 0)
    }
    return nil
  }

  private static func equal(_ a: [UInt8], _ aStart: Int, _ b: [UInt8], _ bStart: Int, _ count: Int) -> Bool {
    guard count > 0 else { return count == 0 }
    return a.withUnsafeBytes { left in
      b.withUnsafeBytes { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return false }
        return memcmp(left + aStart, right + bStart, count) == 0
      }
    }
  }
}
