/// Byte-pair encoding of one word: the adjacent pair with the smallest key is merged until none is left.
///
/// Words of a few characters keep their pairs in an array that is searched anew for each merge; longer ones, which
/// would take quadratic time so, keep symbols in a linked list and pairs in a heap. The arrays are kept between words.
struct PairMerger {
  /// A part of the word; a symbol with the token −1 has no piece.
  struct Symbol {
    var start: Int32
    var count: Int32  // 0 once merged into the symbol before
    var previous: Int32 = -1
    var next: Int32 = -1
    var token: Int32
  }

  private struct Candidate {
    let key: UInt32
    let left: Int32
    let right: Int32
    let count: Int32
    let token: Int32

    /// Whether this pair comes first: the smaller key, or at the same key the one further left.
    @inline(__always)
    func precedes(_ other: Candidate) -> Bool {
      key < other.key || (key == other.key && left < other.left)
    }
  }

  /// Above this many symbols the heap is used.
  private let shortLimit: Int
  /// The result of the last merge; those with a count of 0 are to be skipped.
  private(set) var symbols: [Symbol] = []
  /// For each unused token that a pair was found to make: the length of the left half.
  private(set) var splits: [Int32: Int] = [:]
  private var pairs: [MergeRules.Merge] = []
  private var heap: [Candidate] = []

  private static let noPair = MergeRules.Merge(key: .max, token: -1)

  init(shortLimit: Int = 32) {
    self.shortLimit = shortLimit
  }

  /// Merges a word, which holds valid UTF-8 of at most 2^31 bytes; afterwards `symbols` is the result.
  mutating func merge(
    _ word: UnsafeBufferPointer<UInt8>, _ rules: MergeRules
  ) {
    symbols.removeAll(keepingCapacity: true)
    if rules.hasUnusedPieces { splits.removeAll(keepingCapacity: true) }
    var position = 0
    while position < word.count {
      let count = UTF8Scanner.length(ofLeadByte: word[position])
      let token = rules.token(UnsafeBufferPointer(rebasing: word[position..<(position + count)]))
      symbols.append(Symbol(start: Int32(position), count: Int32(count), token: token ?? -1))
      position += count
    }
    if symbols.count <= shortLimit {
      mergeShort(word, rules)
    } else {
      mergeLong(word, rules)
    }
  }

  /// What the symbols at two places become.
  @inline(__always)
  private mutating func find(
    _ left: Int, _ right: Int, _ word: UnsafeBufferPointer<UInt8>, _ rules: MergeRules
  ) -> MergeRules.Merge? {
    let (first, second) = (symbols[left], symbols[right])
    let range = Int(first.start)..<Int(second.start + second.count)
    let bytes = UnsafeBufferPointer(rebasing: word[range])
    guard let merge = rules.merge(first.token, second.token, bytes) else { return nil }
    if rules.hasUnusedPieces, rules.vocabulary.types[Int(merge.token)] == .unused {
      splits[merge.token] = Int(first.count)
    }
    return merge
  }
}

// MARK: - Short words

extension PairMerger {
  private mutating func mergeShort(
    _ word: UnsafeBufferPointer<UInt8>, _ rules: MergeRules
  ) {
    guard symbols.count > 1 else { return }
    pairs.removeAll(keepingCapacity: true)
    for index in 0..<(symbols.count - 1) {
      pairs.append(find(index, index + 1, word, rules) ?? Self.noPair)
    }
    while true {
      var best = 0
      for index in pairs.indices where pairs[index].key < pairs[best].key { best = index }
      guard best < pairs.count, pairs[best].token >= 0 else { return }
      symbols[best].count += symbols[best + 1].count
      symbols[best].token = pairs[best].token
      symbols.remove(at: best + 1)
      pairs.remove(at: best)
      if best > 0 { pairs[best - 1] = find(best - 1, best, word, rules) ?? Self.noPair }
      if best < pairs.count { pairs[best] = find(best, best + 1, word, rules) ?? Self.noPair }
    }
  }
}

// MARK: - Long words

extension PairMerger {
  /// In O(n log n): a pair whose symbols have changed meanwhile is skipped when it surfaces.
  private mutating func mergeLong(
    _ word: UnsafeBufferPointer<UInt8>, _ rules: MergeRules
  ) {
    heap.removeAll(keepingCapacity: true)
    for index in symbols.indices {
      symbols[index].previous = Int32(index) - 1
      symbols[index].next = index + 1 < symbols.count ? Int32(index) + 1 : -1
    }
    for index in 1..<Int32(symbols.count) { consider(index - 1, index, word, rules) }
    while let best = popFirst() {
      let (left, right) = (Int(best.left), Int(best.right))
      // The symbol on the left only grows, so the same length means that neither has changed.
      guard symbols[left].count > 0, symbols[right].count > 0,
        symbols[left].count + symbols[right].count == best.count
      else { continue }
      symbols[left].count = best.count
      symbols[left].token = best.token
      symbols[left].next = symbols[right].next
      symbols[right].count = 0
      if symbols[left].next >= 0 { symbols[Int(symbols[left].next)].previous = best.left }
      consider(symbols[left].previous, best.left, word, rules)
      consider(best.left, symbols[left].next, word, rules)
    }
  }

  private mutating func consider(
    _ left: Int32, _ right: Int32, _ word: UnsafeBufferPointer<UInt8>, _ rules: MergeRules
  ) {
    guard left >= 0, right >= 0 else { return }
    guard let merge = find(Int(left), Int(right), word, rules) else { return }
    let count = symbols[Int(left)].count + symbols[Int(right)].count
    push(Candidate(key: merge.key, left: left, right: right, count: count, token: merge.token))
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
