/// The snippets that a document was given, and how long they stay.
///
/// What stands in front of a prompt must stay the same byte for byte while somebody types, or all keys and values behind
/// it are lost. So the snippets of a document are chosen anew only when
/// - the cursor has left the chunk (function, type or up to 30 lines) in which they were chosen. The chunk grows with
///   what is typed into it: its first line is counted from the top of the file, its last from the bottom;
/// - the window has moved, so that the prompt is new anyway;
/// - the document was saved, or they were chosen while the index was not complete;
/// - another budget is asked for.
/// A new choice of the same pieces keeps the old order.
struct StickyChoice: Sendable {
  /// Lines around the cursor that stand for a chunk where none is known.
  static let unknownReach = 20

  let snippets: [ContextSnippet]
  let budgetBytes: Int
  /// True when the index had all files.
  let isComplete: Bool
  /// Lines of the file above the chunk.
  private let linesAbove: Int
  /// Lines of the file below the chunk.
  private let linesBelow: Int

  /// - Parameters:
  ///   - cursor: Byte offset in `text`.
  ///   - chunks: 0-based lines of the chunks of `known`, an earlier version of the text; empty for none.
  init(
    _ snippets: [ContextSnippet], budgetBytes: Int, isComplete: Bool, text: [UInt8], cursor: Int,
    known: [UInt8],
    chunks: [Range<Int>]
  ) {
    self.snippets = snippets
    self.budgetBytes = budgetBytes
    self.isComplete = isComplete
    let place = CursorLine(text, cursor: cursor)
    let (old, change) = CursorLine.earlier(known, than: text, cursor: cursor)
    if let chunk = chunks.first(where: { $0.contains(old.above) }) {
      // Counted from the file's ends in the old text where the change lies in the chunk, else from the cursor.
      let toTop = old.above - chunk.lowerBound
      let toBottom = chunk.upperBound - 1 - old.above
      linesAbove = max(0, change >= chunk.lowerBound ? chunk.lowerBound : place.above - toTop)
      linesBelow = max(0, (change < chunk.upperBound ? old.below : place.below) - toBottom)
    } else {
      linesAbove = max(0, place.above - Self.unknownReach)
      linesBelow = max(0, place.below - Self.unknownReach)
    }
  }

  /// Whether the cursor still stands in the chunk.
  func holds(text: [UInt8], cursor: Int, budgetBytes: Int) -> Bool {
    guard budgetBytes == self.budgetBytes else { return false }
    let place = CursorLine(text, cursor: cursor)
    return place.above >= linesAbove && place.below >= linesBelow
  }

  /// New snippets in the old order when they are the same pieces.
  func ordered(_ fresh: [ContextSnippet]) -> [ContextSnippet] {
    guard fresh.count == snippets.count, snippets.allSatisfy({ fresh.contains($0) }) else { return fresh }
    return snippets
  }
}

/// How many lines stand above and below a cursor.
struct CursorLine: Equatable {
  let above: Int
  let below: Int

  init(_ text: [UInt8], cursor: Int) {
    let cursor = min(max(cursor, 0), text.count)
    (above, below) = text.withUnsafeBufferPointer { bytes in
      (Self.newlines(bytes, 0..<cursor), Self.newlines(bytes, cursor..<bytes.count))
    }
  }

  /// The place in an earlier version of a text that belongs to a cursor in the text: the same line where the text above
  /// or below is unchanged, else the line of the first difference; and that line.
  static func earlier(
    _ known: [UInt8], than text: [UInt8], cursor: Int
  ) -> (line: CursorLine, change: Int) {
    let shorter = min(known.count, text.count)
    var same = 0
    known.withUnsafeBufferPointer { known in
      text.withUnsafeBufferPointer { text in
        while same < shorter, known[same] == text[same] { same += 1 }
      }
    }
    let change = CursorLine(known, cursor: same)
    if cursor <= same { return (CursorLine(known, cursor: cursor), change.above) }
    let tail = text.count - cursor
    if tail <= shorter - same, known.suffix(tail).elementsEqual(text.suffix(tail)) {
      return (CursorLine(known, cursor: known.count - tail), change.above)
    }
    return (change, change.above)
  }

  private static func newlines(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int {
    var count = 0
    for index in range where bytes[index] == 0x0A { count += 1 }
    return count
  }
}
