import CKernels

/// The scale of a block of 32 with the smallest weighted squared error: `Σ wᵢ (xᵢ − s · qᵢ)²`, where the levels q are
/// integers in a range and each element takes the nearest.
///
/// For given levels the best scale is `s = Σwxq / Σwq²`, and what remains is `Σwx² − (Σwxq)² / Σwq²`. Candidates put
/// the element of greatest magnitude on levels around the end of the range (beyond it the tail is clipped, before it the
/// grid is finer); each gives levels, the levels give a scale and an error, and the best is refined until its levels
/// stay. The weights are usually the mean squares of the inputs that the elements meet, by which the error in the
/// output of a product is least.
struct ScaleSearch {
  private let levels: ck_levels
  /// Where the candidates put the element of greatest magnitude.
  private let reaches: [Float]

  /// Levels −8…7: the ends differ, so that both signs of the scale are tried.
  static let fourBits: ScaleSearch = {
    let positive = stride(from: Float(5.75), through: 10, by: 0.125)
    return ScaleSearch(
      levels: ck_levels(lowest: -8, highest: 7), reaches: positive.map { -$0 } + positive.map { $0 })
  }()

  /// Levels −127…127.
  static let eightBits = ScaleSearch(
    levels: ck_levels(lowest: -127, highest: 127),
    reaches: stride(from: Float(119), through: 129, by: 0.5).map { $0 })

  /// The scale, as half precision holds it, or 0 when nothing is better than zeros; `magnitude` is the greatest one.
  ///
  /// - Precondition: 32 elements, all finite, and 32 weights, finite and not negative, or none: then all count alike.
  func scale(_ elements: UnsafePointer<Float>, weights: UnsafePointer<Float>?, magnitude: Float) -> Float {
    // Elements and weights of ordinary size, whatever their unit, so that no square overflows.
    guard magnitude > 1e-30 else { return 0 }
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { scratch in
      guard let x = scratch.baseAddress else { return 0 }
      let w = x + 32
      var largest: Float = 0
      for index in 0..<32 {
        x[index] = elements[index] / magnitude
        w[index] = weights?[index] ?? 1
        largest = max(largest, w[index])
      }
      for index in 0..<32 { w[index] = largest > 0 ? w[index] / largest : 1 }
      let best = reaches.withUnsafeBufferPointer {
        ck_best_scale(x, w, levels, $0.baseAddress, Int64($0.count))
      }
      return nearestHalf(best * magnitude) { ck_scale_error(x, w, levels, $0 / magnitude) }
    }
  }

  /// Of `scale` as half precision holds it and its two neighbours there, the one with the smallest error.
  private func nearestHalf(_ scale: Float, _ error: (Float) -> Float) -> Float {
    let middle = Float16(HalfFloat.round(scale))
    guard middle != 0 else { return 0 }
    var best = Float(middle)
    var bestError = error(best)
    for neighbour in [middle.nextUp, middle.nextDown] where neighbour.isFinite && neighbour != 0 {
      let neighbourError = error(Float(neighbour))
      if neighbourError < bestError { (best, bestError) = (Float(neighbour), neighbourError) }
    }
    return best
  }
}
