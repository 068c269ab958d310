/// Byte-pair encoding of one stretch of text: the adjacent pair with the best score is merged until none is left.
///
/// Symbols form a linked list, candidate pairs a heap; a pair whose symbols have changed meanwhile is skipped when it
/// surfaces. O(n log n). The arrays are kept between stretches.
struct PairMerger {
  struct Symbol {
    var start: Int
    var count: Int  // 0 once merged into the symbol before
    var previous: Int
    var next: Int
    var token: Int32  // −1 where no piece matches
  }

  /// A piece that a pair makes.
  struct Found {
    let token: Int32
    let score: Float
    /// Whether the piece serves merging only.
    let isUnused: Bool
  }

  private struct Candidate {
    let score: Float
    let left: Int
    let right: Int
    let count: Int
    let token: Int32

    /// Whether this pair comes first: the better score, or at the same score the one further left.
    @inline(__always)
    func precedes(_ other: Candidate) -> Bool {
      score > other.score || (score == other.score && left < other.left)
    }
  }

  private(set) var symbols: [Symbol] = []
  /// For each unused token that a pair was found to make: the length of the left half.
  private(set) var splits: [Int32: Int] = [:]
  private var heap: [Candidate] = []

  /// Merges `text[range]`, which holds valid UTF-8; afterwards `symbols` with a count above 0 are the result.
  mutating func merge(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    find: (UnsafeBufferPointer<UInt8>) -> Found?
  ) {
    symbols.removeAll(keepingCapacity: true)
    heap.removeAll(keepingCapacity: true)
    var position = range.lowerBound
    while position < range.upperBound {
      let count = UTF8Scanner.length(ofLeadByte: text[position])
      let token = find(UnsafeBufferPointer(rebasing: text[position..<(position + count)]))?.token ?? -1
      symbols.append(
        Symbol(
          start: position, count: count, previous: symbols.count - 1, next: symbols.count + 1, token: token))
      position += count
    }
    guard !symbols.isEmpty else { return }
    symbols[symbols.count - 1].next = -1
    for index in symbols.indices.dropFirst() { consider(index - 1, index, text, find) }
    while let best = popFirst() {
      let (left, right) = (best.left, best.right)
      guard symbols[left].count > 0, symbols[right].count > 0,
        symbols[left].count + symbols[right].count == best.count
      else { continue }
      symbols[left].count = best.count
      symbols[left].token = best.token
      symbols[left].next = symbols[right].next
      symbols[right].count = 0
      if symbols[left].next >= 0 { symbols[symbols[left].next].previous = left }
      consider(symbols[left].previous, left, text, find)
      consider(left, symbols[left].next, text, find)
    }
  }

  private mutating func consider(
    _ left: Int, _ right: Int, _ text: UnsafeBufferPointer<UInt8>,
    _ find: (UnsafeBufferPointer<UInt8>) -> Found?
  ) {
    guard left >= 0, right >= 0 else { return }
    let start = symbols[left].start
    let count = symbols[left].count + symbols[right].count
    guard let found = find(UnsafeBufferPointer(rebasing: text[start..<(start + count)])) else { return }
    if found.isUnused { splits[found.token] = symbols[left].count }
    push(Candidate(score: found.score, left: left, right: right, count: count, token: found.token))
  }

  private mutating func push(_ candidate: Candidate) {
    heap.append(candidate)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard candidate.precedes(heap[parent]) else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = candidate
  }

  private mutating func popFirst() -> Candidate? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    let count = heap.count
    guard count > 0 else { return first }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < count else { break }
      if child + 1 < count, heap[child + 1].precedes(heap[child]) { child += 1 }
      guard heap[child].precedes(last) else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return first
  }
}
