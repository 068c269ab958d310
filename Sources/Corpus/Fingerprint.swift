import Foundation

/// What is kept of a text to find copies of it: a hash of the text up to white space, and a sketch of its shingles.
/// 528 bytes.
public struct Fingerprint: Hashable, Sendable {
  /// Rows of the sketch.
  public static let rowCount = 256

  /// The first 128 bits of SHA-256 of the text with runs of white space made one space.
  public let textHash: SIMD2<UInt64>
  /// The sketch, `rowCount` rows; empty for a text of fewer than five words, which has no shingle.
  let rows: [UInt16]

  /// The fingerprint of a text.
  public init(_ bytes: [UInt8]) {
    self.init(Shingles(bytes))
  }

  /// The fingerprint of a text whose shingles are known.
  public init(_ shingles: Shingles) {
    textHash = shingles.textHash
    rows = SimilaritySketch.rows(Self.rowCount, of: shingles.hashes[...])
  }

  /// True when the text is too short for shingles, so that only exact copies are found.
  public var isExactOnly: Bool { rows.isEmpty }

  /// Jaccard similarity of the two sets of shingles: 1 for texts that are equal up to white space, 0 where one of them has no
  /// shingles, else an estimate with a standard deviation of √(J(1 - J) / 256), at most 0.031.
  public func similarity(to other: Fingerprint) -> Double {
    if textHash == other.textHash { return 1 }
    guard !rows.isEmpty, !other.rows.isEmpty else { return 0 }
    return rows.withUnsafeBufferPointer { left in
      other.rows.withUnsafeBufferPointer { SimilaritySketch.agreement(left, $0) }
    }
  }
}

extension Fingerprint {
  /// 16 bytes of hash, then the rows as little-endian numbers of 16 bits.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16 + 2 * rows.count)
    for word in [textHash.x, textHash.y] {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    for row in rows {
      bytes.append(UInt8(truncatingIfNeeded: row))
      bytes.append(UInt8(truncatingIfNeeded: row >> 8))
    }
    return bytes
  }

  /// Reads what `bytes` wrote; nil for anything of another length.
  public init?(bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count == 16 || bytes.count == 16 + 2 * Self.rowCount else { return nil }
    func word(_ start: Int) -> UInt64 { bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    textHash = SIMD2(word(0), word(8))
    rows = stride(from: 16, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
  }
}

extension Fingerprint: Codable {
  /// Reads base64.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let fingerprint = Fingerprint(bytes: try container.decode(Data.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a fingerprint has 16 or \(16 + 2 * Self.rowCount) bytes")
    }
    self = fingerprint
  }

  /// Writes base64 (what JSON's encoder makes of data).
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Data(bytes))
  }
}
