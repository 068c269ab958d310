/// Notices a run that goes wrong for good, long before the loss is no number any more.
struct DivergenceWatch {
  /// Nats per token above the lowest smoothed loss. A loss that a step adds to is smoothed away; a run that does not come
  /// back from there has forgotten what the base knew.
  static let margin = 2.0
  /// Steps in a row above it.
  static let patience = 20

  private var smoothed: Double?
  private var lowest = Double.infinity
  private var above = 0

  /// Takes in a step's loss.
  ///
  /// - Throws: `TrainingError.rising`.
  mutating func check(step: Int, loss: Double) throws(TrainingError) {
    let now = smoothed.map { 0.8 * $0 + 0.2 * loss } ?? loss
    smoothed = now
    lowest = min(lowest, now)
    above = now > lowest + Self.margin ? above + 1 : 0
    guard above < Self.patience else { throw .rising(step: step, from: lowest, to: now) }
  }
}
