// Blocks of 32 that are only read: nibbles with a least value, and five-bit levels with and without one.

/// One block of `q4_1`: scale, least value, 16 bytes of nibbles.
enum Q41Block {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let scale = HalfFloat.load(source)
    let least = HalfFloat.load(source + 2)
    let nibbles = (source + 4).assumingMemoryBound(to: UInt8.self)
    for index in 0..<16 {
      let byte = nibbles[index]
      target[index] = scale * Float(byte & 15) + least
      target[index + 16] = scale * Float(byte >> 4) + least
    }
  }
}

/// One block of `q5_0`: scale, 32 fifth bits, 16 bytes of nibbles.
enum Q50Block {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let scale = HalfFloat.load(source)
    FiveBits.forEachPair(source + 2) { index, low, high in
      target[index] = scale * Float(low - 16)
      target[index + 16] = scale * Float(high - 16)
    }
  }
}

/// One block of `q5_1`: scale, least value, 32 fifth bits, 16 bytes of nibbles.
enum Q51Block {
  static func dequantize(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
    let scale = HalfFloat.load(source)
    let least = HalfFloat.load(source + 2)
    FiveBits.forEachPair(source + 4) { index, low, high in
      target[index] = scale * Float(low) + least
      target[index + 16] = scale * Float(high) + least
    }
  }
}

private enum FiveBits {
  /// Calls `body` with an index below 16 and the levels, 0…31, of the elements there and 16 further.
  @inline(__always)
  static func forEachPair(_ source: UnsafeRawPointer, _ body: (Int, Int32, Int32) -> Void) {
    let bits = UInt32(littleEndian: source.loadUnaligned(as: UInt32.self))
    let nibbles = (source + 4).assumingMemoryBound(to: UInt8.self)
    for index in 0..<16 {
      let byte = Int32(nibbles[index])
      let low = byte & 15 | Int32(bits >> UInt32(index) & 1) << 4
      let high = byte >> 4 | Int32(bits >> UInt32(index + 16) & 1) << 4
      body(index, low, high)
    }
  }
}
