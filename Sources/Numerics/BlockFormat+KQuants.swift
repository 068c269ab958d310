// Super-blocks of 256 that are only read: groups of 16 or 32 elements with small integer scales under one or two
// half-precision numbers.

/// One super-block of `q4_K`: two halves d and e, 12 bytes with 8 scales and 8 least values, 128 bytes of nibbles.
enum Q4KBlock {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let groups = SixBitGroups(source)
    let nibbles = (source + 16).assumingMemoryBound(to: UInt8.self)
    for pair in 0..<4 {
      let low = groups[2 * pair]
      let high = groups[2 * pair + 1]
      for index in 0..<32 {
        let byte = nibbles[32 * pair + index]
        target[64 * pair + index] = low.scale * Float(byte & 15) - low.least
        target[64 * pair + 32 + index] = high.scale * Float(byte >> 4) - high.least
      }
    }
  }
}

/// One super-block of `q5_K`: as `q4_K`, with 32 bytes of fifth bits before the nibbles: bit g of byte i belongs to
/// element i of group g.
enum Q5KBlock {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let groups = SixBitGroups(source)
    let fifths = (source + 16).assumingMemoryBound(to: UInt8.self)
    let nibbles = (source + 48).assumingMemoryBound(to: UInt8.self)
    for pair in 0..<4 {
      let low = groups[2 * pair]
      let high = groups[2 * pair + 1]
      for index in 0..<32 {
        let byte = nibbles[32 * pair + index]
        let bits = fifths[index] >> UInt8(2 * pair)
        target[64 * pair + index] = low.scale * Float(byte & 15 | (bits & 1) << 4) - low.least
        target[64 * pair + 32 + index] = high.scale * Float(byte >> 4 | (bits >> 1 & 1) << 4) - high.least
      }
    }
  }
}

/// One super-block of `q6_K`: 128 bytes of low nibbles, 64 bytes of high pairs of bits, 16 signed scales, one half.
enum Q6KBlock {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let scales = (source + 192).assumingMemoryBound(to: Int8.self)
    let common = HalfFloat.load(source + 208)
    for half in 0..<2 {
      let nibbles = (source + 64 * half).assumingMemoryBound(to: UInt8.self)
      let pairs = (source + 128 + 32 * half).assumingMemoryBound(to: UInt8.self)
      for quarter in 0..<4 {
        // Quarters 0 and 1 take the low nibbles of the first and second 32 bytes, quarters 2 and 3 the high ones.
        let bytes = nibbles + 32 * (quarter & 1)
        let shift = UInt8(quarter < 2 ? 0 : 4)
        let out = target + 128 * half + 32 * quarter
        for index in 0..<32 {
          let scale = common * Float(scales[8 * half + 2 * quarter + index / 16])
          let high = pairs[index] >> UInt8(2 * quarter) & 3
          out[index] = scale * Float(Int32(bytes[index] >> shift & 15 | high << 4) - 32)
        }
      }
    }
  }
}

/// The scales and least values of the 8 groups of a `q4_K` or `q5_K` super-block, six bits each in 12 bytes.
///
/// The first four of both lie in the low six bits of bytes 0…3 and 4…7; of the last four, the low nibbles lie in
/// bytes 8…11 and the upper two bits in what the others leave free.
private struct SixBitGroups {
  private let common: Float
  private let commonLeast: Float
  private let bytes: UnsafePointer<UInt8>

  @inline(__always)
  init(_ source: UnsafeRawPointer) {
    common = HalfFloat.load(source)
    commonLeast = HalfFloat.load(source + 2)
    bytes = (source + 4).assumingMemoryBound(to: UInt8.self)
  }

  @inline(__always)
  subscript(group: Int) -> (scale: Float, least: Float) {
    let scale: UInt8
    let least: UInt8
    if group < 4 {
      scale = bytes[group] & 63
      least = bytes[group + 4] & 63
    } else {
      scale = bytes[group + 4] & 15 | (bytes[group - 4] >> 6) << 4
      least = bytes[group + 4] >> 4 | (bytes[group] >> 6) << 4
    }
    return (common * Float(scale), commonLeast * Float(least))
  }
}
