import Gemma

/// Reads the logits behind the last tokens of a session's last pass.
final class LogitHeads {
  private let session: InferenceSession
  private let size: Int
  private var logits: UnsafePointer<Float>?  // [rows, V] of the last pass
  private var firstRow = 0

  init(_ session: InferenceSession) {
    self.session = session
    size = session.model.configuration.vocabularySize
  }

  /// Evaluates `tokens`; logits behind the last `rows` of them can be asked for afterwards.
  func append(_ tokens: [Int32], rows: Int) throws(GemmaError) {
    firstRow = rows == 1 ? tokens.count - 1 : 0
    logits = nil
    logits = try session.append(tokens, logits: rows == 1 ? .last : .all)
  }

  /// Chooses from the logits behind token `row` of the last pass.
  func choose(row: Int, allowed: [Int32]?, _ chooser: inout TokenChooser) -> TokenChooser.Choice {
    chooser.choose(all(row: row), count: size, allowed: allowed)
  }

  /// Logits over the whole vocabulary behind token `row` of the last pass.
  func all(row: Int) -> UnsafePointer<Float> {
    guard let logits, row >= firstRow else { preconditionFailure("no logits behind this token") }
    return logits + (row - firstRow) * size
  }
}
