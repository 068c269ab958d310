import Weights

/// SHA-256 of a file's bytes: its name for caches, cards and shards.
public struct ContentHash: Hashable, Comparable, Sendable {
  /// The 256 bits, the most significant first.
  private let words: SIMD4<UInt64>

  /// The hash of `bytes`.
  public init(_ bytes: [UInt8]) {
    self = bytes.withUnsafeBytes { ContentHash(of: $0) }
  }

  /// The hash of `bytes`.
  public init(of bytes: UnsafeRawBufferPointer) {
    let halves = SHA256.words(of: bytes)
    var words = SIMD4<UInt64>()
    for index in 0..<4 { words[index] = UInt64(halves[2 * index]) << 32 | UInt64(halves[2 * index + 1]) }
    self.words = words
  }

  /// Reads 64 hexadecimal digits; nil for anything else.
  public init?(hex: String) {
    let digits = Array(hex.utf8)
    guard digits.count == 64 else { return nil }
    var words = SIMD4<UInt64>()
    for (index, digit) in digits.enumerated() {
      guard let value = Self.value(ofDigit: digit) else { return nil }
      words[index / 16] = words[index / 16] << 4 | value
    }
    self.words = words
  }

  /// 64 lower-case hexadecimal digits.
  public var hex: String {
    String(unsafeUninitializedCapacity: 64) { digits in
      for index in 0..<64 {
        let value = UInt8(truncatingIfNeeded: words[index / 16] >> UInt64(60 - index % 16 * 4)) & 15
        digits[index] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
      }
      return 64
    }
  }

  /// The first 64 bits: as good as the whole where an accident is all that is to be feared.
  public var prefix: UInt64 { words[0] }

  /// True when the hash lies in the `index`-th of `count` contiguous parts of hash space, counted from 0.
  ///
  /// Every hash lies in exactly one part, the parts follow each other in the order of the hashes, and they differ in
  /// size by at most one in 2⁶⁴: part i holds the hashes whose first 64 bits, as a fraction of 1, times `count`
  /// round down to i.
  public func isInShard(index: Int, of count: Int) -> Bool {
    precondition(count > 0 && index >= 0 && index < count, "shard \(index) of \(count) does not exist")
    return words[0].multipliedFullWidth(by: UInt64(count)).high == UInt64(index)
  }

  /// Orders hashes as their hexadecimal texts.
  public static func < (left: ContentHash, right: ContentHash) -> Bool {
    for index in 0..<4 where left.words[index] != right.words[index] {
      return left.words[index] < right.words[index]
    }
    return false
  }

  private static func value(ofDigit digit: UInt8) -> UInt64? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(digit - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(digit - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(digit - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}

extension ContentHash: Codable, CustomStringConvertible {
  /// The hexadecimal digits.
  public var description: String { hex }

  /// Reads hexadecimal digits.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let hash = ContentHash(hex: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a content hash has 64 hexadecimal digits, not '\(text.prefix(80))'")
    }
    self = hash
  }

  /// Writes hexadecimal digits.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }
}
