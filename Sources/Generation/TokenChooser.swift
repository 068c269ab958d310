import Foundation
import Numerics

/// Chooses one token from the logits of one position. One chooser per text that is generated.
struct TokenChooser {
  /// A token and its natural log probability under the model's own distribution, before bias and temperature; where only
  /// some tokens are allowed, among those.
  struct Choice: Equatable {
    let token: Int32
    let logProbability: Float
  }

  private let sampling: Sampling
  private let bias: [(token: Int, value: Float)]
  private var random: SeededRandom
  private var scratch: [Float] = []

  init(_ options: DecodingOptions, stream: UInt64 = 0) {
    sampling = options.sampling
    bias = options.logitBias.map { (Int($0.key), $0.value) }.sorted { $0.token < $1.token }
    // SplitMix64 takes any seed; a multiple of its own increment would only shift the same sequence.
    random = SeededRandom(seed: options.sampling.seed ^ (stream &* 0xD6E8_FEB8_6659_FD93))
  }

  /// Whether the choice is the plain top of the distribution.
  var isPlain: Bool { sampling.isGreedy && bias.isEmpty }

  /// Chooses from `logits` (`[count]`); from `allowed` alone where that is given (not empty, ids below `count`). With
  /// `only`, the choice is made and its probability is asked for.
  mutating func choose(
    _ logits: UnsafePointer<Float>, count: Int, allowed: [Int32]? = nil, only: Int32? = nil
  ) -> Choice {
    let token: Int
    if let only {
      token = Int(only)
    } else if isPlain {
      token =
        allowed.map { Self.top($0) { logits[$0] } } ?? Kernels.best.argmax(logits, count: count)
    } else {
      token = chooseBiased(logits, count: count, allowed: allowed)
    }
    let total =
      allowed.map { $0.map { logits[Int($0)] } }?.withUnsafeBufferPointer { values in
        values.baseAddress.map { Kernels.best.logSumExp($0, count: values.count) }
      } ?? Kernels.best.logSumExp(logits, count: count)
    return Choice(token: Int32(token), logProbability: logits[token] - total)
  }

  /// Natural log probability of `token` under `logits` (`[count]`).
  static func logProbability(of token: Int32, _ logits: UnsafePointer<Float>, count: Int) -> Float {
    logits[Int(token)] - Kernels.best.logSumExp(logits, count: count)
  }

  private mutating func chooseBiased(
    _ logits: UnsafePointer<Float>, count: Int, allowed: [Int32]?
  ) -> Int {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: UnsafeBufferPointer(start: logits, count: count))
    for (token, value) in bias where token < count { scratch[token] += value }
    if let allowed {
      // A constraint outranks a bias: where the bias forbids all that is allowed, it does not count.
      if allowed.allSatisfy({ scratch[Int($0)] == -.infinity }) {
        for token in allowed { scratch[Int(token)] = logits[Int(token)] }
      }
      if sampling.isGreedy { return Self.top(allowed) { scratch[$0] } }
      return draw(allowed.map { Int($0) })
    }
    if sampling.isGreedy {
      return scratch.withUnsafeBufferPointer { values in
        values.baseAddress.map { Kernels.best.argmax($0, count: values.count) } ?? 0
      }
    }
    return draw(nil)
  }

  /// The `count` ids with the largest logits, the largest first; biased, and from `allowed` alone where that is given.
  mutating func best(
    _ count: Int, of logits: UnsafePointer<Float>, size: Int, allowed: [Int32]? = nil
  ) -> [Int32] {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: UnsafeBufferPointer(start: logits, count: size))
    for (token, value) in bias where token < size { scratch[token] += value }
    // A constraint outranks a bias, as in `choose`.
    if let allowed, allowed.allSatisfy({ scratch[Int($0)] == -.infinity }) {
      for token in allowed { scratch[Int(token)] = logits[Int(token)] }
    }
    var best: [Int32] = []
    for token in allowed ?? (0..<Int32(size)).map({ $0 }) where scratch[Int(token)] > -.infinity {
      if best.count == count, let last = best.last, scratch[Int(token)] <= scratch[Int(last)] { continue }
      let place = best.firstIndex { scratch[Int(token)] > scratch[Int($0)] } ?? best.count
      best.insert(token, at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }

  private static func top(_ tokens: [Int32], _ value: (Int) -> Float) -> Int {
    var best = Int(tokens[0])
    for token in tokens.dropFirst() where value(Int(token)) > value(best) { best = Int(token) }
    return best
  }

  /// Draws among `tokens`, or among all, by the biased logits in `scratch`.
  private mutating func draw(_ tokens: [Int]?) -> Int {
    let best = tokens.map { $0.reduce(-Float.infinity) { max($0, scratch[$1]) } } ?? scratch.max() ?? 0
    guard best.isFinite else { return tokens?.first ?? scratch.firstIndex(of: best) ?? 0 }
    // A token this far below the best has a probability below the resolution of the sum.
    let floor = best - 40 * sampling.temperature
    var kept = (tokens ?? Array(scratch.indices)).filter { scratch[$0] >= floor }
    kept.sort { scratch[$0] != scratch[$1] ? scratch[$0] > scratch[$1] : $0 < $1 }
    if sampling.topK > 0, kept.count > sampling.topK { kept.removeSubrange(sampling.topK...) }
    var weights = kept.map { exp(Double((scratch[$0] - best) / sampling.temperature)) }
    if sampling.topP < 1 {
      let limit = Double(sampling.topP) * weights.reduce(0, +)
      var sum = 0.0
      let end = weights.firstIndex {
        sum += $0
        return sum >= limit
      }
      if let end { weights.removeSubrange((end + 1)...) }
    }
    if sampling.minP > 0, let end = weights.firstIndex(where: { $0 < Double(sampling.minP) * weights[0] }) {
      weights.removeSubrange(end...)
    }
    var rest = random.uniform() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return kept[index] }
    }
    return kept[weights.count - 1]
  }
}
