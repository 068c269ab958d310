import Foundation
import Training
import Weights

/// What a run leaves about itself in its folder: `metrics.jsonl`, an event file for TensorBoard, `loss.svg`, and in `best/`
/// the adapter of the lowest held-out loss so far.
final class TrainingRecord {
  private let directory: String
  private let name: String
  private let resume: Bool
  private var metrics: MetricsFile?
  private var events: TensorBoardFile?
  private var points: [MetricsFile.Point] = []

  /// The name of the picture.
  static let curveName = "loss.svg"

  /// Prepares the record of a run in `directory`; resumed, it goes on where the checkpoint does.
  init(directory: String, name: String, resume: Bool) {
    self.directory = directory
    self.name = name
    self.resume = resume
  }

  /// Losses of all steps, those of earlier sessions included.
  var losses: [Double] { points.map(\.loss) }

  /// Takes in a step.
  ///
  /// - Throws: `Failure` where the files cannot be made.
  func append(_ p: TrainingProgress) throws {
    if metrics == nil { try open(from: p.step) }
    points.append(
      .init(
        step: p.step, loss: p.loss, learningRate: Double(p.learningRate), heldOutLoss: p.heldOutLossPerByte))
    metrics?.append(p)
    events?.append(p)
  }

  private func open(from step: Int) throws(Failure) {
    if !resume { TensorBoardFile.removeAll(in: directory) }
    (metrics, points) = try MetricsFile.open(
      path: directory + "/metrics.jsonl", appending: resume, from: step)
    events = try TensorBoardFile(directory: directory, from: step)
  }

  /// Adds the last figures and draws the curve.
  ///
  /// - Throws: `Failure` where the files cannot be made, `WeightsError` where the picture cannot be written.
  func close(_ report: TrainingReport) throws {
    // A run that was killed at its very end has no step to add.
    if metrics == nil { try open(from: report.last.step + 1) }
    if let final = report.adapterLossPerByte {
      events?.append([("held_out/loss_per_byte", final)], step: report.last.step)
    }
    try draw(base: report.baseLossPerByte, final: report.adapterLossPerByte)
  }

  /// Draws what there is; a run that fails has a curve too.
  func draw(base: Double? = nil, final: Double? = nil) throws {
    guard let last = points.last else { return }
    var heldOut = points.compactMap { point in point.heldOutLoss.map { (step: point.step, loss: $0) } }
    if let base { heldOut.insert((0, base), at: 0) }
    if let final { heldOut.append((last.step, final)) }
    let curve = LossCurve(title: name, points: points, heldOut: heldOut)
    try AtomicFile.write(Array(curve.svg.utf8), to: directory + "/" + Self.curveName)
  }
}
