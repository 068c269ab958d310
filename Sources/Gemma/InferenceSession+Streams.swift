import Foundation
import Numerics

/// The residual streams of alternating updates (Baykal et al. 2023) for the tokens of a chunk.
final class ResidualStreams {
  let sizes: GemmaConfiguration.AlternatingUpdates
  let values: FloatBuffer  // [S, T, H], without gaps for the tokens at hand
  let predictions: FloatBuffer  // [S, T, H]
  let side: FloatBuffer  // [T, H] what the side path puts out
  let narrow: FloatBuffer  // [T, rank]
  let routed: FloatBuffer  // [H]
  let modalities: FloatBuffer  // [S]
  /// T: the tokens at hand.
  var count = 0

  init(_ sizes: GemmaConfiguration.AlternatingUpdates, _ c: GemmaConfiguration, chunk: Int) {
    self.sizes = sizes
    values = FloatBuffer(sizes.streams * chunk * c.hiddenSize)
    predictions = FloatBuffer(sizes.streams * chunk * c.hiddenSize)
    side = FloatBuffer(chunk * c.hiddenSize)
    narrow = FloatBuffer(chunk * (c.laurelRank ?? 0))
    routed = FloatBuffer(c.hiddenSize)
    modalities = FloatBuffer(sizes.streams)
  }
}

extension InferenceSession {
  /// Makes all streams of the embedding in `x`: itself, and its projections at the same magnitude.
  func spread(_ streams: ResidualStreams, _ count: Int) {
    let size = count * c.hiddenSize
    streams.count = count
    streams.values.pointer.update(from: x.pointer, count: size)
    for (index, projection) in (model.streams?.projections ?? []).enumerated() {
      let target = streams.values.pointer + (index + 1) * size
      multiply(projection, x.pointer, count, into: target)
      matchMagnitude(target, of: x.pointer, count)
    }
  }

  /// Rows `row..<(row + rows)` of all streams, brought back and averaged, into the same rows of `x`.
  func merge(_ streams: ResidualStreams, row: Int, rows: Int) {
    let h = c.hiddenSize
    let count = streams.count
    let first = streams.values.pointer + row * h
    let target = x.pointer + row * h
    target.update(from: first, count: rows * h)
    for (index, projection) in (model.streams?.unprojections ?? []).enumerated() {
      let back = streams.predictions.pointer
      multiply(projection, first + (index + 1) * count * h, rows, into: back)
      matchMagnitude(back, of: first, rows)
      kernels.axpy(1, back, count: rows * h, addingTo: target)
    }
    let share = 1 / Float(streams.sizes.streams)
    for i in 0..<rows * h { target[i] *= share }
  }

  /// Scales each row of `values` to the root mean square of the same row of `reference`.
  private func matchMagnitude(
    _ values: UnsafeMutablePointer<Float>, of reference: UnsafePointer<Float>, _ rows: Int
  ) {
    let h = c.hiddenSize
    for row in 0..<rows {
      let (x, y) = (values + row * h, reference + row * h)
      let wanted = (kernels.dot(y, y, count: h) / Float(h)).squareRoot()
      let found = max(kernels.dot(x, x, count: h) / Float(h), 1e-5).squareRoot()
      let factor = wanted / found
      for i in 0..<h { x[i] *= factor }
    }
  }

  /// `tanh(router(norm(x) / H))` of one token, one value a stream.
  private func route(
    _ streams: ResidualStreams, _ weights: GemmaModel.AlternatingUpdates, _ x: UnsafePointer<Float>
  ) {
    let h = c.hiddenSize
    norm(x, weights.routerNorm, 1, into: streams.routed.pointer)
    for stream in 0..<streams.sizes.streams {
      streams.modalities[stream] = tanh(
        kernels.dot(weights.router.pointer + stream * h, streams.routed.pointer, count: h))
    }
  }

  /// Predicts every stream from all of them; the active prediction goes to `x` and through the layer.
  func predict(_ streams: ResidualStreams, _ layer: GemmaModel.Layer, _ count: Int) {
    guard let weights = layer.alternatingUpdates else { return }
    let (s, h) = (streams.sizes.streams, c.hiddenSize)
    let size = count * h
    streams.predictions.pointer.update(from: streams.values.pointer, count: s * size)
    for row in 0..<count {
      route(streams, weights, streams.values.pointer + streams.sizes.active * size + row * h)
      for to in 0..<s {
        for from in 0..<s {
          let coefficient = kernels.dot(
            weights.prediction.pointer + (to * s + from) * s, streams.modalities.pointer, count: s)
          kernels.axpy(
            coefficient, streams.values.pointer + from * size + row * h, count: h,
            addingTo: streams.predictions.pointer + to * size + row * h)
        }
      }
    }
    x.pointer.update(from: streams.predictions.pointer + streams.sizes.active * size, count: size)
  }

  /// Corrects every prediction by what the layer made of the active one, which stands in `x`.
  func correct(_ streams: ResidualStreams, _ layer: GemmaModel.Layer, _ count: Int) {
    guard let weights = layer.alternatingUpdates else { return }
    let (s, h) = (streams.sizes.streams, c.hiddenSize)
    let size = count * h
    streams.values.pointer.update(from: streams.predictions.pointer, count: s * size)
    for row in 0..<count {
      let activated = x.pointer + row * h
      let predicted = streams.predictions.pointer + streams.sizes.active * size + row * h
      route(streams, weights, activated)
      for i in 0..<h { streams.routed[i] = activated[i] - predicted[i] }
      for stream in 0..<s {
        let coefficient =
          1
          + kernels.dot(weights.correction.pointer + stream * s, streams.modalities.pointer, count: s)
        kernels.axpy(
          coefficient, streams.routed.pointer, count: h,
          addingTo: streams.values.pointer + stream * size + row * h)
      }
    }
  }

  /// The corrected active stream, scaled where the model does so.
  func scaleActive(
    _ streams: ResidualStreams, _ layer: GemmaModel.Layer, _ count: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    let h = c.hiddenSize
    out.update(from: streams.values.pointer + streams.sizes.active * count * h, count: count * h)
    guard let scale = layer.alternatingUpdates?.correctionScale else { return }
    for row in 0..<count {
      for i in 0..<h { out[row * h + i] *= scale[i] }
    }
  }

  /// The learned side path around attention: `n + norm(right(left(n)))` of the normed input `n`.
  func sidePath(
    _ laurel: GemmaModel.Laurel, _ input: QuantizedActivations?, _ count: Int, into out: FloatBuffer
  ) {
    guard let streams else { return }
    laurel.left.multiply(
      normed.pointer, quantized: laurel.left.isQuantized ? input : nil, rows: count,
      into: streams.narrow.pointer, pool: pool)
    multiply(laurel.right, streams.narrow.pointer, count, into: out.pointer)
    norm(out.pointer, laurel.norm, count, into: out.pointer)
    kernels.axpy(1, normed.pointer, count: count * c.hiddenSize, addingTo: out.pointer)
  }

  /// `x = (x + side) / √2`.
  func addSidePath(_ side: FloatBuffer, _ count: Int) {
    let half = Float(0.5).squareRoot()
    for i in 0..<count * c.hiddenSize { x.pointer[i] = (x.pointer[i] + side.pointer[i]) * half }
  }
}
