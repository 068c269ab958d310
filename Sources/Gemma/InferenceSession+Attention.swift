import Foundation
import Numerics

extension InferenceSession {
  /// The first half of a layer: `x += norm(o(attend(q, k, v)))` of the normed `x`, and the side path where there is one.
  func attention(_ index: Int, _ count: Int) {
    let layer = model.layers[index]
    norm(x.pointer, layer.inputNorm, count, into: normed.pointer)
    let readers = layer.projections[0...2] + [layer.laurel?.left]
    let input = quantize(normed.pointer, for: Array(readers), count)
    if let streams, let laurel = layer.laurel { sidePath(laurel, input, count, into: streams.side) }
    project(.query, index, normed.pointer, input, count, into: q.pointer)
    if layer.description.ownsKeys { storeKeysAndValues(index, input, count) }
    attend(index, count)
    let output = quantize(attended.pointer, for: [layer[.output]], count)
    project(.output, index, attended.pointer, output, count, into: normed.pointer)
    add(normed.pointer, norm: layer.postAttentionNorm, count)
    if let streams, layer.laurel != nil { addSidePath(streams.side, count) }
  }

  /// Keys and values of the chunk's tokens, normed and rotated, behind those in the cache.
  private func storeKeysAndValues(_ index: Int, _ input: QuantizedActivations?, _ count: Int) {
    let layer = model.layers[index]
    let d = layer.description
    let position = cache.count
    let keys = cache.keys[index].pointer + position * d.keyWidth
    let values = cache.values[index].pointer + position * d.keyWidth
    project(.key, index, normed.pointer, input, count, into: keys)
    if d.valuesAreKeys {
      values.update(from: keys, count: count * d.keyWidth)
    } else {
      project(.value, index, normed.pointer, input, count, into: values)
    }
    if let gain = layer.valueNorm { norm(values, gain, count * d.keyValueHeadCount, into: values) }
    for row in 0..<count {
      let heads = keys + row * d.keyWidth
      if let gain = layer.keyNorm { norm(heads, gain, d.keyValueHeadCount, into: heads) }
      rotaries[index].rotate(heads, heads: d.keyValueHeadCount, position: position + row)
    }
  }

  /// Norms and rotates the queries and lets each look back as far as the layer sees.
  private func attend(_ index: Int, _ count: Int) {
    let layer = model.layers[index]
    let d = layer.description
    let position = cache.count
    let parts = count * d.headCount >= 16 ? pool.threadCount : 1
    pool.run(parts) { part in
      let scratch = scores.pointer + part * cache.capacity
      for row in stride(from: part, to: count, by: parts) {
        let query = q.pointer + row * d.queryWidth
        if let gain = layer.queryNorm { norm(query, gain, d.headCount, into: query) }
        rotaries[index].rotate(query, heads: d.headCount, position: position + row)
        attend(index, query, position: position + row, scratch, into: attended.pointer + row * d.queryWidth)
      }
    }
  }

  private func attend(
    _ index: Int, _ query: UnsafePointer<Float>, position: Int, _ scratch: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let d = model.layers[index].description
    let source = d.sharesKeysOf ?? index
    let keys = cache.keys[source].pointer
    let values = cache.values[source].pointer
    let visible = d.firstVisible(from: position)..<(position + 1)
    let group = d.headCount / d.keyValueHeadCount
    for head in 0..<d.headCount {
      let offset = head / group * d.headDim
      let (query, out) = (query + head * d.headDim, out + head * d.headDim)
      if let cap = d.attentionCap {
        attendCapped(
          query, keys + offset, values + offset, visible, d, cap: cap, scores: scratch, into: out)
      } else {
        kernels.attend(
          query: query, keys: keys + offset, values: values + offset, range: visible, stride: d.keyWidth,
          headDim: d.headDim, scale: d.attentionScale, scores: scratch, into: out)
      }
    }
  }

  /// Attention whose scores are soft-capped, `cap · tanh(score / cap)` (Gemma 2).
  private func attendCapped(
    _ query: UnsafePointer<Float>, _ keys: UnsafePointer<Float>, _ values: UnsafePointer<Float>,
    _ range: Range<Int>, _ d: LayerDescription, cap: Float, scores: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    for position in range {
      let score = kernels.dot(query, keys + position * d.keyWidth, count: d.headDim)
      scores[position - range.lowerBound] = cap * tanh(score * d.attentionScale / cap)
    }
    kernels.softmax(scores, count: range.count, scale: 1)
    out.update(repeating: 0, count: d.headDim)
    for position in range {
      kernels.axpy(
        scores[position - range.lowerBound], values + position * d.keyWidth, count: d.headDim, addingTo: out)
    }
  }
}
