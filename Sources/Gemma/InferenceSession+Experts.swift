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
  /// The experts of each token: `[T, active]`.
  let choices: Buffer<Choice>
  private let probabilities: FloatBuffer  // [threads, experts]
  private let routed: FloatBuffer  // [threads, H]
  /// For each expert that any token chose, these tokens with their weights.
  var chosen: [Int: [(row: Int, weight: Float)]] = [:]

  /// One expert of one token.
  struct Choice: BitwiseCopyable {
    var expert = 0
    var weight: Float = 0
  }

  /// Nil for a model without experts.
  init?(_ c: GemmaConfiguration, chunk: Int, threads: Int) {
    let experts = c.layers.compactMap(\.experts)
    let inner = experts.map(\.intermediateSize)
    guard let width = inner.max() else { return nil }
    input = FloatBuffer(chunk * c.hiddenSize)
    sum = FloatBuffer(chunk * c.hiddenSize)
    gathered = FloatBuffer(chunk * c.hiddenSize)
    gate = FloatBuffer(chunk * width)
    up = FloatBuffer(chunk * width)
    output = FloatBuffer(chunk * c.hiddenSize)
    choices = Buffer(chunk * (experts.map(\.active).max() ?? 0))
    probabilities = FloatBuffer(threads * (experts.map(\.count).max() ?? 0))
    routed = FloatBuffer(threads * c.hiddenSize)
  }

  /// One thread's room for the probabilities of `count` experts and for a normed row of `width`.
  func room(_ member: TeamMember, count: Int, width: Int) -> (
    probabilities: UnsafeMutablePointer<Float>, routed: UnsafeMutablePointer<Float>
  ) {
    (probabilities.pointer + member.rank * count, routed.pointer + member.rank * width)
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
    guard let sizes = d.experts else { return }
    for row in rows { route(row, experts, sizes, scratch, member) }
    member.wait()
    member.single {
      scratch.chosen = [:]
      for row in 0..<count {
        for choice in row * sizes.active..<(row + 1) * sizes.active {
          scratch.chosen[scratch.choices[choice].expert, default: []].append(
            (row, scratch.choices[choice].weight))
        }
      }
    }
    for expert in scratch.chosen.keys.sorted() {
      run(experts.experts[expert], scratch.chosen[expert] ?? [], scratch, member)
    }
    member.wait()
    norm(scratch.sum.pointer, experts.outputNorm, rows: rows, into: scratch.sum.pointer)
    kernels.axpy(
      1, scratch.sum.pointer + rows.lowerBound * h, count: rows.count * h,
      addingTo: branch + rows.lowerBound * h)
  }

  /// The experts of one token with their weights: the softmax over all experts, cut to the best, made to sum to 1 and
  /// scaled per expert.
  private func route(
    _ row: Int, _ experts: GemmaModel.Experts, _ sizes: LayerDescription.Experts, _ scratch: ExpertScratch,
    _ member: TeamMember
  ) {
    let h = hiddenSize
    let (probabilities, routed) = scratch.room(member, count: sizes.count, width: h)
    norm(x + row * h, experts.routerNorm, rows: 0..<1, into: routed)
    for expert in 0..<sizes.count {
      probabilities[expert] = kernels.dot(experts.router.pointer + expert * h, routed, count: h)
    }
    kernels.softmax(probabilities, count: sizes.count, scale: 1)
    let best = (0..<sizes.count).sorted { probabilities[$0] > probabilities[$1] }.prefix(sizes.active)
    let total = best.reduce(Float(0)) { $0 + probabilities[$1] }
    for (index, expert) in best.enumerated() {
      scratch.choices[row * sizes.active + index] = ExpertScratch.Choice(
        expert: expert, weight: probabilities[expert] / total * experts.scales[expert])
    }
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
