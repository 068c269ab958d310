import Syntax

/// Decides after each token whether more text could still be shown.
struct StopRule: Sendable {
  let cursor: CursorContext
  let syntax: CompletionSyntax
  let singleLine: Bool

  /// True when what follows `generated` would be cut away in any case.
  func isReached(by generated: [UInt8]) -> Bool {
    guard let last = generated.last else { return false }
    let hasText = generated.contains { !Bytes.isWhiteSpace($0) }
    if last == Bytes.newline {
      if singleLine { return true }
      guard hasText else { return generated.count(where: { $0 == Bytes.newline }) > 2 }
      if generated.suffix(2).allSatisfy({ $0 == Bytes.newline }) { return true }
      if Repetition.withoutLoops(generated.dropLast(), at: cursor).count < generated.count - 1 { return true }
    } else if singleLine, generated.contains(Bytes.newline) {
      return true
    }
    guard hasText else { return generated.count > 256 }
    if Repetition.stutters(generated[...]) { return true }
    guard last == Bytes.newline || Bytes.opener(of: last) != nil || last == UInt8(ascii: ";") else {
      return leavesBlock(generated)
    }
    if SuffixOverlap(cursor: cursor).removed(from: generated[...]).count
      < Bytes.trimmingEnd(generated[...]).count
    {
      return true
    }
    return syntax.nodeIsComplete(prefix: cursor.before, generated: generated, suffix: cursor.behind)
  }

  private func leavesBlock(_ generated: [UInt8]) -> Bool {
    BlockScope.kept(generated[...], at: cursor).count < generated.count
  }
}

/// Keeps generated lines inside the block in which the cursor stands.
enum BlockScope {
  /// The beginning of `text` before the first line that is indented less than the cursor's line, or that follows a
  /// blank line. A line of closing brackets at lesser depth is kept when it is not yet there below the cursor.
  static func kept(_ text: ArraySlice<UInt8>, at cursor: CursorContext) -> ArraySlice<UInt8> {
    let lines = Bytes.lines(text)
    guard lines.count > 1 else { return text }
    let base = Bytes.width(Bytes.indentation(cursor.lineStart[...]))
    var seen = !lines[0].allSatisfy(Bytes.isWhiteSpace)
    for line in lines.dropFirst() {
      let indentation = Bytes.indentation(line)
      if line.allSatisfy(Bytes.isWhiteSpace) {
        if seen, line.endIndex < text.endIndex { return text[..<line.startIndex] }
        continue
      }
      seen = true
      let first = line[indentation.endIndex]
      if Bytes.width(indentation) < base, Bytes.opener(of: first) == nil { return text[..<line.startIndex] }
    }
    return text
  }
}
