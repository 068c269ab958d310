import Gemma
import Numerics

extension TrainingPass {
  /// One layer's backward pass: `dx` comes in as the gradient of the layer's output and leaves as that of its input, where
  /// something beneath is trained.
  func backward(_ index: Int, _ batch: PackedBatch) {
    let tape = tapes[index]
    let layer = model.layers[index]
    let count = batch.tokens.count
    // MLP branch: x' = middle + norm(down(gelu(gate(n)) · up(n))), n = norm(middle).
    outputNormBackward(tape.mlpOutput, layer.postFeedForwardNorm, tape.mlpInverse, count)
    backProject(
      .down, index, tape.activated, tape.mlpOutput, buffers.dBranch, count, into: buffers.dActivated)
    guard plan.reachesGate(index) else { return }
    pool.split(count * d.intermediateSize, unit: 64) { range in
      let at = range.lowerBound
      kernels.geluMulBackward(
        gate: tape.gate.pointer + at, up: tape.up.pointer + at, dout: buffers.dActivated.pointer + at,
        count: range.count,
        dgate: buffers.dGate.pointer + at, dup: buffers.dUp.pointer + at)
    }
    let dNormed = buffers.dNormed
    backProject(.gate, index, tape.middleNormed, tape.gate, buffers.dGate, count, into: dNormed)
    backProject(.up, index, tape.middleNormed, tape.up, buffers.dUp, count, into: dNormed, accumulate: true)
    guard plan.reachesAttention(index) else { return }
    normBackward(tape.middle, layer.preFeedForwardNorm, tape.middleInverse, dNormed, count, addingTo: dx)
    // Attention branch: middle = input + norm(o(attention(norm(input)))).
    outputNormBackward(tape.attentionOutput, layer.postAttentionNorm, tape.attentionInverse, count)
    backProject(
      .output, index, tape.attended, tape.attentionOutput, buffers.dBranch, count, into: buffers.dAttended)
    guard plan.reachesHeads(index) else { return }
    attendBackward(tape, layer, batch)
    rotateBackward(index, batch)
    backProject(.query, index, tape.normed, tape.queryRaw, buffers.dQuery, count, into: dNormed)
    backProject(.key, index, tape.normed, tape.keyRaw, buffers.dKey, count, into: dNormed, accumulate: true)
    backProject(
      .value, index, tape.normed, tape.value, buffers.dValue, count, into: dNormed, accumulate: true)
    guard plan.reachesInput(index) else { return }
    normBackward(tape.input, layer.inputNorm, tape.inputInverse, dNormed, count, addingTo: dx)
  }

  /// Adds the gradients of a projection's trained tensors and, where something asks for it, gives that of its input:
  /// `dX = dY W + scale · (dY B) A`. With DoRA `dY` becomes the gradient before the gain, in place.
  private func backProject(
    _ projection: Projection, _ index: Int, _ input: FloatBuffer, _ output: FloatBuffer, _ dy: FloatBuffer,
    _ count: Int, into dInput: FloatBuffer, accumulate: Bool = false
  ) {
    let module = adapter.module(projection, layer: index)
    if let module {
      magnitudeBackward(module, output, dy, count)
      factorsBackward(module, thinned(input, module, count), dy, count)
    }
    guard let inputGradient = inputGradients[index][projection.index] else { return }
    inputGradient.multiply(
      dy.pointer, rows: count, into: dInput.pointer, accumulate: accumulate,
      scratch: buffers.dScratch.pointer, pool: pool)
    guard let module else { return }
    // The way through dropout needs a mask before it is added.
    let target = masks == nil ? dInput : buffers.thinned
    let inputs = module.a.shape[1]
    BLAS.shared.multiply(
      m: count, n: inputs, k: module.rank, a: buffers.dLow.pointer, lda: module.rank,
      b: module.a.value.pointer, ldb: inputs, beta: masks == nil ? 1 : 0, c: target.pointer, ldc: inputs,
      pool: pool)
    mask(target, module, count, adding: true, into: dInput)
  }

  /// The gradients of A and B; leaves `scale · dY B` in `dLow`.
  private func factorsBackward(
    _ module: TrainableAdapter.Module, _ input: FloatBuffer, _ dy: FloatBuffer, _ count: Int
  ) {
    let (rank, inputs, outputs) = (module.rank, module.a.shape[1], module.b.shape[0])
    BLAS.shared.multiply(
      m: count, n: rank, k: outputs, alpha: module.scale, a: dy.pointer, lda: outputs,
      b: module.b.value.pointer,
      ldb: rank, c: buffers.dLow.pointer, ldc: rank, pool: pool)
    BLAS.shared.multiply(
      m: outputs, n: rank, k: count, alpha: module.scale, a: dy.pointer, lda: outputs, transposeA: true,
      b: tapes[module.layer].low[module.projection.index].pointer, ldb: rank, beta: 1,
      c: module.b.gradient.pointer, ldc: rank, pool: pool)
    BLAS.shared.multiply(
      m: rank, n: inputs, k: count, a: buffers.dLow.pointer, lda: rank, transposeA: true, b: input.pointer,
      ldb: inputs,
      beta: 1, c: module.a.gradient.pointer, ldc: inputs, pool: pool)
  }

  /// DoRA: y = m / ‖W + scale · BA‖ · z, where the norm counts as a constant (Liu et al. 2024, 4.3). So `dm = Σ dy · y / m`, and
  /// `dz = gain · dy`, which takes the place of `dy`.
  private func magnitudeBackward(
    _ module: TrainableAdapter.Module, _ output: FloatBuffer, _ dy: FloatBuffer, _ count: Int
  ) {
    guard let magnitude = module.magnitude, let gain = module.gain else { return }
    let width = gain.count
    pool.split(width, unit: 16) { columns in
      for row in 0..<count {
        let (slopes, values) = (dy.pointer + row * width, output.pointer + row * width)
        for column in columns {
          let m = magnitude.value.pointer[column]
          if m != 0 { magnitude.gradient.pointer[column] += slopes[column] * values[column] / m }
        }
      }
    }
    multiply(dy, byColumns: gain, count)
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
    let dBranch = buffers.dBranch
    guard let gain else {
      dBranch.pointer.update(from: dx.pointer, count: count * c.hiddenSize)
      return
    }
    dBranch.pointer.update(repeating: 0, count: count * c.hiddenSize)
    normBackward(x, gain, inverse, dx, count, addingTo: dBranch)
  }
}
