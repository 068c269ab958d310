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

  static func quantize(_ source: UnsafePointer<Float>, into place: UnsafeMutableRawBufferPointer) {
    let extremes = BlockExtremes(source)
    guard extremes.areFinite else { return BlockExtremes.storeNaN(place) }
    let scale = HalfFloat.round(extremes.magnitude / 127)
    HalfFloat.store(scale, place)
    let inverse = scale == 0 ? 0 : 1 / scale
    for index in 0..<32 {
      let level = min(max((source[index] * inverse).rounded(), -127), 127)
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

  static func quantize(_ source: UnsafePointer<Float>, into place: UnsafeMutableRawBufferPointer) {
    let extremes = BlockExtremes(source)
    guard extremes.areFinite else { return BlockExtremes.storeNaN(place) }
    let scale = bestScale(source, extremes)
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
  private static func level(_ value: Float) -> Float { min(max(value.rounded() + 8, 0), 15) }

  /// The half-precision scale with the smallest squared error among a few candidates.
  ///
  /// The levels reach from −8 to 7, so the element of greatest magnitude should fall on −8, or near it: each
  /// candidate puts it on another level between −9 and −6.5 (then the tail is clipped or the grid is finer), with
  /// both signs, and is then refined once by least squares for the levels it leads to.
  private static func bestScale(_ source: UnsafePointer<Float>, _ extremes: BlockExtremes) -> Float {
    var best: Float = 0
    var bestError = Float.infinity
    func consider(_ candidate: Float) {
      let scale = HalfFloat.round(candidate)
      guard scale != 0 else { return }
      let error = squaredError(source, scale)
      if error < bestError { (best, bestError) = (scale, error) }
    }
    for step in 0..<6 {
      let reach = -9 + 0.5 * Float(step)
      for signed in [extremes.extreme, -extremes.extreme] {
        let candidate = signed / reach
        consider(candidate)
        if let refined = leastSquares(source, candidate) { consider(refined) }
      }
    }
    return best
  }

  private static func squaredError(_ source: UnsafePointer<Float>, _ scale: Float) -> Float {
    let inverse = 1 / scale
    var total: Float = 0
    for index in 0..<32 {
      let difference = source[index] - scale * (level(source[index] * inverse) - 8)
      total += difference * difference
    }
    return total
  }

  /// The scale that fits best to the levels that `scale` leads to.
  private static func leastSquares(_ source: UnsafePointer<Float>, _ scale: Float) -> Float? {
    guard scale != 0, (1 / scale).isFinite else { return nil }
    let inverse = 1 / scale
    var product: Float = 0
    var squares: Float = 0
    for index in 0..<32 {
      let quantum = level(source[index] * inverse) - 8
      product += quantum * source[index]
      squares += quantum * quantum
    }
    return squares > 0 ? product / squares : nil
  }
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
