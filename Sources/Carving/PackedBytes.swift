/// Writes numbers and texts one behind the other: what caches and spools hold.
struct PackedWriter {
  private(set) var bytes: [UInt8] = []

  /// A number that is not negative, seven bits a byte (LEB128).
  mutating func number(_ value: Int) {
    precondition(value >= 0, "only natural numbers are packed")
    var rest = UInt(value)
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func fixed(_ value: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }

  mutating func block(_ block: some Collection<UInt8>) {
    number(block.count)
    bytes += block
  }

  mutating func text(_ text: String) { block(text.utf8) }
}

/// Reads what `PackedWriter` wrote. The bytes may be damaged: every answer is nil where they do not hold it.
struct PackedReader {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { place == bytes.count }

  /// At most 49 bits, so that sums of a few cannot overflow.
  mutating func number() -> Int? {
    var value = 0
    for shift in stride(from: 0, to: 49, by: 7) {
      guard place < bytes.count else { return nil }
      let next = bytes[place]
      place += 1
      value |= Int(next & 0x7F) << shift
      if next < 0x80 { return value }
    }
    return nil
  }

  /// How many things follow that take at least `size` bytes each.
  mutating func count(atLeast size: Int) -> Int? {
    guard let count = number(), count <= (bytes.count - place) / max(1, size) else { return nil }
    return count
  }

  mutating func fixed() -> UInt64? {
    guard bytes.count - place >= 8 else { return nil }
    var value: UInt64 = 0
    for index in 0..<8 { value |= UInt64(bytes[place + index]) << UInt64(8 * index) }
    place += 8
    return value
  }

  mutating func block() -> [UInt8]? {
    guard let count = number(), count <= bytes.count - place else { return nil }
    place += count
    return Array(bytes[(place - count)..<place])
  }

  /// Passes over a block; false when the bytes do not hold it.
  mutating func skipBlock() -> Bool {
    guard let count = number(), count <= bytes.count - place else { return false }
    place += count
    return true
  }

  mutating func text() -> String? {
    block().flatMap { String(validating: $0, as: UTF8.self) }
  }
}

/// A quick hash that tells whether bytes are still the same; no protection against somebody who wants them to differ.
enum Stamp {
  static func of(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { raw in
      var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(raw.count)
      var offset = 0
      while offset + 8 <= raw.count {
        hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
      }
      var rest: UInt64 = 0
      while offset < raw.count {
        rest = rest << 8 | UInt64(raw[offset])
        offset += 1
      }
      return fold(fold(hash ^ rest))
    }
  }

  /// One round of mixing two or more values.
  static func mix(_ values: UInt64...) -> UInt64 {
    values.reduce(0x243F_6A88_85A3_08D3) { fold($0 ^ $1) &+ 0x9E37_79B9_7F4A_7C15 }
  }

  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}
