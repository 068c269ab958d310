import Numerics
import Testing

@Suite("Block formats")
struct BlockFormatTests {
  private func dequantized(_ format: BlockFormat, _ bytes: [UInt8], count: Int) -> [Float] {
    var result = [Float](repeating: .nan, count: count)
    bytes.withUnsafeBytes { source in
      result.withUnsafeMutableBufferPointer { format.dequantize(source, into: $0) }
    }
    return result
  }

  private func roundTrip(_ format: BlockFormat, _ floats: [Float]) -> [Float] {
    dequantized(format, floats.withUnsafeBufferPointer { format.quantize($0) }, count: floats.count)
  }

  private func relativeError(_ format: BlockFormat, _ floats: [Float]) -> Float {
    let squared = zip(floats, roundTrip(format, floats)).reduce(Float(0)) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }
    return (squared / floats.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test func countsBytesAndRefusesOverflow() {
    #expect(BlockFormat.q4_0.byteCount(elements: 64) == 36)
    #expect(BlockFormat.q8_0.byteCount(elements: 64) == 68)
    #expect(BlockFormat.q8_0.byteCount(elements: 33) == nil)
    #expect(BlockFormat.f32.byteCount(elements: -1) == nil)
    #expect(BlockFormat.f32.byteCount(elements: .max) == nil)
    for format in BlockFormat.allCases { #expect(BlockFormat(ggmlType: format.ggmlType) == format) }
    #expect(BlockFormat(ggmlType: 10) == nil)
  }

  @Test func plainFormatsRoundToNearest() {
    let values: [Float] = [
      0, -0.0, 1, -1.5, 65504, 1e-8, .infinity, -.infinity, 3.14159265, 1.00390625, 1.01171875,
    ]
    #expect(roundTrip(.f32, values) == values)
    #expect(roundTrip(.f16, values) == values.map { Float(Float16($0)) })
    let rounded = roundTrip(.bf16, values)
    #expect(rounded[4] == 65536 && rounded[6] == .infinity && rounded[8] == 3.140625)
    // Ties go to the even neighbour.
    #expect(rounded[9] == 1 && rounded[10] == 1.015625)
    for format in [BlockFormat.f32, .f16, .bf16] { #expect(roundTrip(format, [.nan])[0].isNaN) }
  }

  @Test func layoutsAreThoseOfGGML() {
    // Scale 0.5 (0x3800) and simple rows of levels: worked out by hand from the definitions.
    let eight: [UInt8] = [0x00, 0x38] + (1...32).map { UInt8($0) }
    #expect(dequantized(.q8_0, eight, count: 32) == (1...32).map { Float($0) / 2 })
    let four: [UInt8] = [0x00, 0x38] + (0..<16).map { UInt8($0 | (15 - $0) << 4) }
    let low: [Float] = (0..<16).map { Float($0 - 8) / 2 }
    let expected: [Float] = low + low.map { -0.5 - $0 }
    #expect(dequantized(.q4_0, four, count: 32) == expected)
  }

  @Test func quantisedBlocksStayWithinHalfAStep() {
    let floats = numbers(32 * 200)
    let results = roundTrip(.q8_0, floats)
    for block in stride(from: 0, to: floats.count, by: 32) {
      let largest = floats[block..<(block + 32)].map(abs).max() ?? 0
      // Half a step, and the rounding of the scale to half precision (2^-11 of 127 steps).
      let tolerance = largest / 127 * (0.5 + 127 / 2048)
      for index in block..<(block + 32) { #expect(abs(floats[index] - results[index]) <= tolerance) }
    }
  }

  @Test func fourBitScalesAreBetterThanTheObviousOne() {
    let floats = numbers(32 * 500, seed: 5)
    var obviousError: Float = 0
    for block in stride(from: 0, to: floats.count, by: 32) {
      let part = floats[block..<(block + 32)]
      let scale = Float(Float16((part.max { abs($0) < abs($1) } ?? 0) / -8))
      for value in part {
        let level = min(max((value / scale).rounded(), -8), 7)
        obviousError += (value - scale * level) * (value - scale * level)
      }
    }
    let obvious = (obviousError / floats.reduce(0) { $0 + $1 * $1 }).squareRoot()
    let found = relativeError(.q4_0, floats)
    #expect(found < 0.95 * obvious, "\(found) against \(obvious)")
    #expect(relativeError(.q8_0, floats) < 0.01)
  }

  @Test func extremeBlocksAreHandled() {
    for format in [BlockFormat.q8_0, .q4_0] {
      #expect(roundTrip(format, [Float](repeating: 0, count: 32)).allSatisfy { $0 == 0 })
      #expect(roundTrip(format, [Float](repeating: 1e-30, count: 32)).allSatisfy { $0 == 0 })
      #expect(roundTrip(format, [Float](repeating: 3e38, count: 32)).allSatisfy { $0.isFinite })
      var floats = numbers(64)
      floats[5] = .nan
      floats[40] = .infinity
      #expect(roundTrip(format, floats).allSatisfy { $0.isNaN })
      #expect(roundTrip(format, [Float](repeating: 2.5, count: 32)).allSatisfy { abs($0 - 2.5) < 0.01 })
    }
  }
}
