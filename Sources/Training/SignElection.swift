import Numerics

/// Merging entry by entry: what is dropped, which sign wins, what becomes of the entries that have it.
enum SignElection {
  /// Which entries are dropped before the election.
  enum Dropping { case smallest, random }

  /// Sets all but the `share · count` largest magnitudes to 0; of equal ones the first are kept.
  static func keepLargest(_ values: inout [Float], share: Double) {
    let kept = Int(share * Double(values.count))
    guard kept < values.count else { return }
    // Magnitudes of f32 are ordered as their bits: two histograms of 16 bits find the border without sorting.
    var high = [Int](repeating: 0, count: 1 << 15)
    for value in values { high[Int(value.magnitude.bitPattern >> 16)] += 1 }
    let (bin, above) = border(high, kept)
    var low = [Int](repeating: 0, count: 1 << 16)
    for value in values where Int(value.magnitude.bitPattern >> 16) == bin {
      low[Int(value.magnitude.bitPattern & 0xFFFF)] += 1
    }
    let (rest, larger) = border(low, kept - above)
    let threshold = UInt32(bin) << 16 | UInt32(rest)
    var equal = kept - above - larger
    for index in values.indices {
      let bits = values[index].magnitude.bitPattern
      if bits > threshold { continue }
      if bits == threshold, equal > 0 {
        equal -= 1
      } else {
        values[index] = 0
      }
    }
  }

  /// The bin, counted from the top, in which the `wanted`-th entry lies, and how many lie above it.
  private static func border(_ counts: [Int], _ wanted: Int) -> (bin: Int, above: Int) {
    var above = 0
    for bin in counts.indices.reversed() {
      if above + counts[bin] >= wanted { return (bin, above) }
      above += counts[bin]
    }
    return (0, above)
  }

  /// Keeps each entry with probability `share` and scales it by `1 / share`, so that the expected sum stays.
  static func keepAtRandom(_ values: inout [Float], share: Double, seed: UInt64) {
    guard share < 1 else { return }
    var random = SeededRandom(seed: seed)
    let factor = Float(1 / share)
    for index in values.indices { values[index] = random.uniform() < share ? values[index] * factor : 0 }
  }

  /// mergekit's consensus: the sign of the sum of the weighted entries (0 counts as positive); those that have it are added
  /// and, for the mean, divided by the sum of their weights.
  static func mergekit(
    _ weighted: [[Float]], weights: [Float], consensus: AdapterMerge.Consensus
  ) -> [Float] {
    (0..<(weighted.first?.count ?? 0)).map { index in
      var total: Float = 0
      for values in weighted { total += values[index] }
      var (sum, share): (Float, Float) = (0, 0)
      for (values, weight) in zip(weighted, weights) {
        let value = values[index]
        guard value != 0, (value > 0) == (total >= 0) else { continue }
        sum += value
        share += weight
      }
      return consensus == .sum || abs(share) < 1e-8 ? sum : sum / share
    }
  }

  /// PEFT's: magnitudes trimmed, the sign of the sum without weights, weighted entries divided by how many agree.
  static func peft(_ values: [[Float]], weights: [Float], density: Double) -> [Float] {
    let kept = values.map { values in
      var values = values
      keepLargest(&values, share: density)
      return values
    }
    return (0..<(kept.first?.count ?? 0)).map { index in
      var total: Float = 0
      for values in kept { total += values[index] }
      var (sum, count): (Float, Float) = (0, 0)
      for (values, weight) in zip(kept, weights) {
        let value = values[index]
        guard value != 0, (value > 0) == (total >= 0) else { continue }
        sum += value * weight
        count += 1
      }
      return sum / max(1, count)
    }
  }

  /// `Σ w v`.
  static func weightedSum(_ values: [[Float]], weights: [Float]) -> [Float] {
    (0..<(values.first?.count ?? 0)).map { index in
      zip(values, weights).reduce(Float(0)) { $0 + $1.0[index] * $1.1 }
    }
  }
}
