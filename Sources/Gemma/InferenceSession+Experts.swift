import Foundation
import Numerics

/// Buffers of a mixture of experts: rows of tokens gathered by expert.
final class ExpertScratch {
  let input: FloatBuffer  // [T, H]
  let sum: FloatBuffer  // [T, H]
  let gathered: FloatBuffer  // [T, H]
  let gate: FloatBuffer  // [T, F]
  let up: FloatBuffer  // [T, F]
  let output: FloatBuffer  // [T, H]

  /// Nil for a model without experts.
  init?(_ c: GemmaConfiguration, chunk: Int) {
    let inner = c.layers.compactMap { $0.experts?.intermediateSize }
    guard let width = inner.max() else { return nil }
    input = FloatBuffer(chunk * c.hiddenSize)
    sum = FloatBuffer(chunk * c.hiddenSize)
    gathered = FloatBuffer(chunk * c.hiddenSize)
    gate = FloatBuffer(chunk * width)
    up = FloatBuffer(chunk * width)
    output = FloatBuffer(chunk * c.hiddenSize)
  }
}

extension InferenceSession {
  /// Adds the experts' output to the dense MLP's in `normed`, each behind its own norm. The router and the experts read the
  /// residual stream before the MLP.
  func addExperts(
    _ experts: GemmaModel.Experts, _ d: LayerDescription, _ scratch: ExpertScratch, _ count: Int
  ) {
    norm(normed.pointer, experts.denseNorm, count, into: normed.pointer)
    norm(x.pointer, experts.inputNorm, count, into: scratch.input.pointer)
    scratch.sum.pointer.update(repeating: 0, count: count * c.hiddenSize)
    for (expert, tokens) in route(experts, d, count).sorted(by: { $0.key < $1.key }) {
      run(experts.experts[expert], tokens, scratch)
    }
    norm(scratch.sum.pointer, experts.outputNorm, count, into: scratch.sum.pointer)
    kernels.axpy(1, scratch.sum.pointer, count: count * c.hiddenSize, addingTo: normed.pointer)
  }

  /// For each expert the tokens that use it, with their weights: the softmax over all experts, cut to the best, made to sum to
  /// 1 and scaled per expert.
  private func route(
    _ experts: GemmaModel.Experts, _ d: LayerDescription, _ count: Int
  ) -> [Int: [(row: Int, weight: Float)]] {
    guard let sizes = d.experts else { return [:] }
    let h = c.hiddenSize
    var chosen: [Int: [(row: Int, weight: Float)]] = [:]
    let routed = FloatBuffer(h)
    let probabilities = FloatBuffer(sizes.count)
    for row in 0..<count {
      norm(x.pointer + row * h, experts.routerNorm, 1, into: routed.pointer)
      for expert in 0..<sizes.count {
        probabilities[expert] = kernels.dot(
          experts.router.pointer + expert * h, routed.pointer, count: h)
      }
      kernels.softmax(probabilities.pointer, count: sizes.count, scale: 1)
      let best = (0..<sizes.count).sorted { probabilities[$0] > probabilities[$1] }.prefix(sizes.active)
      let total = best.reduce(Float(0)) { $0 + probabilities[$1] }
      for expert in best {
        let weight = probabilities[expert] / total * experts.scales[expert]
        chosen[expert, default: []].append((row, weight))
      }
    }
    return chosen
  }

  /// One expert's gated MLP over the tokens that chose it, added with their weights.
  private func run(
    _ expert: GemmaModel.Experts.Expert, _ tokens: [(row: Int, weight: Float)], _ scratch: ExpertScratch
  ) {
    let h = c.hiddenSize
    let count = tokens.count
    for (index, token) in tokens.enumerated() {
      (scratch.gathered.pointer + index * h).update(from: scratch.input.pointer + token.row * h, count: h)
    }
    let input = quantize(scratch.gathered.pointer, for: [expert.gate, expert.up], count)
    expert.gate.multiply(
      scratch.gathered.pointer, quantized: input, rows: count, into: scratch.gate.pointer, pool: pool)
    expert.up.multiply(
      scratch.gathered.pointer, quantized: input, rows: count, into: scratch.up.pointer, pool: pool)
    gelu(scratch.gate.pointer, scratch.up.pointer, count * expert.gate.outputs)
    multiply(expert.down, scratch.gate.pointer, count, into: scratch.output.pointer)
    for (index, token) in tokens.enumerated() {
      kernels.axpy(
        token.weight, scratch.output.pointer + index * h, count: h,
        addingTo: scratch.sum.pointer + token.row * h)
    }
  }
}
