import Syntax

/// What is kept of one function to find copies of it: 56 bytes.
///
/// Functions are many and short, so that less is kept of them than of files: of a sketch of 128 rows the hashes of 8 bands of
/// 16 rows, which brings two functions together at a similarity of about 0.85, and one bit of each row, which tells
/// similar from not so similar (standard deviation of the estimate 0.05 at 0.85).
public struct FunctionFingerprint: Hashable, Sendable, Codable {
  /// Rows of the sketch.
  static let rowCount = 128
  /// A shorter function is nobody's copy: accessors and the like are alike by nature.
  public static let minimumShingles = 16

  /// Bytes of the function in its file.
  public let range: Range<Int>
  /// One hash for each band of 16 rows.
  let bands: SIMD8<UInt32>
  /// The lowest bit of each row.
  let bits: SIMD2<UInt64>

  /// The fingerprint of a part of a text; nil for one with fewer than `minimumShingles` shingles.
  public init?(_ range: Range<Int>, of shingles: Shingles) {
    let indices = shingles.indices(in: range)
    guard indices.count >= Self.minimumShingles else { return nil }
    let rows = SimilaritySketch.rows(Self.rowCount, of: shingles.hashes[indices])
    var bands = SIMD8<UInt32>()
    var bits = SIMD2<UInt64>()
    rows.withUnsafeBufferPointer { rows in
      for band in 0..<8 {
        let part = UnsafeBufferPointer(rebasing: rows[band * 16..<(band + 1) * 16])
        bands[band] = UInt32(truncatingIfNeeded: SimilaritySketch.band(part) >> 32)
      }
      for row in 0..<rows.count { bits[row / 64] |= UInt64(rows[row] & 1) << UInt64(row % 64) }
    }
    self.range = range
    self.bands = bands
    self.bits = bits
  }

  /// An estimate of the Jaccard similarity of the two sets of shingles: equal rows have equal bits, different rows every
  /// second time, so that a share s of equal bits stands for 2s - 1.
  func similarity(to other: FunctionFingerprint) -> Double {
    let different = (bits.x ^ other.bits.x).nonzeroBitCount + (bits.y ^ other.bits.y).nonzeroBitCount
    return 1 - 2 * Double(different) / Double(Self.rowCount)
  }
}

extension FunctionFingerprint {
  /// A longer function, with this many shingles, is the business of the file's own fingerprint.
  static let maximumShingles = 4_096
  /// Functions within more functions than this are not looked at, so that the cost is bounded by the text.
  static let maximumDepth = 4

  /// The fingerprints of all functions in a tree, those within others too, in the order in which they begin.
  ///
  /// - Parameter shingles: of the text whose offsets the tree has.
  public static func all(in tree: SyntaxTree, of shingles: Shingles) -> [FunctionFingerprint] {
    var found: [FunctionFingerprint] = []
    /// Where the functions around the node end, as places in preorder.
    var ends: [Int] = []
    tree.withTable { table in
      for (index, entry) in table.entries.enumerated() where table.roles(of: index).contains(.function) {
        while let end = ends.last, end <= index { ends.removeLast() }
        defer { ends.append(Int(entry.subtreeEnd)) }
        guard ends.count < maximumDepth else { continue }
        let range = Int(entry.start)..<Int(entry.end)
        guard shingles.indices(in: range).count <= maximumShingles else { continue }
        if let fingerprint = FunctionFingerprint(range, of: shingles) { found.append(fingerprint) }
      }
    }
    return found
  }
}

extension FunctionFingerprint {
  /// Where it lies, then bands and bits, as little-endian numbers: what caches keep. 56 bytes.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    func add(_ value: UInt64, _ count: Int) {
      for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    add(UInt64(range.lowerBound), 4)
    add(UInt64(range.upperBound), 4)
    for band in 0..<8 { add(UInt64(bands[band]), 4) }
    add(bits.x, 8)
    add(bits.y, 8)
    return bytes
  }

  /// How many bytes `bytes` has.
  public static let byteCount = 56

  /// Reads what `bytes` wrote; nil for anything else.
  public init?(bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    let bytes = Array(bytes)
    func value(_ start: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
    let (low, high) = (Int(value(0, 4)), Int(value(4, 4)))
    guard low <= high else { return nil }
    range = low..<high
    var bands = SIMD8<UInt32>()
    for band in 0..<8 { bands[band] = UInt32(value(8 + 4 * band, 4)) }
    self.bands = bands
    bits = SIMD2(value(40, 8), value(48, 8))
  }
}
