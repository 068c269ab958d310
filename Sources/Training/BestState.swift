/// The trained values with the lowest held-out loss of a run.
struct BestState {
  /// That loss, nats per byte.
  var loss: Double
  /// The step after which it was measured.
  var step: Int
  /// Measurements since then, none of them lower.
  var misses = 0
  /// By parameter.
  var values: [[Float]]

  init(loss: Double, step: Int, _ adapter: TrainableAdapter) {
    self.loss = loss
    self.step = step
    values = adapter.parameters.map(\.value.array)
  }

  init(loss: Double, step: Int, misses: Int, values: [[Float]]) {
    self.loss = loss
    self.step = step
    self.misses = misses
    self.values = values
  }

  /// Puts the values back.
  func restore(_ adapter: TrainableAdapter) {
    for (parameter, values) in zip(adapter.parameters, values) {
      parameter.value.pointer.update(from: values, count: values.count)
    }
    adapter.refreshGains()
  }
}

extension Checkpoint {
  /// Takes note of a measured loss.
  mutating func measured(_ loss: Double, _ adapter: TrainableAdapter) {
    // Not a number is no progress.
    if loss < best?.loss ?? .infinity {
      best = BestState(loss: loss, step: step, adapter)
    } else {
      best?.misses += 1
    }
  }
}
