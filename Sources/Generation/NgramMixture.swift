import Foundation
import Numerics

/// Mixes what the model believes with what followed the same tokens before: in the repository, further up in the file, in the prompt's
/// suffix, and in what has been generated.
///
/// An interpolated n-gram model in the manner of Witten and Bell (1991, method C), whose lowest order is the language model
/// instead of the single tokens' frequencies:
///
///     q_l(t) = (n_l(t) + k · d_l · q_{l−1}(t)) / (n_l + k · d_l),   l = 2, 3, … 12
///
/// where n_l(t) counts t behind the last l tokens (of more than 128 places in the repository an even sample), n_l sums these up, d_l
/// counts distinct followers, k weighs the shorter context, and q_1 is the model's distribution. Ends of holes occur in no text, so the
/// model alone decides on them: their probability stays, and the rest is mixed. A proper distribution at each step.
///
/// A small model knows how code goes on and not what this repository calls things; counting knows the latter without any
/// training. See docs/generation.md for what it brings.
public struct NgramMixture: Sendable {
  /// Text of the repository; nil for the prompt alone.
  public var repository: FollowerIndex?
  /// The weight k of the shorter context, by distinct follower. On 120 holes of httpx and ripgrep the loss per byte
  /// was 0.757 with 4, 0.717 with 8, 0.707 with 12 and 0.705 with 20, and 8 had the most first tokens right.
  public var escapeWeight: Float
  /// Fewest tokens that must agree: behind a single one the model knows better.
  public var shortestContext: Int

  /// Creates a mixture.
  public init(repository: FollowerIndex? = nil, escapeWeight: Float = 8, shortestContext: Int = 2) {
    self.repository = repository
    self.escapeWeight = escapeWeight
    self.shortestContext = max(1, shortestContext)
  }

  /// One position's counts: the distribution is `share` times the model's plus `added`, which sum to 1 − `share`.
  struct Step: Equatable {
    var share: Float
    var added: [Int32: Float]
  }

  /// What is known behind `sequence`, the prompt and what was generated so far; nil where nothing is. Contexts end at the
  /// nearest of `barriers`, and these are no followers.
  func step(behind sequence: [Int32], barriers: Set<Int32>) -> Step? {
    let tail = sequence.suffix(FollowerIndex.longestContext)
    let start = tail.lastIndex { barriers.contains($0) }.map { $0 + 1 } ?? tail.startIndex
    let context = sequence[start...]
    guard context.count >= shortestContext else { return nil }
    let near = Self.matches(of: context, in: sequence, shortest: shortestContext, barriers: barriers)
    let far = repository?.ranges(behind: context) ?? []
    let longest = max(far.count, near.map(\.length).max() ?? 0)
    guard longest >= shortestContext else { return nil }
    var step = Step(share: 1, added: [:])
    var length = shortestContext
    while length <= longest {
      let range = length <= far.count ? far[length - 1] : 0..<0
      let nearCount = near.count { $0.length >= length }
      var last = length
      // Longer contexts that leave the same places count them again: the same step several times.
      while last < longest, (last + 1 <= far.count ? far[last] : 0..<0).count == range.count,
        near.count(where: { $0.length >= last + 1 }) == nearCount
      {
        last += 1
      }
      lengthen(
        &step, near: near.filter { $0.length >= length }.map(\.follower), range, times: last - length + 1)
      length = last + 1
    }
    return step.added.isEmpty ? nil : step
  }

  private func lengthen(_ step: inout Step, near: [Int32], _ range: Range<Int>, times: Int) {
    var counts: [Int32: Float] = [:]
    for token in near { counts[token, default: 0] += 1 }
    if !range.isEmpty { repository?.forEachFollower(in: range) { counts[$0, default: 0] += 1 } }
    let total = counts.values.reduce(0, +)
    guard total > 0 else { return }
    let escape = escapeWeight * Float(counts.count)
    let kept = powf(escape / (total + escape), Float(times))
    step.share *= kept
    for token in step.added.keys { step.added[token]? *= kept }
    for (token, count) in counts { step.added[token, default: 0] += (1 - kept) * count / total }
  }

  /// Earlier places of `sequence` behind at least `shortest` tokens that `context`, its end, ends with: how many agree and what
  /// follows.
  private static func matches(
    of context: ArraySlice<Int32>, in sequence: [Int32], shortest: Int, barriers: Set<Int32>
  ) -> [(length: Int, follower: Int32)] {
    var found: [(length: Int, follower: Int32)] = []
    sequence.withUnsafeBufferPointer { text in
      let last = text[text.count - 1]
      for place in 1..<text.count where text[place - 1] == last {
        var length = 1
        while length < context.count, length < place,
          text[place - 1 - length] == text[text.count - 1 - length]
        {
          length += 1
        }
        if length >= shortest, !barriers.contains(text[place]) { found.append((length, text[place])) }
      }
    }
    return found
  }
}

extension NgramMixture.Step {
  /// Writes the natural logarithms of the mixed probabilities: `logits` are the model's (`[count]`), `ends` the ids that end a
  /// text, in a fixed order: sums in another order are other bits.
  func mix(
    _ logits: UnsafePointer<Float>, count: Int, ends: [Int32], into mixed: UnsafeMutablePointer<Float>
  ) {
    let total = Kernels.best.logSumExp(logits, count: count)
    let shift = logf(share) - total
    for index in 0..<count { mixed[index] = logits[index] + shift }
    var endProbability: Float = 0
    for end in ends where Int(end) < count {
      mixed[Int(end)] = logits[Int(end)] - total
      endProbability += expf(mixed[Int(end)])
    }
    let rest = max(0, 1 - endProbability)
    for (token, probability) in added where Int(token) < count && !ends.contains(token) {
      mixed[Int(token)] = logf(expf(mixed[Int(token)]) + rest * probability)
    }
  }
}

/// A mixture at work for one text: which ids are no text, and room for one distribution.
final class Mixing {
  private let mixture: NgramMixture
  private let ends: [Int32]
  private let barriers: Set<Int32>
  private let buffer: FloatBuffer  // [V]

  /// Text of the repository, from which drafts come too.
  var repository: FollowerIndex? { mixture.repository }

  init(_ mixture: NgramMixture, ends: Set<Int32>, barriers: Set<Int32>, size: Int) {
    self.mixture = mixture
    self.ends = ends.sorted()
    self.barriers = barriers
    buffer = FloatBuffer(size)
  }

  /// Log probabilities in the place of `logits`, the model's behind the last token of `sequence`; valid until the next call. Nil
  /// where nothing is known but what the model says.
  func mixed(_ logits: UnsafePointer<Float>, behind sequence: [Int32]) -> UnsafePointer<Float>? {
    guard let step = mixture.step(behind: sequence, barriers: barriers) else { return nil }
    step.mix(logits, count: buffer.count, ends: ends, into: buffer.pointer)
    return UnsafePointer(buffer.pointer)
  }
}
