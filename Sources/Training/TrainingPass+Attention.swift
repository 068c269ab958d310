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

  /// Rows of one block of queries of a sequence and the keys that they can see, relative to the sequence's start.
  private func blocks(_ count: Int, _ layer: GemmaModel.Layer) -> [(rows: Range<Int>, keys: Range<Int>)] {
    stride(from: 0, to: count, by: Self.blockRows).map { first in
      let rows = first..<min(count, first + Self.blockRows)
      return (rows, (layer.isGlobal ? 0 : max(0, first + 1 - c.window))..<rows.upperBound)
    }
  }

  /// `attended = softmax(scale · q kᵀ + mask) v` per sequence, head and block of rows, so that what lies behind the
  /// diagonal or before the window is hardly computed.
  func attendForward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let queries = c.headCount * c.headDim
    let keys = c.keyValueHeadCount * c.headDim
    let group = c.headCount / c.keyValueHeadCount
    forEachUnit(batch.ranges.count * c.headCount) { unit, thread in
      let range = batch.ranges[unit / c.headCount]
      let head = unit % c.headCount
      let p = scores[thread].pointer
      for block in blocks(range.count, layer) {
        let query = (range.lowerBound + block.rows.lowerBound) * queries + head * c.headDim
        let key = (range.lowerBound + block.keys.lowerBound) * keys + head / group * c.headDim
        probabilities(tape, layer, block, query: query, key: key, into: p)
        BLAS.shared.multiply(
          m: block.rows.count, n: c.headDim, k: block.keys.count, a: p, lda: block.keys.count,
          b: tape.value.pointer + key, ldb: keys, c: tape.attended.pointer + query, ldc: queries, pool: nil)
      }
    }
  }

  /// Fills `p` (`[rows, keys]` of the block) with attention probabilities, 0 where masked.
  private func probabilities(
    _ tape: LayerTape, _ layer: GemmaModel.Layer, _ block: (rows: Range<Int>, keys: Range<Int>), query: Int,
    key: Int,
    into p: UnsafeMutablePointer<Float>
  ) {
    let width = block.keys.count
    BLAS.shared.multiply(
      m: block.rows.count, n: width, k: c.headDim, a: tape.query.pointer + query,
      lda: c.headCount * c.headDim,
      b: tape.key.pointer + key, ldb: c.keyValueHeadCount * c.headDim, transposeB: true, c: p, ldc: width,
      pool: nil)
    for i in block.rows {
      let row = p + (i - block.rows.lowerBound) * width
      let first = (layer.isGlobal ? 0 : max(0, i + 1 - c.window)) - block.keys.lowerBound
      let end = i + 1 - block.keys.lowerBound
      kernels.softmax(row + first, count: end - first, scale: c.attentionScale)
      row.update(repeating: 0, count: first)
      (row + end).update(repeating: 0, count: width - end)
    }
  }

  /// Gradients of queries, keys and values (rotated form) from `dAttended`. Probabilities are computed again.
  func attendBackward(_ tape: LayerTape, _ layer: GemmaModel.Layer, _ batch: PackedBatch) {
    let group = c.headCount / c.keyValueHeadCount
    let count = batch.tokens.count * c.keyValueHeadCount * c.headDim
    dKey.pointer.update(repeating: 0, count: count)
    dValue.pointer.update(repeating: 0, count: count)
    forEachUnit(batch.ranges.count * c.keyValueHeadCount) { unit, thread in
      let range = batch.ranges[unit / c.keyValueHeadCount]
      let keyHead = unit % c.keyValueHeadCount
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
    let queries = c.headCount * c.headDim
    let keys = c.keyValueHeadCount * c.headDim
    let (rows, width) = (block.rows.count, block.keys.count)
    let query = (start + block.rows.lowerBound) * queries + head * c.headDim
    let key = (start + block.keys.lowerBound) * keys + keyHead * c.headDim
    let p = scores[thread].pointer
    let dp = p + rows * width
    probabilities(tape, layer, block, query: query, key: key, into: p)
    BLAS.shared.multiply(
      m: rows, n: width, k: c.headDim, a: dAttended.pointer + query, lda: queries,
      b: tape.value.pointer + key,
      ldb: keys, transposeB: true, c: dp, ldc: width, pool: nil)
    BLAS.shared.multiply(
      m: width, n: c.headDim, k: rows, a: p, lda: width, transposeA: true, b: dAttended.pointer + query,
      ldb: queries,
      beta: 1, c: dValue.pointer + key, ldc: keys, pool: nil)
    for i in 0..<rows {
      // Masked probabilities are 0 and stay 0 in the product.
      kernels.softmaxBackward(p: p + i * width, dp: dp + i * width, count: width, scale: c.attentionScale)
    }
    BLAS.shared.multiply(
      m: rows, n: c.headDim, k: width, a: dp, lda: width, b: tape.key.pointer + key, ldb: keys,
      c: dQuery.pointer + query, ldc: queries, pool: nil)
    BLAS.shared.multiply(
      m: width, n: c.headDim, k: rows, a: dp, lda: width, transposeA: true, b: tape.query.pointer + query,
      ldb: queries, beta: 1, c: dKey.pointer + key, ldc: keys, pool: nil)
  }

  /// Runs `body(unit, thread)` for all units, dealt out round-robin so that each thread has its own scratch.
  private func forEachUnit(_ units: Int, _ body: (Int, Int) -> Void) {
    let threads = min(pool.threadCount, units)
    pool.run(threads) { thread in
      for unit in stride(from: thread, to: units, by: threads) { body(unit, thread) }
    }
  }
}
