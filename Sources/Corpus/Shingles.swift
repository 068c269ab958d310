import Weights

/// A text as a bag of shingles: runs of five words, where a word is a run of letters, digits and underscores (ASCII).
///
/// White space and punctuation do not count, so that a text that was formatted anew has the same shingles. Made once
/// per file: the fingerprint of the file and those of its functions are all cut from it.
public struct Shingles: Sendable {
  /// Words in a shingle.
  public static let length = 5

  /// Hashes of all shingles in their order, repeated ones again.
  let hashes: [UInt64]
  /// Byte offset of the first byte of each shingle's first word.
  let starts: [UInt32]
  /// Byte offset just behind each shingle's last word.
  let ends: [UInt32]
  /// What tells texts apart that are equal up to white space.
  let textHash: SIMD2<UInt64>

  /// Number of shingles: words less four.
  public var count: Int { hashes.count }

  /// Reads `bytes`, of which there must be less than 4 GB.
  public init(_ bytes: [UInt8]) {
    precondition(bytes.count <= UInt32.max, "a text of 4 GB has no place among source files")
    var builder = Builder(byteCount: bytes.count)
    bytes.withUnsafeBufferPointer { builder.read($0) }
    hashes = builder.hashes
    starts = builder.starts
    ends = builder.ends
    textHash = WhitespaceNormalised.hash(of: bytes)
  }

  /// Indices of the shingles that lie within a range of bytes.
  func indices(in range: Range<Int>) -> Range<Int> {
    let first = starts.partitioningIndex { Int($0) >= range.lowerBound }
    let end = ends.partitioningIndex { Int($0) > range.upperBound }
    return first..<max(first, end)
  }

  /// True for the bytes that words consist of.
  static let isWordByte: [Bool] = (0..<256).map { value in
    switch UInt8(value) {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
    default: false
    }
  }
}

extension Shingles {
  /// The last five words while a text is read.
  private struct Builder {
    var hashes: [UInt64] = []
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    /// The last five words as a ring: their hashes and where they begin.
    private var words = InlineArray<5, UInt64>(repeating: 0)
    private var places = InlineArray<5, UInt32>(repeating: 0)
    private var oldest = 0
    private var wordCount = 0
    /// The polynomial of the last five words' hashes.
    private var rolling: UInt64 = 0

    private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let baseToTheFifth = base &* base &* base &* base &* base

    init(byteCount: Int) {
      // A word with what stands behind it takes six bytes of usual code.
      hashes.reserveCapacity(byteCount / 6)
      starts.reserveCapacity(byteCount / 6)
      ends.reserveCapacity(byteCount / 6)
    }

    mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) {
      Shingles.isWordByte.withUnsafeBufferPointer { isWord in
        var position = 0
        while position < bytes.count {
          while position < bytes.count, !isWord[Int(bytes[position])] { position += 1 }
          guard position < bytes.count else { return }
          let start = position
          var hash = FNVHash()
          while position < bytes.count, isWord[Int(bytes[position])] {
            hash.add(bytes[position])
            position += 1
          }
          append(Mixing.mix(hash.value), start: UInt32(start), end: UInt32(position))
        }
      }
    }

    @inline(__always)
    private mutating func append(_ word: UInt64, start: UInt32, end: UInt32) {
      rolling = (rolling &* Self.base) &+ word &- (words[oldest] &* Self.baseToTheFifth)
      words[oldest] = word
      places[oldest] = start
      oldest = oldest == 4 ? 0 : oldest + 1
      wordCount += 1
      guard wordCount >= Shingles.length else { return }
      hashes.append(Mixing.mix(rolling))
      starts.append(places[oldest])
      ends.append(end)
    }
  }
}

/// The finaliser of MurmurHash3 (Appleby, public domain): a bijection of 64 bits in which each bit moves all others.
enum Mixing {
  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ value >> 33) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ value >> 33
  }
}

extension Array {
  /// Index of the first element for which `isInSecondPart` holds; it must hold for all behind it.
  func partitioningIndex(where isInSecondPart: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if isInSecondPart(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
