import Gemma
import Numerics

extension TrainingPass {
  /// One layer's backward pass: `dx` comes in as the gradient of the layer's output and leaves as that of its input.
  func backward(_ index: Int, _ batch: PackedBatch) {
    let tape = tapes[index]
    let layer = model.layers[index]
    let count = batch.tokens.count
    // MLP branch: x' = middle + norm(down(gelu(gate(n)) · up(n))), n = norm(middle).
    outputNormBackward(tape.mlpOutput, layer.postFeedForwardNorm, tape.mlpInverse, count)
    backProject(.down, index, tape.activated, dBranch, count, into: dActivated, accumulate: false)
    pool.split(count * d.intermediateSize, unit: 64) { range in
      let at = range.lowerBound
      kernels.geluMulBackward(
        gate: tape.gate.pointer + at, up: tape.up.pointer + at, dout: dActivated.pointer + at,
        count: range.count,
        dgate: dGate.pointer + at, dup: dUp.pointer + at)
    }
    backProject(.gate, index, tape.middleNormed, dGate, count, into: dNormed, accumulate: false)
    backProject(.up, index, tape.middleNormed, dUp, count, into: dNormed, accumulate: true)
    normBackward(tape.middle, layer.preFeedForwardNorm, tape.middleInverse, dNormed, count, addingTo: dx)
    // Attention branch: middle = input + norm(o(attention(norm(input)))).
    outputNormBackward(tape.attentionOutput, layer.postAttentionNorm, tape.attentionInverse, count)
    backProject(.output, index, tape.attended, dBranch, count, into: dAttended, accumulate: false)
    attendBackward(tape, layer, batch)
    rotateBackward(index, batch)
    // Nothing below the first layer is trained: its input gradient is not needed.
    let below = index > 0
    backProject(.query, index, tape.normed, dQuery, count, into: below ? dNormed : nil, accumulate: false)
    backProject(.key, index, tape.normed, dKey, count, into: below ? dNormed : nil, accumulate: true)
    backProject(.value, index, tape.normed, dValue, count, into: below ? dNormed : nil, accumulate: true)
    if below { normBackward(tape.input, layer.inputNorm, tape.inputInverse, dNormed, count, addingTo: dx) }
  }

  /// Adds the gradients of A and B and gives that of the input: `dX = dY W + scale · (dY B) A`.
  private func backProject(
    _ projection: Projection, _ index: Int, _ input: FloatBuffer, _ dy: FloatBuffer, _ count: Int,
    into dInput: FloatBuffer?, accumulate: Bool
  ) {
    let linear = model.layers[index][projection]
    let (outputs, inputs) = (linear.outputs, linear.inputs)
    let module = adapter.module(projection, layer: index)
    let rank = module.rank
    BLAS.shared.multiply(
      m: count, n: rank, k: outputs, alpha: module.scale, a: dy.pointer, lda: outputs,
      b: module.b.value.pointer,
      ldb: rank, c: dLow.pointer, ldc: rank, pool: pool)
    BLAS.shared.multiply(
      m: outputs, n: rank, k: count, alpha: module.scale, a: dy.pointer, lda: outputs, transposeA: true,
      b: tapes[index].low[projection.index].pointer, ldb: rank, beta: 1, c: module.b.gradient.pointer,
      ldc: rank,
      pool: pool)
    BLAS.shared.multiply(
      m: rank, n: inputs, k: count, a: dLow.pointer, lda: rank, transposeA: true, b: input.pointer,
      ldb: inputs,
      beta: 1, c: module.a.gradient.pointer, ldc: inputs, pool: pool)
    guard let dInput else { return }
    inputGradients[index][projection.index].multiply(
      dy.pointer, rows: count, into: dInput.pointer, accumulate: accumulate, scratch: dScratch.pointer,
      pool: pool)
    BLAS.shared.multiply(
      m: count, n: inputs, k: rank, a: dLow.pointer, lda: rank, b: module.a.value.pointer, ldb: inputs,
      beta: 1,
      c: dInput.pointer, ldc: inputs, pool: pool)
  }

  private func normBackward(
    _ x: FloatBuffer, _ gain: FloatBuffer, _ inverse: FloatBuffer, _ dy: FloatBuffer, _ count: Int,
    addingTo dx: FloatBuffer
  ) {
    let width = gain.count
    pool.split(count) { rows in
      for row in rows {
        kernels.rmsNormBackward(
          x.pointer + row * width, gain: gain.pointer, inverse: inverse.pointer[row],
          dout: dy.pointer + row * width,
          count: width, addingTo: dx.pointer + row * width)
      }
    }
  }

  /// `dBranch`: the gradient of a sublayer's output, from `dx` back through its norm where there is one.
  private func outputNormBackward(
    _ x: FloatBuffer, _ gain: FloatBuffer?, _ inverse: FloatBuffer, _ count: Int
  ) {
    guard let gain else {
      dBranch.pointer.update(from: dx.pointer, count: count * c.hiddenSize)
      return
    }
    dBranch.pointer.update(repeating: 0, count: count * c.hiddenSize)
    normBackward(x, gain, inverse, dx, count, addingTo: dBranch)
  }
}
