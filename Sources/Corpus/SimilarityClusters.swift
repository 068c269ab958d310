/// Puts similar things together by locality-sensitive hashing: things that agree in a band are compared, and what is
/// similar is united (union-find).
///
/// Things are named by their place in an order of the caller's; the result depends on that order alone.
struct SimilarityClusters {
  /// A band's bucket with more things than this is not compared all against all.
  static let bucketLimit = 64
  /// With how many unlike things each thing of a large bucket is compared.
  static let headLimit = 32

  private var parents: [Int32]

  init(count: Int) {
    precondition(count <= Int32.max, "more things than 32 bits can number")
    parents = Array(0..<Int32(count))
  }

  /// The first member, in the caller's order, of the cluster that `item` belongs to.
  mutating func first(of item: Int) -> Int {
    var root = item
    while Int(parents[root]) != root { root = Int(parents[root]) }
    var next = item
    while next != root {
      let parent = Int(parents[next])
      parents[next] = Int32(root)
      next = parent
    }
    return root
  }

  /// Makes one cluster of two. The smaller place stays its name.
  mutating func unite(_ left: Int, _ right: Int) {
    let (left, right) = (first(of: left), first(of: right))
    if left < right { parents[right] = Int32(left) } else { parents[left] = Int32(right) }
  }

  /// Compares what agrees in one band.
  ///
  /// - Complexity: O(n log n) for n entries, whatever the buckets' sizes: `isSimilar` is asked at most `bucketLimit` / 2
  ///   times for each entry.
  mutating func unite(
    band: [(key: UInt64, item: Int32)], where isSimilar: (_ left: Int, _ right: Int) -> Bool
  ) {
    let sorted = band.sorted { $0.key != $1.key ? $0.key < $1.key : $0.item < $1.item }
    var start = 0
    while start < sorted.count {
      var end = start + 1
      while end < sorted.count, sorted[end].key == sorted[start].key { end += 1 }
      if end - start > 1 {
        let bucket = sorted[start..<end]
        if bucket.count <= Self.bucketLimit {
          uniteAll(bucket, isSimilar)
        } else {
          uniteWithHeads(bucket, isSimilar)
        }
      }
      start = end
    }
  }

  private mutating func uniteAll(
    _ bucket: ArraySlice<(key: UInt64, item: Int32)>, _ isSimilar: (Int, Int) -> Bool
  ) {
    for right in bucket.indices.dropFirst() {
      for left in bucket.startIndex..<right {
        let (one, other) = (Int(bucket[left].item), Int(bucket[right].item))
        if first(of: one) != first(of: other), isSimilar(one, other) { unite(one, other) }
      }
    }
  }

  /// Compares each entry with those before it that were like none before them.
  private mutating func uniteWithHeads(
    _ bucket: ArraySlice<(key: UInt64, item: Int32)>, _ isSimilar: (Int, Int) -> Bool
  ) {
    var heads: [Int] = []
    for entry in bucket {
      let item = Int(entry.item)
      let like = heads.first { first(of: $0) == first(of: item) || isSimilar($0, item) }
      if let like {
        unite(like, item)
      } else if heads.count < Self.headLimit {
        heads.append(item)
      }
    }
  }
}
