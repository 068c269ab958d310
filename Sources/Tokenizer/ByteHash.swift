/// Hashing of short byte strings and of pairs of tokens, eight bytes at a time.
///
/// Files choose what is hashed, so the seed is drawn anew for every table: nobody can prepare a vocabulary whose pieces
/// all fall into one place.
struct ByteHash: Sendable {
  private let seed = UInt64.random(in: .min ... .max)

  @inline(__always)
  private static func fold(_ value: UInt64, _ multiplier: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }

  @inline(__always)
  func callAsFunction(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    if bytes.count <= 8 { return self(word: Self.word(bytes, 0, bytes.count), count: bytes.count) }
    var value = seed ^ UInt64(truncatingIfNeeded: bytes.count)
    var position = 0
    while bytes.count - position > 8 {
      value = Self.fold(value ^ ByteHash.word(bytes, position, 8), 0x9E37_79B9_7F4A_7C15)
      position += 8
    }
    return Self.fold(value ^ ByteHash.word(bytes, position, bytes.count - position), 0xD6E8_FEB8_6659_FD93)
  }

  /// The hash of up to eight bytes, given as a number.
  @inline(__always)
  func callAsFunction(word: UInt64, count: Int) -> UInt64 {
    Self.fold(seed ^ UInt64(truncatingIfNeeded: count) ^ word, 0xD6E8_FEB8_6659_FD93)
  }

  /// The hash of two tokens, one after the other.
  @inline(__always)
  func callAsFunction(_ left: Int32, _ right: Int32) -> UInt64 {
    let pair = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    return Self.fold(pair ^ seed, 0x9E37_79B9_7F4A_7C15)
  }

  /// Up to eight bytes as a number; missing ones count as 0.
  @inline(__always)
  static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
    guard let base = bytes.baseAddress else { return 0 }
    let address = UnsafeRawPointer(base + start)
    if count >= 8 { return UInt64(littleEndian: address.loadUnaligned(as: UInt64.self)) }
    if count >= 4 {
      // Two overlapping loads cover four to seven bytes.
      let low = UInt64(UInt32(littleEndian: address.loadUnaligned(as: UInt32.self)))
      let high = UInt64(
        UInt32(littleEndian: address.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)))
      return low | high << UInt64(8 * (count - 4))
    }
    guard count > 0 else { return 0 }
    // The first, the middle and the last byte are all that there are; each is put where it belongs.
    let (middle, last) = (count >> 1, count - 1)
    return UInt64(base[start]) | UInt64(base[start + middle]) << UInt64(8 * middle)
      | UInt64(base[start + last]) << UInt64(8 * last)
  }
}
