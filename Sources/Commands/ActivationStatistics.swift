import Gemma

/// Mean squares of what each column of a matrix is multiplied with while a model reads code.
struct ActivationStatistics {
  private var sums: [TensorRole: [Double]] = [:]
  private var counts: [TensorRole: Int] = [:]

  /// Takes `rows` rows of a matrix's input, `[rows, columns]`.
  mutating func add(_ role: TensorRole, _ values: UnsafePointer<Float>, rows: Int, columns: Int) {
    var sum = sums.removeValue(forKey: role) ?? [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = Double(values[row * columns + column])
        sum[column] += value * value
      }
    }
    sums[role] = sum
    counts[role, default: 0] += rows
  }

  /// One weight for each column of the matrix; nil where nothing was seen.
  ///
  /// A small share of the mean goes to all, since a column that was silent here may speak elsewhere.
  func columnWeights(_ role: TensorRole) -> [Float]? {
    // A tied embedding is multiplied as the head.
    let key = role == .embedding ? .head : role
    guard let sum = sums[key], let count = counts[key], count > 0 else { return nil }
    let mean = sum.reduce(0, +) / Double(sum.count * count)
    guard mean > 0, mean.isFinite else { return nil }
    return sum.map { Float(($0 / Double(count) + 0.02 * mean) / (1.02 * mean)) }
  }
}
