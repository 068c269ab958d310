import Gemma
import Numerics

extension TrainingPass {
  /// Head norms and RoPE of queries and keys.
  func rotateForward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let table = layer.isGlobal ? global : local
    pool.split(batch.tokens.count) { rows in
      for row in rows {
        normAndRotate(
          tape.queryRaw, tape.query, tape.queryInverse, layer.queryNorm, c.headCount, row,
          batch.positions[row],
          table)
        normAndRotate(
          tape.keyRaw, tape.key, tape.keyInverse, layer.keyNorm, c.keyValueHeadCount, row,
          batch.positions[row],
          table)
      }
    }
  }

  private func normAndRotate(
    _ raw: FloatBuffer, _ out: FloatBuffer, _ inverse: FloatBuffer, _ gain: FloatBuffer, _ heads: Int,
    _ row: Int,
    _ position: Int, _ table: RotaryTable
  ) {
    let width = heads * c.headDim
    for head in 0..<heads {
      let at = row * width + head * c.headDim
      inverse.pointer[row * heads + head] = kernels.rmsNorm(
        raw.pointer + at, gain: gain.pointer, count: c.headDim, epsilon: c.epsilon, into: out.pointer + at)
    }
    table.rotate(out.pointer + row * width, heads: heads, position: position, kernels: kernels)
  }

  /// Turns `dQuery` and `dKey` from gradients of rotated heads into gradients of the projections' outputs, in place.
  func rotateBackward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let table = layer.isGlobal ? global : local
    pool.split(batch.tokens.count) { rows in
      let scratch = FloatBuffer(c.headDim)
      for row in rows {
        unrotate(
          tape.queryRaw, dQuery, tape.queryInverse, layer.queryNorm, c.headCount, row, batch.positions[row],
          table,
          scratch)
        unrotate(
          tape.keyRaw, dKey, tape.keyInverse, layer.keyNorm, c.keyValueHeadCount, row, batch.positions[row],
          table,
          scratch)
      }
    }
  }

  private func unrotate(
    _ raw: FloatBuffer, _ gradient: FloatBuffer, _ inverse: FloatBuffer, _ gain: FloatBuffer, _ heads: Int,
    _ row: Int, _ position: Int, _ table: RotaryTable, _ scratch: FloatBuffer
  ) {
    let width = heads * c.headDim
    // RoPE is a rotation: its transpose is its inverse.
    table.rotate(gradient.pointer + row * width, heads: heads, position: position, sign: -1, kernels: kernels)
    for head in 0..<heads {
      let at = row * width + head * c.headDim
      scratch.pointer.update(repeating: 0, count: c.headDim)
      kernels.rmsNormBackward(
        raw.pointer + at, gain: gain.pointer, inverse: inverse.pointer[row * heads + head],
        dout: gradient.pointer + at, count: c.headDim, addingTo: scratch.pointer)
      (gradient.pointer + at).update(from: scratch.pointer, count: c.headDim)
    }
  }

  /// `attended = softmax(scale · q kᵀ + mask) v` per sequence and head.
  func attendForward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let queries = c.headCount * c.headDim
    let keys = c.keyValueHeadCount * c.headDim
    let group = c.headCount / c.keyValueHeadCount
    forEachUnit(batch.ranges.count * c.headCount) { unit, thread in
      let range = batch.ranges[unit / c.headCount]
      let head = unit % c.headCount
      let n = range.count
      let p = scores[thread].pointer
      let key = range.lowerBound * keys + head / group * c.headDim
      let query = range.lowerBound * queries + head * c.headDim
      probabilities(tape, layer, n, query: query, key: key, into: p)
      BLAS.shared.multiply(
        m: n, n: c.headDim, k: n, a: p, lda: n, b: tape.value.pointer + key, ldb: keys,
        c: tape.attended.pointer + query, ldc: queries, pool: nil)
    }
  }

  /// Fills `p` (`[n, n]`) with attention probabilities, 0 where masked.
  private func probabilities(
    _ tape: LayerTape, _ layer: GemmaModel.Layer, _ n: Int, query: Int, key: Int,
    into p: UnsafeMutablePointer<Float>
  ) {
    BLAS.shared.multiply(
      m: n, n: n, k: c.headDim, a: tape.query.pointer + query, lda: c.headCount * c.headDim,
      b: tape.key.pointer + key, ldb: c.keyValueHeadCount * c.headDim, transposeB: true, c: p, ldc: n,
      pool: nil)
    for i in 0..<n {
      let row = p + i * n
      let first = layer.isGlobal ? 0 : max(0, i + 1 - c.window)
      kernels.softmax(row + first, count: i + 1 - first, scale: c.attentionScale)
      row.update(repeating: 0, count: first)
      (row + i + 1).update(repeating: 0, count: n - i - 1)
    }
  }

  /// Gradients of queries, keys and values (rotated form) from `dAttended`. Probabilities are computed again.
  func attendBackward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let queries = c.headCount * c.headDim
    let keys = c.keyValueHeadCount * c.headDim
    let group = c.headCount / c.keyValueHeadCount
    forEachUnit(batch.ranges.count * c.keyValueHeadCount) { unit, thread in
      let range = batch.ranges[unit / c.keyValueHeadCount]
      let keyHead = unit % c.keyValueHeadCount
      let n = range.count
      let p = scores[thread].pointer
      let dp = p + n * n
      let key = range.lowerBound * keys + keyHead * c.headDim
      for member in 0..<group {
        let query = range.lowerBound * queries + (keyHead * group + member) * c.headDim
        let beta: Float = member == 0 ? 0 : 1
        probabilities(tape, layer, n, query: query, key: key, into: p)
        BLAS.shared.multiply(
          m: n, n: n, k: c.headDim, a: dAttended.pointer + query, lda: queries, b: tape.value.pointer + key,
          ldb: keys, transposeB: true, c: dp, ldc: n, pool: nil)
        BLAS.shared.multiply(
          m: n, n: c.headDim, k: n, a: p, lda: n, transposeA: true, b: dAttended.pointer + query,
          ldb: queries,
          beta: beta, c: dValue.pointer + key, ldc: keys, pool: nil)
        for i in 0..<n {
          // Masked probabilities are 0 and stay 0 in the product.
          kernels.softmaxBackward(p: p + i * n, dp: dp + i * n, count: n, scale: c.attentionScale)
        }
        BLAS.shared.multiply(
          m: n, n: c.headDim, k: n, a: dp, lda: n, b: tape.key.pointer + key, ldb: keys,
          c: dQuery.pointer + query, ldc: queries, pool: nil)
        BLAS.shared.multiply(
          m: n, n: c.headDim, k: n, a: dp, lda: n, transposeA: true, b: tape.query.pointer + query,
          ldb: queries,
          beta: beta, c: dKey.pointer + key, ldc: keys, pool: nil)
      }
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
