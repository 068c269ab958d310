import Foundation
import Numerics

extension InferenceSession {
  /// `out[rows, V]` logits of `rows` rows of the residual stream from `row` on, by `head`.
  func head(
    _ head: Linear, row: Int, rows: Int, into out: UnsafeMutablePointer<Float>, _ member: TeamMember
  ) {
    member.wait()
    finalNorm(row: row, rows: rows, member)
    if let inputObserver {
      member.wait()
      member.single { inputObserver(.head, normed, rows, hiddenSize) }
    }
    product(head, normed, rows, into: out, member)
    if head === model.embedding, let adapter { replaceTokenRows(adapter, rows, into: out, member) }
    guard let cap = c.finalLogitCap else { return }
    for i in member.share(rows * head.outputs, unit: 64) { out[i] = cap * tanh(out[i] / cap) }
  }

  /// Logits of the tokens whose rows the adapter replaces: the head is the embedding.
  private func replaceTokenRows(
    _ adapter: LoRAAdapter, _ rows: Int, into out: UnsafeMutablePointer<Float>, _ member: TeamMember
  ) {
    guard !adapter.tokenRows.isEmpty else { return }
    member.single {
      for (token, own) in adapter.tokenRows {
        for row in 0..<rows {
          out[row * c.vocabularySize + Int(token)] = kernels.dot(
            own.pointer, normed + row * c.hiddenSize, count: c.hiddenSize)
        }
      }
    }
  }

  /// The input of the head, into the member's own of the first `rows` rows of `normed`.
  func finalNorm(row: Int, rows: Int, _ member: TeamMember) {
    if let streams {
      merge(streams, row: row, rows: rows, member)
      let own = member.share(rows)
      norm(streams.merged.pointer, model.finalNorm, rows: own, into: normed)
      return
    }
    let h = c.hiddenSize
    for own in member.share(rows) {
      norm(x + (row + own) * h, model.finalNorm, rows: 0..<1, into: normed + own * h)
    }
  }
}
