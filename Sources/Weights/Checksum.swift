import Numerics

/// A fast 64-bit hash that finds damage in large files: it costs about as much as reading the bytes.
///
/// Bytes are taken in chunks of one megabyte, which threads share; the hash of a region is that of its chunks' hashes.
/// Four lanes take one 8-byte word each in turn: `lane = rotate(lane ^ word, 29) · odd`. Every step is a bijection of the
/// lane and of the word, so that a change within one word is always found, and any other is missed with probability
/// 2⁻⁶⁴ as far as it is accidental. It is no protection against somebody who forges data on purpose.
public enum Checksum {
  /// How many bytes are hashed at a time.
  public static let chunkBytes = 1 << 20

  /// The hash of `bytes`, 16 lower-case hexadecimal digits.
  public static func hash(_ bytes: UnsafeRawBufferPointer, pool: WorkerPool = .shared) -> String {
    hash([bytes], pool: pool)[0]
  }

  /// The hash of each region; all chunks of all regions are shared out over the threads of `pool`.
  public static func hash(_ regions: [UnsafeRawBufferPointer], pool: WorkerPool = .shared) -> [String] {
    var chunks: [UnsafeRawBufferPointer] = []
    var counts: [Int] = []
    for region in regions {
      let before = chunks.count
      for start in stride(from: 0, to: region.count, by: chunkBytes) {
        let end = min(start + chunkBytes, region.count)
        chunks.append(UnsafeRawBufferPointer(rebasing: region[start..<end]))
      }
      counts.append(chunks.count - before)
    }
    let hashes = Buffer<UInt64>(chunks.count)
    pool.run(chunks.count) { hashes.pointer[$0] = chunk(chunks[$0]) }
    var first = 0
    return zip(regions, counts).map { region, count in
      let all = UnsafeRawBufferPointer(start: hashes.pointer + first, count: count * 8)
      first += count
      return hexadecimal(chunk(all) ^ mixed(UInt64(region.count)))
    }
  }

  private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15

  static func chunk(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var (a, b, c, d) = (factor, factor &* 3, factor &* 5, factor &* 7)
    var position = 0
    if let start = bytes.baseAddress {
      while position + 32 <= bytes.count {
        a = step(a, word(start + position))
        b = step(b, word(start + position + 8))
        c = step(c, word(start + position + 16))
        d = step(d, word(start + position + 24))
        position += 32
      }
    }
    while position < bytes.count {
      a = step(a, UInt64(bytes[position]) | 0x100)
      position += 1
    }
    return mixed(a) ^ mixed(b &+ 1) &* 3 ^ mixed(c &+ 2) &* 5 ^ mixed(d &+ 3) &* 7
      ^ mixed(UInt64(bytes.count))
  }

  @inline(__always)
  private static func word(_ address: UnsafeRawPointer) -> UInt64 {
    UInt64(littleEndian: address.loadUnaligned(as: UInt64.self))
  }

  @inline(__always)
  private static func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let value = lane ^ word
    return (value << 29 | value >> 35) &* factor
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var value = (value ^ value >> 32) &* factor
    value = (value ^ value >> 29) &* factor
    return value ^ value >> 32
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
