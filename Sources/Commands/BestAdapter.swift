import Foundation
import Registry
import Training
import Weights

/// The adapter of the lowest held-out loss that a run has had so far, in a folder that can be imported: what is left of a
/// run that goes wrong later.
struct BestAdapter {
  private let directory: String
  /// Its held-out loss in nats per byte; infinite where there is none.
  private(set) var loss = Double.infinity
  private var step = 0

  private static let key = "adapter_validation_loss_per_byte"

  /// The best adapter in `directory`: that of the run that is resumed, or none.
  init(directory: String, resume: Bool) {
    self.directory = directory
    if resume, let card = try? AdapterCard(directory: directory) {
      loss = card.metrics[Self.key]?.doubleValue ?? .infinity
      step = card.steps
    } else {
      try? FileManager.default.removeItem(atPath: directory)
    }
  }

  /// Replaces it.
  mutating func write(_ adapter: TrainableAdapter, _ card: AdapterCard, loss: Double) throws {
    var card = card
    card.metrics[Self.key] = .double(loss)
    try adapter.write(to: directory, baseModelName: card.baseName)
    try card.write(to: directory)
    self.loss = loss
    step = card.steps
  }

  /// Where a run that failed has left it, as the end of a line; nil where there is none.
  var note: String? {
    guard loss.isFinite else { return nil }
    return "; the adapter of step \(step), with the lowest held-out loss, is kept in \(directory) "
      + "(gemfill adapter import takes it)"
  }

  /// Removes it after a run that ended better; says where it is otherwise.
  func close(final: Double?, _ console: Console) {
    guard loss.isFinite else { return }
    if let final, final > loss {
      console.note(
        String(format: "the held-out loss was %.4f at step %d, lower than at the end: ", loss, step)
          + "that adapter is in \(directory)")
    } else {
      try? FileManager.default.removeItem(atPath: directory)
    }
  }
}
