import Foundation
import Numerics

extension InferenceSession {
  /// `out[T, V]` logits of `rows` rows of the residual stream from `row` on.
  func head(row: Int, rows: Int, into out: UnsafeMutablePointer<Float>) {
    finalNorm(row: row, rows: rows)
    multiply(model.head, normed.pointer, rows, into: out)
    if let cap = c.finalLogitCap { softCap(out, count: rows * c.vocabularySize, cap) }
  }

  /// The input of the head, into the first `rows` rows of `normed`.
  func finalNorm(row: Int, rows: Int) {
    if let streams { merge(streams, row: row, rows: rows) }
    norm(x.pointer + row * c.hiddenSize, model.finalNorm, rows, into: normed.pointer)
  }

  /// `cap · tanh(logit / cap)`.
  private func softCap(_ logits: UnsafeMutablePointer<Float>, count: Int, _ cap: Float) {
    pool.split(count, unit: 64) { range in
      for i in range { logits[i] = cap * tanh(logits[i] / cap) }
    }
  }
}

extension LoRAAdapter.Factors {
  /// `out[t] += scale · B(A x[t])` for `rows` rows; `low` is scratch for `rows · rank` floats.
  func apply(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int, low: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>, pool: WorkerPool
  ) {
    let kernels = Kernels.best
    if rows == 1 {
      for r in 0..<rank { low[r] = scale * kernels.dot(a.pointer + r * inputs, x, count: inputs) }
      for o in 0..<outputs { out[o] += kernels.dot(b.pointer + o * rank, low, count: rank) }
      return
    }
    BLAS.shared.multiply(
      m: rows, n: rank, k: inputs, a: x, lda: inputs, b: a.pointer, ldb: inputs, transposeB: true, c: low,
      ldc: rank,
      pool: pool)
    BLAS.shared.multiply(
      m: rows, n: outputs, k: rank, alpha: scale, a: low, lda: rank, b: b.pointer, ldb: rank,
      transposeB: true,
      beta: 1, c: out, ldc: outputs, pool: pool)
  }
}
