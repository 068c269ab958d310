import Generation
import Syntax

/// Why there is nothing to show.
public enum HiddenReason: String, Sendable {
  /// The document is larger than the server reads.
  case documentTooLarge
  /// The cursor stands inside a word and nobody asked.
  case insideWord
  /// The model ended at once, or with white space only.
  case nothingGenerated
  /// All of it already stands behind the cursor.
  case repeatsSuffix
  /// All of it already stands right above.
  case repeatsAbove
  /// The model says one thing over and over.
  case repeatsItself
  /// No beginning of it parses.
  case syntaxError
  /// The model does not believe in it, and nobody asked.
  case unsure
  /// The request was given up.
  case cancelled
}

/// Makes what is shown out of what was generated.
struct ShownText {
  let cursor: CursorContext
  let syntax: CompletionSyntax
  let singleLine: Bool

  /// The text to show, or the reason why there is none.
  func make(from generated: [UInt8], end: InfillResult.End) -> Result<[UInt8], Hidden> {
    var text = generated[..<Bytes.cleanLength(generated)]
    if singleLine { text = text.prefix { $0 != Bytes.newline } }
    text = BlockScope.kept(text, at: cursor)
    text = Self.wholeLines(text, end: end)
    text = Indentation.firstLineFitted(text, at: cursor)
    guard text.contains(where: { !Bytes.isWhiteSpace($0) }) else { return .failure(.init(.nothingGenerated)) }

    text = SuffixOverlap(cursor: cursor).removed(from: text)
    guard !Bytes.trimmingEnd(text).isEmpty else { return .failure(.init(.repeatsSuffix)) }
    text = Bytes.trimmingEnd(Repetition.withoutLoops(text, at: cursor))
    guard !text.isEmpty else { return .failure(.init(.repeatsItself)) }
    guard !Repetition.repeatsAbove(text, at: cursor) else { return .failure(.init(.repeatsAbove)) }

    let fitted = Indentation(cursor).applied(to: Array(text))
    let kept = syntax.clip(prefix: cursor.before, completion: fitted, suffix: cursor.behind)
    let shown = Bytes.trimmingEnd(fitted[..<max(0, min(kept, fitted.count))])
    guard !shown.isEmpty, Bytes.cleanLength(Array(shown)) == shown.count else {
      return .failure(.init(.syntaxError))
    }
    return .success(Array(shown))
  }

  /// A `HiddenReason` as an error, for `Result`.
  struct Hidden: Error {
    let reason: HiddenReason
    init(_ reason: HiddenReason) { self.reason = reason }
  }

  /// Drops the broken last line of several when a limit ended the generation.
  private static func wholeLines(_ text: ArraySlice<UInt8>, end: InfillResult.End) -> ArraySlice<UInt8> {
    guard end == .tokenLimit || end == .timeLimit, let last = text.lastIndex(of: Bytes.newline) else {
      return text
    }
    let whole = text[..<last]
    return whole.contains { !Bytes.isWhiteSpace($0) } ? whole : text
  }
}
