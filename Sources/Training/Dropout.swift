import Numerics

/// The masks of one pass: which inputs of each module's factors are left out, drawn from numbers that say which they are, so
/// that forward and backward pass, and a run that was interrupted, draw the same.
struct DropoutMasks {
  /// Of 65 536 equal chances, those that leave an input out.
  private let threshold: UInt64
  /// What the others are multiplied by, so that the expected product stays.
  private let gain: Float
  private let seed: UInt64

  /// - Parameter pass: number of the pass under this seed.
  init(share: Float, seed: UInt64, pass: UInt64) {
    threshold = UInt64((share * 65_536).rounded())
    gain = 65_536 / Float(65_536 - threshold)
    self.seed = SeededRandom.spread(seed ^ SeededRandom.spread(pass &+ 1))
  }

  /// Multiplies rows of `width` by the module's mask: `out = x · mask`, or `out += x · mask`; both may be the same.
  func apply(
    _ x: UnsafePointer<Float>, module: Int, rows: Range<Int>, width: Int, adding: Bool,
    into out: UnsafeMutablePointer<Float>
  ) {
    let stream = SeededRandom.spread(seed &+ UInt64(module))
    for row in rows {
      var random = SeededRandom(seed: SeededRandom.spread(stream ^ UInt64(row)))
      for begin in stride(from: row * width, to: row * width + width, by: 4) {
        var bits = random.next()
        for i in begin..<min(begin + 4, row * width + width) {
          let value = bits & 0xFFFF >= threshold ? x[i] * gain : 0
          out[i] = adding ? out[i] + value : value
          bits >>= 16
        }
      }
    }
  }
}

extension TrainingPass {
  /// What dropout leaves of a module's input: the input itself without dropout, a scratch buffer otherwise.
  func thinned(_ input: FloatBuffer, _ module: TrainableAdapter.Module, _ count: Int) -> FloatBuffer {
    guard masks != nil else { return input }
    mask(input, module, count, adding: false, into: buffers.thinned)
    return buffers.thinned
  }

  /// `out = x · mask` or `out += x · mask` with the mask of the module's input.
  func mask(
    _ x: FloatBuffer, _ module: TrainableAdapter.Module, _ count: Int, adding: Bool, into out: FloatBuffer
  ) {
    guard let masks else { return }
    pool.split(count) { rows in
      masks.apply(
        x.pointer, module: module.number, rows: rows, width: module.a.shape[1], adding: adding,
        into: out.pointer)
    }
  }
}
