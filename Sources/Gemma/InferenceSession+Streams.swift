import Foundation
import Numerics

/// The residual streams of alternating updates (Baykal et al. 2023) for the tokens of a chunk.
final class ResidualStreams {
  let sizes: GemmaConfiguration.AlternatingUpdates
  let values: FloatBuffer  // [S, T, H], without gaps for the tokens at hand
  let predictions: FloatBuffer  // [S, T, H]
  let merged: FloatBuffer  // [T, H]
  let side: FloatBuffer  // [T, H] what the side path puts out
  let narrow: FloatBuffer  // [T, rank]
  let routed: FloatBuffer  // [threads, H]
  let modalities: FloatBuffer  // [threads, S]
  /// T: the tokens at hand.
  var count = 0

  init(_ sizes: GemmaConfiguration.AlternatingUpdates, _ c: GemmaConfiguration, chunk: Int, threads: Int) {
    self.sizes = sizes
    values = FloatBuffer(sizes.streams * chunk * c.hiddenSize)
    predictions = FloatBuffer(sizes.streams * chunk * c.hiddenSize)
    merged = FloatBuffer(chunk * c.hiddenSize)
    side = FloatBuffer(chunk * c.hiddenSize)
    narrow = FloatBuffer(chunk * (c.laurelRank ?? 0))
    routed = FloatBuffer(threads * c.hiddenSize)
    modalities = FloatBuffer(threads * sizes.streams)
  }
}

extension InferenceSession {
  /// Makes all streams of the embedding in `x`: itself, and its projections at the same magnitude.
  func spread(_ streams: ResidualStreams, _ count: Int, _ member: TeamMember) {
    let h = c.hiddenSize
    if member.rank == 0 { streams.count = count }
    for row in member.share(count) {
      (streams.values.pointer + row * h).update(from: x + row * h, count: h)
    }
    for (index, projection) in (model.streams?.projections ?? []).enumerated() {
      let target = streams.values.pointer + (index + 1) * count * h
      product(projection, x, count, into: target, member)
      for row in member.share(count) { matchMagnitude(target + row * h, of: x + row * h) }
    }
  }

  /// Rows `row..<(row + rows)` of all streams, brought back and averaged, into the first rows of `merged`.
  func merge(_ streams: ResidualStreams, row: Int, rows: Int, _ member: TeamMember) {
    let h = c.hiddenSize
    let first = streams.values.pointer + row * h
    let own = member.share(rows)
    for row in own { (streams.merged.pointer + row * h).update(from: first + row * h, count: h) }
    for (index, projection) in (model.streams?.unprojections ?? []).enumerated() {
      let back = streams.predictions.pointer
      product(projection, first + (index + 1) * streams.count * h, rows, into: back, member)
      for row in own {
        matchMagnitude(back + row * h, of: first + row * h)
        kernels.axpy(1, back + row * h, count: h, addingTo: streams.merged.pointer + row * h)
      }
    }
    let share = 1 / Float(streams.sizes.streams)
    for row in own {
      for i in 0..<h { streams.merged.pointer[row * h + i] *= share }
    }
  }

  /// Scales a row to the root mean square of `reference`.
  private func matchMagnitude(_ row: UnsafeMutablePointer<Float>, of reference: UnsafePointer<Float>) {
    let h = c.hiddenSize
    let wanted = (kernels.dot(reference, reference, count: h) / Float(h)).squareRoot()
    let found = max(kernels.dot(row, row, count: h) / Float(h), 1e-5).squareRoot()
    let factor = wanted / found
    for i in 0..<h { row[i] *= factor }
  }

  /// `tanh(router(norm(x) / H))` of one token, one value a stream, in the member's part of `modalities`.
  private func route(
    _ streams: ResidualStreams, _ weights: GemmaModel.AlternatingUpdates, _ x: UnsafePointer<Float>,
    _ member: TeamMember
  ) -> UnsafePointer<Float> {
    let h = c.hiddenSize
    let routed = streams.routed.pointer + member.rank * h
    let modalities = streams.modalities.pointer + member.rank * streams.sizes.streams
    norm(x, weights.routerNorm, rows: 0..<1, into: routed)
    for stream in 0..<streams.sizes.streams {
      modalities[stream] = tanh(kernels.dot(weights.router.pointer + stream * h, routed, count: h))
    }
    return UnsafePointer(modalities)
  }

  /// Predicts every stream from all of them; the active prediction goes to `x` and through the layer.
  func predict(_ streams: ResidualStreams, _ layer: GemmaModel.Layer, _ count: Int, _ member: TeamMember) {
    guard let weights = layer.alternatingUpdates else { return }
    let (s, h) = (streams.sizes.streams, c.hiddenSize)
    let size = count * h
    for row in member.share(count) {
      let modalities = route(
        streams, weights, streams.values.pointer + streams.sizes.active * size + row * h, member)
      for to in 0..<s {
        let prediction = streams.predictions.pointer + to * size + row * h
        prediction.update(from: streams.values.pointer + to * size + row * h, count: h)
        for from in 0..<s {
          let coefficient = kernels.dot(
            weights.prediction.pointer + (to * s + from) * s, modalities, count: s)
          kernels.axpy(
            coefficient, streams.values.pointer + from * size + row * h, count: h, addingTo: prediction)
        }
      }
      (x + row * h).update(
        from: streams.predictions.pointer + streams.sizes.active * size + row * h, count: h)
    }
  }

  /// Corrects every prediction by what the layer made of the active one, which stands in `x`.
  func correct(_ streams: ResidualStreams, _ layer: GemmaModel.Layer, _ count: Int, _ member: TeamMember) {
    guard let weights = layer.alternatingUpdates else { return }
    let (s, h) = (streams.sizes.streams, c.hiddenSize)
    let size = count * h
    for row in member.share(count) {
      let activated = x + row * h
      let predicted = streams.predictions.pointer + streams.sizes.active * size + row * h
      let modalities = route(streams, weights, activated, member)
      let innovation = streams.routed.pointer + member.rank * h
      for i in 0..<h { innovation[i] = activated[i] - predicted[i] }
      for stream in 0..<s {
        let coefficient =
          1 + kernels.dot(weights.correction.pointer + stream * s, modalities, count: s)
        let corrected = streams.values.pointer + stream * size + row * h
        corrected.update(from: streams.predictions.pointer + stream * size + row * h, count: h)
        kernels.axpy(coefficient, innovation, count: h, addingTo: corrected)
      }
    }
  }

  /// The corrected active stream, scaled where the model does so.
  func scaleActive(
    _ streams: ResidualStreams, _ layer: GemmaModel.Layer, _ count: Int,
    into out: UnsafeMutablePointer<Float>, _ member: TeamMember
  ) {
    let h = c.hiddenSize
    for row in member.share(count) {
      let target = out + row * h
      target.update(from: streams.values.pointer + (streams.sizes.active * count + row) * h, count: h)
      guard let scale = layer.alternatingUpdates?.correctionScale else { continue }
      for i in 0..<h { target[i] *= scale.pointer[i] }
    }
  }

  /// The learned side path around attention: `n + norm(right(left(n)))` of the normed input `n`.
  func sidePath(_ index: Int, _ streams: ResidualStreams, _ count: Int, _ member: TeamMember) {
    guard let laurel = model.layers[index].laurel else { return }
    let left = Product(laurel.left, isRowwise: isRowwise)
    left.multiply(
      normed, quantized: left.isQuantized ? layers[index].attentionInput : nil, rows: count,
      tiles: member.share(left.tiles), into: streams.narrow.pointer, kernels: kernels)
    member.wait()
    product(laurel.right, streams.narrow.pointer, count, into: streams.side.pointer, member)
    let (rows, h) = (member.share(count), hiddenSize)
    norm(streams.side.pointer, laurel.norm, rows: rows, into: streams.side.pointer)
    kernels.axpy(
      1, normed + rows.lowerBound * h, count: rows.count * h,
      addingTo: streams.side.pointer + rows.lowerBound * h)
  }

  /// `x = (x + side) / √2`.
  func addSidePath(_ side: FloatBuffer, _ count: Int, _ member: TeamMember) {
    guard c.laurelRank != nil else { return }
    let half = Float(0.5).squareRoot()
    let rows = member.share(count)
    for i in rows.lowerBound * c.hiddenSize..<rows.upperBound * c.hiddenSize {
      x[i] = (x[i] + side.pointer[i]) * half
    }
  }
}
