import Foundation
import Training
import Weights

/// One JSON line per training step; lines of later steps than a resumed run begins with are cut off.
final class MetricsFile {
  /// What a line says, for the curve.
  struct Point: Equatable {
    var step: Int
    /// Mean weighted loss, nats per token.
    var loss: Double
    var learningRate: Double
    /// Nats per byte of middle, where it was measured.
    var heldOutLoss: Double?
  }

  private var handle: FileHandle?

  /// Opens the file at `path` for the steps from `step` on, and gives what it holds about those before. Anew, it is emptied.
  static func open(path: String, appending: Bool, from step: Int) throws(Failure) -> (MetricsFile, [Point]) {
    var (lines, points) = ([UInt8](), [Point]())
    if appending, let data = FileManager.default.contents(atPath: path) {
      // A killed run leaves lines that its checkpoint does not know of, and perhaps half a line.
      for line in data.split(separator: 10) {
        guard let point = point([UInt8](line)), point.step < step else { continue }
        lines += [UInt8](line) + [10]
        points.append(point)
      }
    }
    do { try AtomicFile.write(lines, to: path) } catch { throw Failure("\(error)") }
    guard let handle = FileHandle(forWritingAtPath: path), (try? handle.seekToEnd()) != nil else {
      throw Failure("\(path): cannot be written; check the folder's permissions and space")
    }
    return (MetricsFile(handle), points)
  }

  private init(_ handle: FileHandle) { self.handle = handle }

  deinit { try? handle?.close() }

  /// Adds a line; a full disk ends the file, not the run.
  func append(_ p: TrainingProgress) {
    var line: JSONValue = [
      "step": .int(p.step), "loss": .double(p.loss), "gradient_norm": .double(Double(p.gradientNorm)),
      "learning_rate": .double(Double(p.learningRate)), "tokens": .int(p.tokens),
      "tokens_per_second": .double(p.tokensPerSecond), "seconds": .double(p.elapsed),
      "epochs": .double(p.epochs),
    ]
    for (name, value) in p.figures { line[name] = .double(value) }
    if let heldOut = p.heldOutLossPerByte { line["held_out_loss_per_byte"] = .double(heldOut) }
    do { try handle?.write(contentsOf: Data(line.serialized() + [10])) } catch { handle = nil }
  }

  private static func point(_ line: [UInt8]) -> Point? {
    guard let json = try? JSONValue(parsing: line), let step = json["step"]?.intValue,
      let loss = json["loss"]?.doubleValue
    else { return nil }
    return Point(
      step: step, loss: loss, learningRate: json["learning_rate"]?.doubleValue ?? 0,
      heldOutLoss: json["held_out_loss_per_byte"]?.doubleValue)
  }
}
