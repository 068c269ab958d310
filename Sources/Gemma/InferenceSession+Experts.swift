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
  /// For each expert that any token chose, these tokens with their weights.
  var chosen: [Int: [(row: Int, weight: Float)]] = [:]

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
  /// Adds the experts' output to the dense MLP's in `branch`, each behind its own norm. The router and the experts read the
  /// residual stream before the MLP.
  func addExperts(
    _ index: Int, _ scratch: ExpertScratch, _ count: Int, _ member: TeamMember
  ) {
    guard let experts = model.layers[index].experts else { return }
    let d = layers[index].description
    let rows = member.share(count)
    let h = c.hiddenSize
    norm(branch, experts.denseNorm, rows: rows, into: branch)
    norm(x, experts.inputNorm, rows: rows, into: scratch.input.pointer)
    (scratch.sum.pointer + rows.lowerBound * h).update(repeating: 0, count: rows.count * h)
    member.wait()
    member.single { scratch.chosen = route(experts, d, count) }
    for expert in scratch.chosen.keys.sorted() {
      run(experts.experts[expert], scratch.chosen[expert] ?? [], scratch, member)
    }
    member.wait()
    norm(scratch.sum.pointer, experts.outputNorm, rows: rows, into: scratch.sum.pointer)
    kernels.axpy(
      1, scratch.sum.pointer + rows.lowerBound * h, count: rows.count * h,
      addingTo: branch + rows.lowerBound * h)
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
      norm(x + row * h, experts.routerNorm, rows: 0..<1, into: routed.pointer)
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
    _ expert: GemmaModel.Experts.Expert, _ tokens: [(row: Int, weight: Float)], _ scratch: ExpertScratch,
    _ member: TeamMember
  ) {
    let h = c.hiddenSize
    let count = tokens.count
    let own = member.share(count)
    for index in own {
      (scratch.gathered.pointer + index * h).update(
        from: scratch.input.pointer + tokens[index].row * h, count: h)
    }
    product(expert.gate, scratch.gathered.pointer, count, into: scratch.gate.pointer, member)
    product(expert.up, scratch.gathered.pointer, count, into: scratch.up.pointer, member)
    let width = expert.gate.outputs
    for index in own {
      let gate = scratch.gate.pointer + index * width
      kernels.geluMul(gate: gate, up: scratch.up.pointer + index * width, count: width, into: gate)
    }
    product(expert.down, scratch.gate.pointer, count, into: scratch.output.pointer, member)
    for index in own {
      kernels.axpy(
        tokens[index].weight, scratch.output.pointer + index * h, count: h,
        addingTo: scratch.sum.pointer + tokens[index].row * h)
    }
  }
}
