import Gemma
import Numerics

/// Reads the logits behind the last tokens of a session's last pass: over the shortlist where that decides, else over the
/// whole vocabulary.
final class LogitHeads {
  private let session: InferenceSession
  private let shortlist: VocabularyShortlist?
  private let mixing: Mixing?
  private let size: Int
  private var some: FloatBuffer?  // of the shortlist's tokens
  private var all: FloatBuffer?  // [rows, V]
  private var logits: UnsafePointer<Float>?  // [rows, V] of the last pass, where all were computed with it
  private var firstRow = 0
  /// Tokens for which the shortlist was asked and was not sure enough.
  private(set) var fullHeadTokens = 0

  init(_ session: InferenceSession, shortlist: VocabularyShortlist?, mixing: Mixing? = nil) {
    self.session = session
    self.mixing = mixing
    self.shortlist = shortlist
    size = session.model.configuration.vocabularySize
    some = shortlist.map { FloatBuffer($0.ids.count) }
  }

  /// Evaluates `tokens`, at most a chunk; logits behind the last `rows` of them can be asked for afterwards.
  func append(_ tokens: [Int32], rows: Int) throws(GemmaError) {
    logits = nil
    firstRow = tokens.count - rows
    if shortlist != nil {
      try session.append(tokens, logits: .none)
    } else if rows == 1 {
      logits = try session.append(tokens, logits: .last)
    } else {
      try session.append(tokens, logits: .none)
      logits = computed(firstRow..<tokens.count)
    }
  }

  /// Chooses from the logits behind token `row` of the last pass, which is the last one of `sequence`.
  func choose(row: Int, behind sequence: [Int32], allowed: [Int32]?, _ chooser: inout TokenChooser)
    -> TokenChooser.Choice
  {
    if let shortlist, let some, allowed == nil {
      session.logits(row: row, head: shortlist.head, into: some.pointer)
      if let choice = shortlist.decide(some.pointer) {
        return TokenChooser.Choice(token: choice.token, logProbability: choice.logProbability)
      }
      fullHeadTokens += 1
    }
    let logits = all(row: row)
    return chooser.choose(mixing?.mixed(logits, behind: sequence) ?? logits, count: size, allowed: allowed)
  }

  /// Logits over the whole vocabulary behind token `row` of the last pass.
  func all(row: Int) -> UnsafePointer<Float> {
    precondition(row >= firstRow, "no logits behind this token")
    return logits.map { $0 + (row - firstRow) * size } ?? computed(row..<(row + 1))
  }

  private func computed(_ rows: Range<Int>) -> UnsafePointer<Float> {
    let buffer = all.flatMap { $0.count >= rows.count * size ? $0 : nil } ?? FloatBuffer(rows.count * size)
    all = buffer
    session.logits(rows: rows, head: session.model.head, into: buffer.pointer)
    return UnsafePointer(buffer.pointer)
  }
}
