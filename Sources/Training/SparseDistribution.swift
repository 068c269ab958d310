import Foundation
import Numerics

/// A teacher's distribution over the next token: its most probable tokens, and the mass of all others together.
///
/// 32 tokens and a rest take some 200 bytes; the whole row of a Gemma takes half a megabyte.
public struct SparseDistribution: Sendable, Equatable {
  /// How many tokens are kept.
  public static let size = 32
  /// Temperature at which teacher and student are compared (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural
  /// network", 2015).
  public static let temperature: Float = 2
  /// Share of the divergence in the loss; the rest is that of the plain cross entropy.
  public static let share: Float = 0.5

  /// Ids of the kept tokens.
  public let tokens: [Int32]
  /// Their probabilities at `temperature`.
  public let probabilities: [Float]
  /// Probability of all other tokens together.
  public let rest: Float

  /// Keeps the largest of `logits` (`[count]`).
  public init(logits: UnsafePointer<Float>, count: Int) {
    let kept = Self.largest(logits, count: count)
    let top = kept.first.map { logits[Int($0)] } ?? 0
    var sum = 0.0
    for index in 0..<count { sum += Double(exp((logits[index] - top) / Self.temperature)) }
    tokens = kept
    probabilities = kept.map { Float(Double(exp((logits[Int($0)] - top) / Self.temperature)) / sum) }
    rest = max(0, 1 - probabilities.reduce(0, +))
  }

  private static func largest(_ logits: UnsafePointer<Float>, count: Int) -> [Int32] {
    var best: [Int32] = []
    for token in 0..<count {
      if best.count == size, let last = best.last, logits[token] <= logits[Int(last)] { continue }
      // Binary search for the place behind all that are at least as large.
      var (low, high) = (0, best.count)
      while low < high {
        let middle = (low + high) / 2
        if logits[Int(best[middle])] >= logits[token] { low = middle + 1 } else { high = middle }
      }
      best.insert(Int32(token), at: low)
      if best.count > size { best.removeLast() }
    }
    return best
  }

  /// `weight · T² · KL(teacher ‖ student)`, where all tokens that are not kept count as one; adds its gradient to `gradient`.
  ///
  /// With p the student's probabilities at T and q the teacher's, the gradient by the logit of a kept token is
  /// `T (p − q)`, and by that of any other `T p (1 − q_rest / p_rest)`.
  ///
  /// - Parameter logits: the student's, `[count]`; left as its probabilities.
  func divergence(
    from logits: UnsafeMutablePointer<Float>, count: Int, weight: Float,
    addingGradientTo gradient: UnsafeMutablePointer<Float>
  ) -> Float {
    let temperature = Self.temperature
    let kernels = Kernels.best
    kernels.softmax(logits, count: count, scale: 1 / temperature)
    let student = tokens.map { logits[Int($0)] }
    for token in tokens { logits[Int(token)] = 0 }
    var others = 0.0
    for index in 0..<count { others += Double(logits[index]) }
    let studentRest = max(Float(others), .leastNormalMagnitude)
    var loss = rest > 0 ? rest * log(rest / studentRest) : 0
    kernels.axpy(
      weight * temperature * (1 - rest / studentRest), logits, count: count, addingTo: gradient)
    for (index, token) in tokens.enumerated() {
      let (p, q) = (student[index], probabilities[index])
      if q > 0 { loss += q * log(q / max(p, .leastNormalMagnitude)) }
      gradient[Int(token)] += weight * temperature * (p - q)
    }
    return weight * temperature * temperature * loss
  }
}
