import Foundation
import Training
import Weights

/// One JSON line per training step.
final class MetricsFile {
  private let handle: FileHandle

  /// Opens `path` anew or for appending.
  init(path: String, appending: Bool) throws {
    if !appending || !FileManager.default.fileExists(atPath: path) {
      guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw Failure("\(path): cannot be written; check the folder's permissions and space")
      }
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw Failure("\(path): cannot be written; check the folder's permissions and space")
    }
    try handle.seekToEnd()
    self.handle = handle
  }

  deinit {
    try? handle.close()
  }

  /// Adds a line; a full disk does not stop the run.
  func append(_ p: TrainingProgress) {
    var line: JSONValue = [
      "step": .int(p.step), "loss": .double(p.loss), "gradient_norm": .double(Double(p.gradientNorm)),
      "learning_rate": .double(Double(p.learningRate)), "tokens": .int(p.tokens),
      "tokens_per_second": .double(p.tokensPerSecond), "seconds": .double(p.elapsed),
      "epochs": .double(p.epochs),
    ]
    for (name, value) in p.figures { line[name] = .double(value) }
    try? handle.write(contentsOf: Data(line.serialized() + [10]))
  }
}
