import Testing

@testable import Numerics

@Suite("Choice of scales")
struct QuantizationTests {
  /// Rows of ordinary weights with a few outliers, and weights of columns over three orders of magnitude.
  private func sample(rows: Int = 40, columns: Int = 256) -> (floats: [Float], weights: [Float]) {
    var random = SeededRandom(seed: 11)
    let floats = (0..<rows * columns).map { index in
      let sum = (0..<4).reduce(Float(0)) { total, _ in total + random.uniform(within: 1) }
      return index % 97 == 0 ? sum * 4 : sum
    }
    return (floats, (0..<columns).map { _ in Float(1) / (0.001 + abs(random.uniform(within: 1))) })
  }

  /// Weighted squared error of the decoded blocks.
  private func error(
    _ format: BlockFormat, _ floats: [Float], columns: Int, _ rounding: BlockFormat.Rounding,
    weights: [Float]? = nil
  ) -> Double {
    let bytes = floats.withUnsafeBufferPointer { format.quantize($0, columns: columns, rounding: rounding) }
    var decoded = [Float](repeating: 0, count: floats.count)
    bytes.withUnsafeBytes { source in
      decoded.withUnsafeMutableBufferPointer { format.dequantize(source, into: $0) }
    }
    return floats.indices.reduce(0) { total, index in
      let difference = Double(floats[index] - decoded[index])
      return total + difference * difference * Double(weights?[index % columns] ?? 1)
    }
  }

  @Test func theSearchBeatsRoundingToNearest() {
    let (floats, _) = sample()
    let four = error(.q4_0, floats, columns: 256, .leastError(columnWeights: nil))
    #expect(four < 0.92 * error(.q4_0, floats, columns: 256, .toNearest), "\(four)")
    let eight = error(.q8_0, floats, columns: 256, .leastError(columnWeights: nil))
    #expect(eight < 0.99 * error(.q8_0, floats, columns: 256, .toNearest), "\(eight)")
  }

  @Test(arguments: [BlockFormat.q4_0, .q8_0])
  func weightsOfColumnsLowerTheWeightedError(format: BlockFormat) {
    let (floats, weights) = sample()
    let blind = error(format, floats, columns: 256, .leastError(columnWeights: nil), weights: weights)
    let seeing = error(format, floats, columns: 256, .leastError(columnWeights: weights), weights: weights)
    #expect(seeing < 0.95 * blind, "\(seeing) against \(blind)")
  }

  /// No block may come out worse than with the obvious scale.
  @Test(arguments: [BlockFormat.q4_0, .q8_0])
  func noBlockIsWorse(format: BlockFormat) {
    let (floats, _) = sample(rows: 60, columns: 32)
    for start in stride(from: 0, to: floats.count, by: 32) {
      let block = Array(floats[start..<start + 32])
      let found = error(format, block, columns: 32, .leastError(columnWeights: nil))
      #expect(found <= error(format, block, columns: 32, .toNearest) * 1.0001)
    }
  }

  /// The best scale of a dense grid is hardly better than the one that the search finds.
  @Test func theSearchIsNearTheOptimum() {
    let (floats, _) = sample(rows: 20, columns: 32)
    var found = 0.0
    var optimum = 0.0
    for start in stride(from: 0, to: floats.count, by: 32) {
      let block = Array(floats[start..<start + 32])
      found += error(.q4_0, block, columns: 32, .leastError(columnWeights: nil))
      let largest = block.map(abs).max() ?? 0
      optimum += (1...4_000).reduce(Double.infinity) { best, step in
        let scale = largest / 4 * Float(step) / 4_000
        return [scale, -scale].reduce(best) { best, scale in
          min(
            best,
            block.reduce(0) { total, value in
              let level = min(max((value / scale).rounded(), -8), 7)
              return total + Double((value - scale * level) * (value - scale * level))
            })
        }
      }
    }
    #expect(found < 1.01 * optimum, "\(found) against \(optimum)")
  }

  @Test func extremesStayWhatTheyAre() {
    for format in [BlockFormat.q4_0, .q8_0] {
      for rounding in [BlockFormat.Rounding.toNearest, .leastError(columnWeights: nil)] {
        #expect(error(format, [Float](repeating: 0, count: 32), columns: 32, rounding) == 0)
        #expect(error(format, [Float](repeating: 3e38, count: 32), columns: 32, rounding).isFinite)
        #expect(error(format, [.nan] + [Float](repeating: 1, count: 31), columns: 32, rounding).isNaN)
      }
      let zeroWeights = BlockFormat.Rounding.leastError(columnWeights: [Float](repeating: 0, count: 32))
      let (floats, _) = sample(rows: 1, columns: 32)
      #expect(error(format, floats, columns: 32, zeroWeights) < 1)
    }
  }
}
