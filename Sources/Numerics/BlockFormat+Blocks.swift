/// Half-precision numbers at any address.
enum HalfFloat {
  @inline(__always)
  static func load(_ address: UnsafeRawPointer) -> Float {
    Float(Float16(bitPattern: UInt16(littleEndian: address.loadUnaligned(as: UInt16.self))))
  }

  @inline(__always)
  static func store(_ value: Float, _ place: UnsafeMutableRawBufferPointer) {
    place.storeBytes(of: Float16(value).bitPattern.littleEndian, as: UInt16.self)
  }

  /// `value` as half precision would hold it, kept within its range.
  @inline(__always)
  static func round(_ value: Float) -> Float {
    let limit = Float(Float16.greatestFiniteMagnitude)
    return Float(Float16(min(max(value, -limit), limit)))
  }
}

/// One block of `q8_0`.
enum Q8Block {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let scale = HalfFloat.load(source)
    let values = (source + 2).assumingMemoryBound(to: Int8.self)
    for index in 0..<32 { target[index] = scale * Float(values[index]) }
  }

  static func quantize(
    _ source: UnsafePointer<Float>, into place: UnsafeMutableRawBufferPointer, _ choice: ScaleChoice
  ) {
    let extremes = BlockExtremes(source)
    guard extremes.areFinite else { return BlockExtremes.storeNaN(place) }
    let scale =
      switch choice {
      case .quick, .nearest: HalfFloat.round(extremes.magnitude / 127)
      case .best(let weights):
        ScaleSearch.eightBits.scale(source, weights: weights, magnitude: extremes.magnitude)
      }
    HalfFloat.store(scale, place)
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<32 {
      let level = min(max(roundedToEven(source[index] * inverse), -127), 127)
      place[2 + index] = UInt8(bitPattern: Int8(level))
    }
  }
}

/// One block of `q4_0`.
enum Q4Block {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let scale = HalfFloat.load(source)
    let nibbles = (source + 2).assumingMemoryBound(to: UInt8.self)
    for index in 0..<16 {
      let byte = nibbles[index]
      target[index] = scale * Float(Int32(byte & 15) - 8)
      target[index + 16] = scale * Float(Int32(byte >> 4) - 8)
    }
  }

  static func quantize(
    _ source: UnsafePointer<Float>, into place: UnsafeMutableRawBufferPointer, _ choice: ScaleChoice
  ) {
    let extremes = BlockExtremes(source)
    guard extremes.areFinite else { return BlockExtremes.storeNaN(place) }
    let scale =
      switch choice {
      case .nearest: HalfFloat.round(extremes.extreme / -8)
      case .quick:
        ScaleSearch.fourBits.scale(source, weights: nil, magnitude: extremes.magnitude)
      case .best(let weights):
        ScaleSearch.fourBits.scale(source, weights: weights, magnitude: extremes.magnitude)
      }
    HalfFloat.store(scale, place)
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<16 {
      let low = UInt8(level(source[index] * inverse))
      let high = UInt8(level(source[index + 16] * inverse))
      place[2 + index] = low | high << 4
    }
  }

  /// The stored level, 0…15, of a value in units of the scale.
  @inline(__always)
  private static func level(_ value: Float) -> Float { min(max(roundedToEven(value), -8), 7) + 8 }
}

/// `value` rounded to the nearest integer, as long as it is small: from 1.5 · 2²³ on a float has no fraction left.
@inline(__always)
private func roundedToEven(_ value: Float) -> Float {
  let limited = min(max(value, -1_000), 1_000)
  return (limited + 12_582_912) - 12_582_912
}

/// How the scale of a block is chosen.
enum ScaleChoice {
  /// From the element of greatest magnitude alone, as quantisers usually do.
  case nearest
  /// With the least squared error where that pays (four bits), else as `nearest`.
  case quick
  /// With the least squared error under these 32 weights, or with all alike.
  case best(UnsafePointer<Float>?)
}

/// What the scale of a block of 32 is chosen from.
struct BlockExtremes {
  /// The element of greatest magnitude, with its sign.
  let extreme: Float
  /// Its magnitude.
  var magnitude: Float { abs(extreme) }
  /// Whether all elements are finite.
  let areFinite: Bool

  init(_ source: UnsafePointer<Float>) {
    var extreme: Float = 0
    var areFinite = true
    for index in 0..<32 {
      let value = source[index]
      areFinite = areFinite && value.isFinite
      if abs(value) > abs(extreme) { extreme = value }
    }
    self.extreme = extreme
    self.areFinite = areFinite
  }

  /// Makes the whole block NaN.
  static func storeNaN(_ place: UnsafeMutableRawBufferPointer) {
    for index in place.indices { place[index] = 0 }
    HalfFloat.store(.nan, place)
  }
}
