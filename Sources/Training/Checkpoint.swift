import Foundation
import Numerics
import Weights

/// The state of a run on disk: factors, moments and position, in one safetensors file that appears whole or not at all.
public struct Checkpoint {
  var step = 0
  var tokens = 0
  var elapsed = 0.0
  var position = BatchStream.Position()
  var baseLossPerByte: Double?
  /// Where the held-out loss is measured during the run.
  var best: BestState?
  /// What must be equal for the run to go on: base, data and recipe.
  var identity: String

  /// Where the checkpoint of a run in `directory` lies.
  public static func path(in directory: String) -> String { directory + "/checkpoint.safetensors" }

  func write(_ adapter: TrainableAdapter, to directory: String) throws {
    var tensors: [OutputTensor] = []
    for (index, p) in adapter.parameters.enumerated() {
      tensors.append(OutputTensor(name: p.name, shape: p.shape, floats: p.value.array))
      tensors.append(OutputTensor(name: p.name + ".first", shape: p.shape, floats: p.first.array))
      tensors.append(OutputTensor(name: p.name + ".second", shape: p.shape, floats: p.second.array))
      if let best {
        tensors.append(OutputTensor(name: p.name + ".best", shape: p.shape, floats: best.values[index]))
      }
    }
    var metadata = [
      "format": "gemfill-checkpoint-1", "identity": identity, "step": "\(step)", "tokens": "\(tokens)",
      "elapsed": "\(elapsed)", "epoch": "\(position.epoch)", "used": "\(position.used)",
      "base_loss_per_byte": baseLossPerByte.map { "\($0)" } ?? "",
    ]
    if let best {
      metadata["best_loss"] = "\(best.loss)"
      metadata["best_step"] = "\(best.step)"
      metadata["best_misses"] = "\(best.misses)"
    }
    try SafetensorsFile.write(tensors, metadata: metadata, to: Self.path(in: directory))
  }

  /// Reads a checkpoint into `adapter`.
  ///
  /// - Throws: `WeightsError`, `TrainingError.checkpoint`.
  static func read(from directory: String, identity: String, into adapter: TrainableAdapter) throws
    -> Checkpoint
  {
    let path = path(in: directory)
    let file = try SafetensorsFile(path: path)
    let meta = file.metadata
    guard meta["format"] == "gemfill-checkpoint-1", let step = meta["step"].flatMap({ Int($0) }),
      let tokens = meta["tokens"].flatMap({ Int($0) }), let elapsed = meta["elapsed"].flatMap({ Double($0) }),
      let epoch = meta["epoch"].flatMap({ Int($0) }), let used = meta["used"].flatMap({ Int($0) }), step >= 0,
      epoch >= 0, used >= 0
    else { throw TrainingError.checkpoint(path: path, problem: "is not a checkpoint of this version") }
    guard meta["identity"] == identity else {
      throw TrainingError.checkpoint(path: path, problem: "belongs to another base, data or recipe")
    }
    let best = try bestState(file, adapter, path)
    for p in adapter.parameters {
      for (suffix, buffer) in [("", p.value), (".first", p.first), (".second", p.second)] {
        guard let tensor = file.tensor(p.name + suffix), tensor.shape == p.shape else {
          throw TrainingError.checkpoint(path: path, problem: "has no fitting tensor \(p.name + suffix)")
        }
        let values = tensor.floats()
        buffer.pointer.update(from: values, count: values.count)
      }
    }
    return Checkpoint(
      step: step, tokens: tokens, elapsed: elapsed, position: .init(epoch: epoch, used: used),
      baseLossPerByte: meta["base_loss_per_byte"].flatMap { Double($0) }, best: best, identity: identity)
  }

  private static func bestState(
    _ file: SafetensorsFile, _ adapter: TrainableAdapter, _ path: String
  ) throws -> BestState? {
    let meta = file.metadata
    guard let loss = meta["best_loss"].flatMap({ Double($0) }),
      let step = meta["best_step"].flatMap({ Int($0) }),
      let misses = meta["best_misses"].flatMap({ Int($0) })
    else { return nil }
    let values = try adapter.parameters.map { p in
      guard let tensor = file.tensor(p.name + ".best"), tensor.shape == p.shape else {
        throw TrainingError.checkpoint(path: path, problem: "has no fitting tensor \(p.name).best")
      }
      return tensor.floats()
    }
    return BestState(loss: loss, step: step, misses: misses, values: values)
  }
}
