/// Finds functions that stand in many files, so that copied helpers are learnt from at most twice.
public struct FunctionCopies: Sendable {
  private let threshold: Double
  private let limit: Int
  private var functions: [FunctionFingerprint] = []
  /// Where each file's functions begin in `functions`; one more for the end.
  private var firstFunctions: [Int] = [0]
  private var ranks: [Int] = []
  private var names: [String] = []

  /// An empty finder: of functions whose similarity is at least `threshold`, the first `limit` are kept.
  ///
  /// - Parameter minimumCapacity: room for so many functions, of 64 bytes each; with more it grows by doubling.
  public init(threshold: Double = 0.85, limit: Int = 2, minimumCapacity: Int = 0) {
    self.threshold = threshold
    self.limit = limit
    functions.reserveCapacity(minimumCapacity)
  }

  /// Takes the functions of one kept file in, and says the file's number, counted from 0.
  ///
  /// - Parameters:
  ///   - rank: functions of files with a higher rank are kept before others.
  ///   - name: decides between equal ranks, the smaller one comes first.
  @discardableResult
  public mutating func add(_ functions: [FunctionFingerprint], rank: Int, name: String) -> Int {
    self.functions += functions
    firstFunctions.append(self.functions.count)
    ranks.append(rank)
    names.append(name)
    return ranks.count - 1
  }

  /// For each file, in the order of the numbers, the ranges of functions that others have shown often enough: no hole
  /// within them is worth learning from. The result does not depend on the order of adding as long as no two files have
  /// the same rank and name.
  public func surplus() -> [[Range<Int>]] {
    let files = ranks.indices.sorted {
      if ranks[$0] != ranks[$1] { return ranks[$0] > ranks[$1] }
      return names[$0] != names[$1] ? names[$0] < names[$1] : $0 < $1
    }
    // Functions in the order of preference, each with its file.
    let order = files.flatMap { file in (firstFunctions[file]..<firstFunctions[file + 1]).map { Int32($0) } }
    var clusters = SimilarityClusters(count: order.count)
    for band in 0..<8 {
      let entries = order.indices.map { place in
        (key: UInt64(functions[Int(order[place])].bands[band]), item: Int32(place))
      }
      clusters.unite(band: entries) { left, right in
        functions[Int(order[left])].similarity(to: functions[Int(order[right])]) >= threshold
      }
    }
    return ranges(of: seenBefore(&clusters, order))
  }

  /// Indices of the functions before which `limit` of their cluster stand.
  private func seenBefore(_ clusters: inout SimilarityClusters, _ order: [Int32]) -> [Int] {
    var counts = [Int32](repeating: 0, count: order.count)
    var surplus: [Int] = []
    for place in order.indices {
      let cluster = clusters.first(of: place)
      counts[cluster] += 1
      if counts[cluster] > limit { surplus.append(Int(order[place])) }
    }
    return surplus.sorted()
  }

  private func ranges(of surplus: [Int]) -> [[Range<Int>]] {
    var result = [[Range<Int>]](repeating: [], count: ranks.count)
    var file = 0
    for function in surplus {
      while firstFunctions[file + 1] <= function { file += 1 }
      result[file].append(functions[function].range)
    }
    return result
  }
}
