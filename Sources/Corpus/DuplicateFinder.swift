/// What a `DuplicateFinder` says about a text.
public enum DuplicateVerdict: Equatable, Sendable {
  /// The one that is kept of its cluster; a text without copies is a cluster by itself. The number is its own.
  case kept(cluster: Int)
  /// Equal, up to white space, to a text that is kept.
  case duplicate(of: Int)
  /// In one cluster with a text that is kept. `jaccard` is the estimated similarity to that very text: below the threshold
  /// where they are connected by others in between.
  case nearDuplicate(of: Int, jaccard: Double)
}

/// Finds texts that are equal up to white space or nearly equal, and keeps one of each cluster.
///
/// Nearly equal texts are found by locality-sensitive hashing with 25 bands of 10 rows and compared by their sketches:
/// a pair with Jaccard similarity J is looked at with probability 1 - (1 - J¹⁰)²⁵, which is 0.51 at 0.7, 0.94 at 0.8 and
/// 0.9998 at 0.9. Clusters are the connected components. The result does not depend on the order in which texts are added,
/// as long as no two of them have the same rank, name and text.
///
/// Takes about 560 bytes for each text, and as many again of the names' own.
public struct DuplicateFinder: Sendable {
  static let bandCount = 25
  static let rowsPerBand = 10

  private let threshold: Double
  private var textHashes: [SIMD2<UInt64>] = []
  private var ranks: [Int] = []
  private var names: [String] = []
  /// The sketches of those that have one, one behind the other.
  private var rows: [UInt16] = []
  /// Where the sketch of each text begins in `rows`; -1 for none.
  private var firstRows: [Int32] = []

  /// An empty finder; texts are nearly equal from `threshold` on.
  public init(threshold: Double = 0.7) {
    self.threshold = threshold
  }

  /// How many texts were added.
  public var count: Int { textHashes.count }

  /// Takes a text in, and says by which number the verdicts name it: texts are numbered from 0.
  ///
  /// - Parameters:
  ///   - rank: the text with the highest rank of its cluster is kept: the newer one, say.
  ///   - name: decides between equal ranks, the smaller one is kept: the path, say.
  @discardableResult
  public mutating func add(_ fingerprint: Fingerprint, rank: Int, name: String = "") -> Int {
    textHashes.append(fingerprint.textHash)
    ranks.append(rank)
    names.append(name)
    if fingerprint.isExactOnly {
      firstRows.append(-1)
    } else {
      firstRows.append(Int32(rows.count / Fingerprint.rowCount))
      rows += fingerprint.rows
    }
    return textHashes.count - 1
  }

  /// One verdict for each text, in the order of the numbers.
  public func verdicts() -> [DuplicateVerdict] {
    let kept = keptOfClusters()
    return (0..<count).map { number in
      let other = kept[number]
      if other == number { return .kept(cluster: number) }
      if textHashes[other] == textHashes[number] { return .duplicate(of: other) }
      return .nearDuplicate(of: other, jaccard: similarity(other, number))
    }
  }

  /// For each text the number of the one that is kept of its cluster.
  public func keptOfClusters() -> [Int] {
    let order = order()
    var clusters = SimilarityClusters(count: count)
    let candidates = uniteCopies(&clusters, order)
    for band in 0..<Self.bandCount {
      let entries = candidates.map { (key: key(of: order[Int($0)], band: band), item: $0) }
      clusters.unite(band: entries) { similarity(order[$0], order[$1]) >= threshold }
    }
    var kept = [Int](repeating: 0, count: count)
    for place in 0..<count { kept[order[place]] = order[clusters.first(of: place)] }
    return kept
  }

  /// The numbers of all texts, the one to keep before its copies.
  func order() -> [Int] { (0..<count).sorted { precedes($0, $1) } }

  func areEqual(_ left: Int, _ right: Int) -> Bool { textHashes[left] == textHashes[right] }

  /// Unites equal texts and returns the places of those with a sketch, one for each text.
  private func uniteCopies(_ clusters: inout SimilarityClusters, _ order: [Int]) -> [Int32] {
    var firstPlaces: [SIMD2<UInt64>: Int32] = [:]
    var candidates: [Int32] = []
    for (place, number) in order.enumerated() {
      if let first = firstPlaces[textHashes[number]] {
        clusters.unite(Int(first), place)
      } else {
        firstPlaces[textHashes[number]] = Int32(place)
        if firstRows[number] >= 0 { candidates.append(Int32(place)) }
      }
    }
    return candidates
  }

  /// The order of preference, which owes nothing to the numbers but between things that are the same in all respects.
  private func precedes(_ left: Int, _ right: Int) -> Bool {
    if ranks[left] != ranks[right] { return ranks[left] > ranks[right] }
    if names[left] != names[right] { return names[left] < names[right] }
    let (one, other) = (textHashes[left], textHashes[right])
    if one != other { return one.x != other.x ? one.x < other.x : one.y < other.y }
    return left < right
  }

  func similarity(_ left: Int, _ right: Int) -> Double {
    if textHashes[left] == textHashes[right] { return 1 }
    guard firstRows[left] >= 0, firstRows[right] >= 0 else { return 0 }
    return rows.withUnsafeBufferPointer {
      SimilaritySketch.agreement(sketch(left, in: $0), sketch(right, in: $0))
    }
  }

  private func sketch(_ number: Int, in rows: UnsafeBufferPointer<UInt16>) -> UnsafeBufferPointer<UInt16> {
    let start = Int(firstRows[number]) * Fingerprint.rowCount
    return UnsafeBufferPointer(rebasing: rows[start..<start + Fingerprint.rowCount])
  }

  private func key(of number: Int, band: Int) -> UInt64 {
    rows.withUnsafeBufferPointer { rows in
      let start = Int(firstRows[number]) * Fingerprint.rowCount + band * Self.rowsPerBand
      return SimilaritySketch.band(UnsafeBufferPointer(rebasing: rows[start..<start + Self.rowsPerBand]))
    }
  }
}
