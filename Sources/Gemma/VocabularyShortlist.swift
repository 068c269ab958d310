import Foundation
import Numerics

/// Some rows of the output head, for the tokens that code uses: most of what a small Gemma reads per token is rows of
/// tokens that never occur in it.
public final class VocabularyShortlist: Sendable {
  /// A token that the shortlist was sure enough of.
  public struct Choice: Sendable {
    /// Its id in the whole vocabulary.
    public let token: Int32
    /// Natural log of its share of the probability of the shortlist's tokens: an upper bound of its log probability.
    public let logProbability: Float
  }

  /// Ids of the tokens, ascending.
  public let ids: [Int32]
  /// The rows of the head for these tokens. `[ids.count, hidden]`
  public let head: Linear
  /// Where the best token's share is below this, the whole vocabulary has to be asked.
  public let leastShare: Float

  /// Gathers the rows of `ids` out of the head of `model`, bit for bit.
  ///
  /// - Throws: `GemmaError.shortlist` where the ids are not ascending ids of the model, or `leastShare` is no share.
  public init(_ ids: [Int32], leastShare: Float, model: GemmaModel) throws(GemmaError) {
    let size = model.configuration.vocabularySize
    guard let first = ids.first, let last = ids.last, first >= 0, Int(last) < size else {
      throw .shortlist(path: model.path, problem: "has no ids, or ids beyond the vocabulary of \(size)")
    }
    guard zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw .shortlist(path: model.path, problem: "has ids that are not ascending")
    }
    guard leastShare >= 0, leastShare <= 1 else {
      throw .shortlist(path: model.path, problem: "has a least share of \(leastShare), not in 0...1")
    }
    self.ids = ids
    self.leastShare = leastShare
    head = model.head.gathering(ids.map { Int($0) })
  }

  /// The best token by `logits` (`[ids.count]`, of `head`); nil where it is not sure enough.
  public func decide(_ logits: UnsafePointer<Float>, kernels: Kernels = .best) -> Choice? {
    let best = kernels.argmax(logits, count: ids.count)
    let share = logits[best] - kernels.logSumExp(logits, count: ids.count)
    // NaN is not sure of anything.
    guard share >= logShare else { return nil }
    return Choice(token: ids[best], logProbability: share)
  }

  private var logShare: Float { leastShare > 0 ? log(leastShare) : -.infinity }

  /// Checks that it was made for a model of this shape.
  ///
  /// - Throws: `GemmaError.shortlist`.
  public func check(against model: GemmaModel) throws(GemmaError) {
    let c = model.configuration
    guard head.inputs == c.hiddenSize, let last = ids.last, Int(last) < c.vocabularySize else {
      throw .shortlist(path: model.path, problem: "belongs to a model of another shape")
    }
  }
}

extension Linear {
  /// A matrix of the given rows of this one, in that order.
  func gathering(_ rows: [Int]) -> Linear {
    switch storage {
    case .quantized(let matrix):
      return Linear(outputs: rows.count, inputs: inputs, storage: .quantized(matrix.gathering(rows)))
    case .dense(let weights):
      let some = FloatBuffer(rows.count * inputs)
      for (to, from) in rows.enumerated() {
        (some.pointer + to * inputs).update(from: weights.pointer + from * inputs, count: inputs)
      }
      return Linear(outputs: rows.count, inputs: inputs, storage: .dense(some))
    }
  }
}
