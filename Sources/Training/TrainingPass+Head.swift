import Gemma
import Numerics

extension TrainingPass {
  /// Loss at the positions that carry weight, and (where asked) the gradient of the last residual stream in `dx`.
  ///
  /// Logits exist for `headRows` positions at a time.
  func head(_ batch: PackedBatch, gradientScale: Float?) -> Loss {
    let count = batch.tokens.count
    if gradientScale != nil { dx.pointer.update(repeating: 0, count: count * c.hiddenSize) }
    var loss = Loss(sum: 0, weight: 0)
    var begin = 0
    while begin < batch.targets.count {
      let end = min(batch.targets.count, begin + headRows)
      let part = Array(batch.targets[begin..<end])
      loss.weight += part.reduce(0) { $0 + Double($1.weight) }
      loss.sum += headChunk(part, gradientScale: gradientScale)
      begin = end
    }
    return loss
  }

  private func headChunk(_ part: [(row: Int, token: Int32, weight: Float)], gradientScale: Float?) -> Double {
    let rows = part.count
    let width = c.hiddenSize
    let vocabulary = c.vocabularySize
    let inverse = FloatBuffer(rows)
    for (i, target) in part.enumerated() {
      inverse.pointer[i] = kernels.rmsNorm(
        final.pointer + target.row * width, gain: model.finalNorm.pointer, count: width, epsilon: c.epsilon,
        into: headNormed.pointer + i * width)
    }
    if model.head.isQuantized { narrow?.load(headNormed.pointer, rows: rows, pool: pool) }
    model.head.multiply(
      headNormed.pointer, quantized: narrow, rows: rows, into: logits.pointer, pool: pool)
    replaceTokenLogits(rows: rows)
    let losses = FloatBuffer(rows)
    pool.split(rows) { range in
      let slopes = c.finalLogitCap.map { _ in FloatBuffer(vocabulary) }
      for i in range {
        let row = logits.pointer + i * vocabulary
        if let cap = c.finalLogitCap {
          softCap(row, count: vocabulary, scale: 1, cap, slopes: slopes?.pointer)
        }
        losses.pointer[i] = kernels.crossEntropy(
          row, count: vocabulary, target: Int(part[i].token), weight: part[i].weight)
        if let slopes {
          for j in 0..<vocabulary { row[j] *= slopes.pointer[j] }
        }
      }
    }
    if let gradientScale {
      let ofTokens = takeTokenGradients(rows: rows, scale: gradientScale)
      headInputGradient.multiply(
        logits.pointer, rows: rows, into: headGradient.pointer, accumulate: false,
        scratch: headGradient.pointer,
        pool: pool)
      addTokenGradients(ofTokens, rows: rows)
      for i in 0..<rows * width { headGradient.pointer[i] *= gradientScale }
      for (i, target) in part.enumerated() {
        kernels.rmsNormBackward(
          final.pointer + target.row * width, gain: model.finalNorm.pointer, inverse: inverse.pointer[i],
          dout: headGradient.pointer + i * width, count: width, addingTo: dx.pointer + target.row * width)
      }
    }
    return losses.array.reduce(0) { $0 + Double($1) }
  }
}
