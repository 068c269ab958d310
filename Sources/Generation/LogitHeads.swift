import Gemma
import Numerics

/// Reads logits behind the tokens of a session's last pass: over the shortlist where that decides, else over all tokens.
final class LogitHeads {
  private let session: InferenceSession
  private let shortlist: VocabularyShortlist?
  private let size: Int
  private var logits: UnsafePointer<Float>?  // [rows, V] of the last pass; nil where rows are computed when asked for
  private var firstRow = 0
  /// Positions for which the shortlist was asked and all tokens had to be.
  private(set) var fullHeadTokens = 0

  init(_ session: InferenceSession, shortlist: VocabularyShortlist?) {
    self.session = session
    self.shortlist = shortlist
    size = session.model.configuration.vocabularySize
  }

  /// Evaluates `tokens`; logits behind the last `rows` of them can be asked for afterwards.
  func append(_ tokens: [Int32], rows: Int) throws(GemmaError) {
    logits = nil
    if shortlist != nil || rows != tokens.count && rows > 1 {
      try session.append(tokens, logits: .none)
    } else {
      firstRow = tokens.count - rows
      logits = try session.append(tokens, logits: rows == 1 ? .last : .all)
    }
  }

  /// Chooses from the logits behind token `row` of the last pass.
  func choose(row: Int, allowed: [Int32]?, _ chooser: inout TokenChooser) throws -> TokenChooser.Choice {
    if let logits {
      return chooser.choose(logits + (row - firstRow) * size, count: size, allowed: allowed)
    }
    if let shortlist, allowed == nil {
      let some = session.logits(row: row, head: shortlist.head)
      if let choice = shortlist.decide(some) { return .init(token: choice.token, logProbability: choice.logProbability) }
      fullHeadTokens += 1
    }
    return chooser.choose(all(row: row), count: size, allowed: allowed)
  }

  /// Logits over the whole vocabulary behind token `row` of the last pass.
  func all(row: Int) -> UnsafePointer<Float> {
    logits.map { $0 + (row - firstRow) * size } ?? session.logits(row: row, head: session.model.embedding)
  }
}
