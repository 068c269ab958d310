import Gemma
import Numerics

/// Rows of the embedding that an adapter brings, at both ends of the model.
extension TrainingPass {
  private var tokenRows: TrainableAdapter.TokenRows? { usesAdapter ? adapter.tokenRows : nil }

  /// The first layer's input.
  func embed(_ batch: PackedBatch) {
    let first = tapes[0].input.pointer
    let scale = c.embeddingScale
    for (row, token) in batch.tokens.enumerated() {
      let target = first + row * c.hiddenSize
      if let tokenRows, let own = tokenRows.indices[token] {
        target.update(from: tokenRows.rows.value.pointer + own * c.hiddenSize, count: c.hiddenSize)
      } else {
        model.embedding.row(Int(token), into: target)
      }
      for i in 0..<c.hiddenSize { target[i] *= scale }
    }
  }

  /// Adds the gradient of the first layer's input to the rows that it came from.
  func embeddingBackward(_ batch: PackedBatch) {
    guard let tokenRows else { return }
    for (row, token) in batch.tokens.enumerated() {
      guard let own = tokenRows.indices[token] else { continue }
      kernels.axpy(
        c.embeddingScale, dx.pointer + row * c.hiddenSize, count: c.hiddenSize,
        addingTo: tokenRows.rows.gradient.pointer + own * c.hiddenSize)
    }
  }

  /// Whether the head is the embedding, trained rows included.
  private var headRowsOfTokens: TrainableAdapter.TokenRows? {
    model.head === model.embedding ? tokenRows : nil
  }

  /// Puts the logits of trained rows into `logits[rows, V]`, before a cap.
  func replaceTokenLogits(rows: Int) {
    guard let own = headRowsOfTokens else { return }
    let width = c.hiddenSize
    for row in 0..<rows {
      for (index, token) in own.tokens.enumerated() {
        logits.pointer[row * c.vocabularySize + Int(token)] = kernels.dot(
          own.rows.value.pointer + index * width, headNormed.pointer + row * width, count: width)
      }
    }
  }

  /// Takes the gradients of trained rows' logits out of `logits`, where the base's rows would meet them, and adds to the rows'
  /// gradients; `addTokenGradients` takes what it returns.
  func takeTokenGradients(rows: Int, scale: Float) -> [Float] {
    guard let own = headRowsOfTokens else { return [] }
    let width = c.hiddenSize
    var taken: [Float] = []
    for row in 0..<rows {
      for (index, token) in own.tokens.enumerated() {
        let place = row * c.vocabularySize + Int(token)
        let slope = logits.pointer[place]
        taken.append(slope)
        logits.pointer[place] = 0
        kernels.axpy(
          slope * scale, headNormed.pointer + row * width, count: width,
          addingTo: own.rows.gradient.pointer + index * width)
      }
    }
    return taken
  }

  /// Adds what comes back through trained rows to `headGradient[rows, H]`.
  func addTokenGradients(_ taken: [Float], rows: Int) {
    guard let own = headRowsOfTokens else { return }
    let width = c.hiddenSize
    for row in 0..<rows {
      for index in own.tokens.indices {
        kernels.axpy(
          taken[row * own.tokens.count + index], own.rows.value.pointer + index * width, count: width,
          addingTo: headGradient.pointer + row * width)
      }
    }
  }
}
