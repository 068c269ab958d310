import Gemma
import Numerics

extension TrainingPass {
  /// Loss at the positions that carry weight, and (where asked) the gradient of the last residual stream in `dx`.
  ///
  /// Logits exist for `headRows` positions at a time.
  func head(_ batch: PackedBatch, of sequenceCount: Int, gradientScale: Float?) -> Loss {
    let count = batch.tokens.count
    if gradientScale != nil { dx.pointer.update(repeating: 0, count: count * c.hiddenSize) }
    var loss = Loss(sum: 0, weight: 0, tokenLosses: Array(repeating: [], count: sequenceCount))
    var begin = 0
    while begin < batch.targets.count {
      let end = min(batch.targets.count, begin + headRows)
      let part = Array(batch.targets[begin..<end])
      loss.weight += part.reduce(0) { $0 + Double($1.weight) }
      let losses = headChunk(part, gradientScale: gradientScale)
      loss.sum += losses.reduce(0) { $0 + Double($1.weighted) }
      for (target, one) in zip(part, losses) { loss.tokenLosses[target.sequence].append(one.likelihood) }
      begin = end
    }
    return loss
  }

  /// Weighted losses of some targets, and their negative log likelihoods.
  private func headChunk(
    _ part: [PackedBatch.Target], gradientScale: Float?
  ) -> [(weighted: Float, likelihood: Float)] {
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
    let likelihoods = FloatBuffer(rows)
    pool.split(rows) { range in
      let slopes = c.finalLogitCap.map { _ in FloatBuffer(vocabulary) }
      let softened = part.contains { $0.teacher != nil } ? FloatBuffer(vocabulary) : nil
      for i in range {
        let row = logits.pointer + i * vocabulary
        if let cap = c.finalLogitCap {
          softCap(row, count: vocabulary, scale: 1, cap, slopes: slopes?.pointer)
        }
        (losses.pointer[i], likelihoods.pointer[i]) = lossAndGradient(row, part[i], softened)
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
    return (0..<rows).map { (losses[$0], likelihoods[$0]) }
  }

  /// Turns a row of logits into the gradient of its weighted loss; `softened` is room for a row.
  private func lossAndGradient(
    _ row: UnsafeMutablePointer<Float>, _ target: PackedBatch.Target, _ softened: FloatBuffer?
  ) -> (weighted: Float, likelihood: Float) {
    // Far below any logit, so that neither its probability nor its gradient is more than 0.
    if let excluded = target.excluded { row[Int(excluded)] = -10_000 }
    guard let teacher = target.teacher, let softened else {
      let loss = kernels.crossEntropy(
        row, count: c.vocabularySize, target: Int(target.token), weight: target.weight)
      return (loss, loss / target.weight)
    }
    softened.pointer.update(from: row, count: c.vocabularySize)
    let hard = target.weight * (1 - SparseDistribution.share)
    let loss = kernels.crossEntropy(row, count: c.vocabularySize, target: Int(target.token), weight: hard)
    let soft = teacher.divergence(
      from: softened.pointer, count: c.vocabularySize, weight: target.weight * SparseDistribution.share,
      addingGradientTo: row)
    return (loss + soft, loss / hard)
  }
}
