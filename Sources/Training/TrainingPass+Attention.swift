import Foundation
import Gemma
import Numerics

extension TrainingPass {
  /// Head norms, where the generation has them, and RoPE of queries and keys.
  func rotateForward(_ index: Int, _ batch: PackedBatch) {
    let (tape, layer, table) = (tapes[index], model.layers[index], rotaries[index])
    pool.split(batch.tokens.count) { rows in
      for row in rows {
        normAndRotate(
          tape.queryRaw, tape.query, tape.queryInverse, layer.queryNorm, d.headCount, row,
          batch.positions[row],
          table)
        normAndRotate(
          tape.keyRaw, tape.key, tape.keyInverse, layer.keyNorm, d.keyValueHeadCount, row,
          batch.positions[row],
          table)
      }
    }
  }

  private func normAndRotate(
    _ raw: FloatBuffer, _ out: FloatBuffer, _ inverse: FloatBuffer, _ gain: FloatBuffer?, _ heads: Int,
    _ row: Int,
    _ position: Int, _ table: RotaryTable
  ) {
    let width = heads * d.headDim
    if let gain {
      for head in 0..<heads {
        let at = row * width + head * d.headDim
        inverse.pointer[row * heads + head] = kernels.rmsNorm(
          raw.pointer + at, gain: gain.pointer, count: d.headDim, epsilon: c.epsilon, into: out.pointer + at)
      }
    } else {
      (out.pointer + row * width).update(from: raw.pointer + row * width, count: width)
    }
    table.rotate(out.pointer + row * width, heads: heads, position: position, kernels: kernels)
  }

  /// Turns `dQuery` and `dKey` from gradients of rotated heads into gradients of the projections' outputs, in place.
  func rotateBackward(_ index: Int, _ batch: PackedBatch) {
    let (tape, layer, table) = (tapes[index], model.layers[index], rotaries[index])
    pool.split(batch.tokens.count) { rows in
      let scratch = FloatBuffer(d.headDim)
      for row in rows {
        unrotate(
          tape.queryRaw, buffers.dQuery, tape.queryInverse, layer.queryNorm, d.headCount, row,
          batch.positions[row],
          table,
          scratch)
        unrotate(
          tape.keyRaw, buffers.dKey, tape.keyInverse, layer.keyNorm, d.keyValueHeadCount, row,
          batch.positions[row],
          table,
          scratch)
      }
    }
  }

  private func unrotate(
    _ raw: FloatBuffer, _ gradient: FloatBuffer, _ inverse: FloatBuffer, _ gain: FloatBuffer?, _ heads: Int,
    _ row: Int, _ position: Int, _ table: RotaryTable, _ scratch: FloatBuffer
  ) {
    let width = heads * d.headDim
    // RoPE is a rotation: its transpose is its inverse.
    table.rotate(gradient.pointer + row * width, heads: heads, position: position, sign: -1, kernels: kernels)
    guard let gain else { return }
    for head in 0..<heads {
      let at = row * width + head * d.headDim
      scratch.pointer.update(repeating: 0, count: d.headDim)
      kernels.rmsNormBackward(
        raw.pointer + at, gain: gain.pointer, inverse: inverse.pointer[row * heads + head],
        dout: gradient.pointer + at, count: d.headDim, addingTo: scratch.pointer)
      (gradient.pointer + at).update(from: scratch.pointer, count: d.headDim)
    }
  }

  /// Rows of one block of queries of a sequence and the keys that they can see, relative to the sequence's start.
  private func blocks(_ count: Int, _ layer: GemmaModel.Layer) -> [(rows: Range<Int>, keys: Range<Int>)] {
    stride(from: 0, to: count, by: TrainingBuffers.blockRows).map { first in
      let rows = first..<min(count, first + TrainingBuffers.blockRows)
      return (rows, layer.description.firstVisible(from: first)..<rows.upperBound)
    }
  }

  /// `attended = softmax(scale · q kᵀ + mask) v` per sequence, head and block of rows, so that what lies behind the
  /// diagonal or before the window is hardly computed.
  func attendForward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let queries = d.headCount * d.headDim
    let keys = d.keyValueHeadCount * d.headDim
    let group = d.headCount / d.keyValueHeadCount
    forEachUnit(batch.ranges.count * d.headCount) { unit, thread in
      let range = batch.ranges[unit / d.headCount]
      let head = unit % d.headCount
      let p = buffers.scores[thread].pointer
      for block in blocks(range.count, layer) {
        let query = (range.lowerBound + block.rows.lowerBound) * queries + head * d.headDim
        let key = (range.lowerBound + block.keys.lowerBound) * keys + head / group * d.headDim
        probabilities(tape, layer, block, query: query, key: key, into: p)
        BLAS.shared.multiply(
          m: block.rows.count, n: d.headDim, k: block.keys.count, a: p, lda: block.keys.count,
          b: tape.value.pointer + key, ldb: keys, c: tape.attended.pointer + query, ldc: queries, pool: nil)
      }
    }
  }

  /// Fills `p` (`[rows, keys]` of the block) with attention probabilities, 0 where masked, and `slopes`, if scores are
  /// soft-capped, with the derivatives of the cap.
  private func probabilities(
    _ tape: LayerTape, _ layer: GemmaModel.Layer, _ block: (rows: Range<Int>, keys: Range<Int>), query: Int,
    key: Int, into p: UnsafeMutablePointer<Float>, slopes: UnsafeMutablePointer<Float>? = nil
  ) {
    let width = block.keys.count
    BLAS.shared.multiply(
      m: block.rows.count, n: width, k: d.headDim, a: tape.query.pointer + query,
      lda: d.headCount * d.headDim,
      b: tape.key.pointer + key, ldb: d.keyValueHeadCount * d.headDim, transposeB: true, c: p, ldc: width,
      pool: nil)
    for i in block.rows {
      let row = p + (i - block.rows.lowerBound) * width
      let first = layer.description.firstVisible(from: i) - block.keys.lowerBound
      let end = i + 1 - block.keys.lowerBound
      if let cap = d.attentionCap {
        let slopes = slopes.map { $0 + (i - block.rows.lowerBound) * width }
        slopes?.update(repeating: 0, count: width)
        softCap(
          row + first, count: end - first, scale: d.attentionScale, cap, slopes: slopes.map { $0 + first })
        kernels.softmax(row + first, count: end - first, scale: 1)
      } else {
        kernels.softmax(row + first, count: end - first, scale: d.attentionScale)
      }
      row.update(repeating: 0, count: first)
      (row + end).update(repeating: 0, count: width - end)
    }
  }

  /// Gradients of queries, keys and values (rotated form) from `dAttended`. Probabilities are computed again.
  func attendBackward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let group = d.headCount / d.keyValueHeadCount
    let count = batch.tokens.count * d.keyValueHeadCount * d.headDim
    buffers.dKey.pointer.update(repeating: 0, count: count)
    buffers.dValue.pointer.update(repeating: 0, count: count)
    forEachUnit(batch.ranges.count * d.keyValueHeadCount) { unit, thread in
      let range = batch.ranges[unit / d.keyValueHeadCount]
      let keyHead = unit % d.keyValueHeadCount
      for block in blocks(range.count, layer) {
        for head in (keyHead * group)..<(keyHead * group + group) {
          attendBackward(tape, layer, range.lowerBound, block, head: head, keyHead: keyHead, thread)
        }
      }
    }
  }

  private func attendBackward(
    _ tape: LayerTape, _ layer: GemmaModel.Layer, _ start: Int, _ block: (rows: Range<Int>, keys: Range<Int>),
    head: Int, keyHead: Int, _ thread: Int
  ) {
    let queries = d.headCount * d.headDim
    let keys = d.keyValueHeadCount * d.headDim
    let (rows, width) = (block.rows.count, block.keys.count)
    let query = (start + block.rows.lowerBound) * queries + head * d.headDim
    let key = (start + block.keys.lowerBound) * keys + keyHead * d.headDim
    let p = buffers.scores[thread].pointer
    let dp = p + rows * width
    let slopes = dp + rows * width
    probabilities(tape, layer, block, query: query, key: key, into: p, slopes: slopes)
    BLAS.shared.multiply(
      m: rows, n: width, k: d.headDim, a: buffers.dAttended.pointer + query, lda: queries,
      b: tape.value.pointer + key,
      ldb: keys, transposeB: true, c: dp, ldc: width, pool: nil)
    BLAS.shared.multiply(
      m: width, n: d.headDim, k: rows, a: p, lda: width, transposeA: true,
      b: buffers.dAttended.pointer + query,
      ldb: queries,
      beta: 1, c: buffers.dValue.pointer + key, ldc: keys, pool: nil)
    for i in 0..<rows {
      // Masked probabilities are 0 and stay 0 in the product.
      kernels.softmaxBackward(p: p + i * width, dp: dp + i * width, count: width, scale: d.attentionScale)
    }
    if d.attentionCap != nil {
      for i in 0..<rows * width { dp[i] *= slopes[i] }
    }
    BLAS.shared.multiply(
      m: rows, n: d.headDim, k: width, a: dp, lda: width, b: tape.key.pointer + key, ldb: keys,
      c: buffers.dQuery.pointer + query, ldc: queries, pool: nil)
    BLAS.shared.multiply(
      m: width, n: d.headDim, k: rows, a: dp, lda: width, transposeA: true, b: tape.query.pointer + query,
      ldb: queries, beta: 1, c: buffers.dKey.pointer + key, ldc: keys, pool: nil)
  }

  /// `x = cap · tanh(scale · x / cap)` in place, and `1 - tanh²` into `slopes`.
  func softCap(
    _ x: UnsafeMutablePointer<Float>, count: Int, scale: Float, _ cap: Float,
    slopes: UnsafeMutablePointer<Float>?
  ) {
    for i in 0..<count {
      let t = tanh(x[i] * scale / cap)
      x[i] = cap * t
      slopes?[i] = 1 - t * t
    }
  }

  /// Runs `body(unit, thread)` for all units, dealt out round-robin so that each thread has its own scratch.
  private func forEachUnit(_ units: Int, _ body: (Int, Int) -> Void) {
    let threads = min(pool.threadCount, units)
    pool.run(threads) { thread in
      for unit in stride(from: thread, to: units, by: threads) { body(unit, thread) }
    }
  }
}
