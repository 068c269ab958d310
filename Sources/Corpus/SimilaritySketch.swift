/// A sketch of a set: rows of 16 bits, of which the share that two sketches have in common is an unbiased estimate of
/// the sets' Jaccard similarity |A ∩ B| / |A ∪ B|, each row being right by chance with that probability.
///
/// Fast similarity sketching (Dahlgaard, Knudsen and Thorup, 2017). MinHash hashes each element once for every row; here
/// it is hashed once a round, to a random row and a value there, and rounds follow until every row has got an element:
/// one or two for the sets of usual files, and about `rows · ln rows` hashes in all for small ones. A row keeps the
/// smallest value of the first round that reached it. From round `rows` on, round i serves row i - `rows` alone, so that
/// the end is certain. The rows of one sketch disagree about an element no more than independent ones would: the
/// estimate's variance is at most that of MinHash with as many rows.
enum SimilaritySketch {
  /// The sketch of the set of `elements`, which are hashes and may be repeated; empty for none.
  ///
  /// - Parameter rows: a power of two, at most 256.
  static func rows(_ rows: Int, of elements: ArraySlice<UInt64>) -> [UInt16] {
    precondition(rows > 0 && rows <= 256 && rows & (rows - 1) == 0, "rows are a power of two up to 256")
    guard !elements.isEmpty else { return [] }
    return elements.withUnsafeBufferPointer { elements in
      [UInt16](unsafeUninitializedCapacity: rows) { sketch, count in
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: rows) { best in
          best.initialize(repeating: .max)
          fill(best, with: elements)
          for row in 0..<rows { sketch[row] = UInt16(truncatingIfNeeded: best[row]) }
        }
        count = rows
      }
    }
  }

  /// Sets each row to (round, value) as one number, 16 and 48 bits.
  private static func fill(
    _ best: UnsafeMutableBufferPointer<UInt64>, with elements: UnsafeBufferPointer<UInt64>
  ) {
    let rows = best.count
    let shift = UInt64(64 - rows.trailingZeroBitCount)
    let valueMask: UInt64 = (1 << 48) - 1
    var empty = rows
    var round = 0
    while empty > 0 {
      let seed = Mixing.mix(UInt64(round) &+ 0x5851_F42D_4C95_7F2D)
      let high = UInt64(round) << 48
      for element in elements {
        let hash = Mixing.mix(element ^ seed)
        // The shift of 64 for a single row gives 0.
        let row = round < rows ? Int(truncatingIfNeeded: hash >> shift) : round - rows
        let key = high | hash & valueMask
        let old = best[row]
        if key < old {
          best[row] = key
          if old == .max { empty -= 1 }
        }
      }
      round += 1
    }
  }

  /// The share of rows that agree. Both must have the same number of rows.
  static func agreement(_ left: UnsafeBufferPointer<UInt16>, _ right: UnsafeBufferPointer<UInt16>) -> Double {
    precondition(left.count == right.count && !left.isEmpty, "sketches of different sizes say nothing")
    var equal: UInt16 = 0
    for row in 0..<left.count { equal &+= left[row] == right[row] ? 1 : 0 }
    return Double(equal) / Double(left.count)
  }

  /// One number for a band of rows; equal for equal rows.
  static func band(_ rows: UnsafeBufferPointer<UInt16>) -> UInt64 {
    var hash: UInt64 = 0
    for row in rows { hash = Mixing.mix(hash ^ UInt64(row)) &+ 0x9E37_79B9_7F4A_7C15 }
    return hash
  }
}
