import Gemma

/// Remembers token sequences with their keys and values, so that a request evaluates only what no earlier one had.
///
/// Sequences share the pages of their common beginnings. Those of different adapters never mix: the same token has
/// other keys and values under another adapter. Where the pages take more than the budget, the sequence that was used
/// least recently goes, those that belong to no document first.
struct SequenceMemory {
  /// Adapter name; nil for the bare base.
  typealias AdapterKey = String?

  private struct Remembered {
    let entry: PrefixTree<KVSequence>.Entry
    let adapter: AdapterKey
    var document: String?
    var lastUse: Int
  }

  private var trees: [AdapterKey: PrefixTree<KVSequence>] = [:]
  private var remembered: [ObjectIdentifier: Remembered] = [:]
  private var clock = 0

  /// Most sequences, whatever they take: their lists of pages cost memory too.
  let limit: Int
  /// Most bytes of pages.
  let budget: Int
  private let pages: KVPagePool

  /// Remembers sequences whose pages come from `pages`.
  init(_ pages: KVPagePool, budget: Int, limit: Int = 256) {
    self.pages = pages
    self.budget = budget
    self.limit = limit
  }

  /// Sequences remembered.
  var count: Int { remembered.count }

  /// A copy of the remembered sequence that shares the longest beginning with `tokens`, cut back to that beginning,
  /// and its length; at most `most` positions. Nil where nothing is shared.
  mutating func recall(_ tokens: [Int32], adapter: AdapterKey, most: Int) -> (
    sequence: KVSequence, shared: Int
  )? {
    guard most > 0, let match = trees[adapter]?.longestMatch(tokens) else { return nil }
    clock += 1
    remembered[ObjectIdentifier(match.entry)]?.lastUse = clock
    let shared = min(match.shared, most)
    let sequence = match.entry.value.fork()
    sequence.truncate(to: shared)
    return (sequence, shared)
  }

  /// Remembers `sequence`, which holds the keys and values of `tokens` and is not changed afterwards, for `document`.
  mutating func remember(_ tokens: [Int32], _ sequence: KVSequence, adapter: AdapterKey, document: String?) {
    precondition(sequence.count == tokens.count, "a sequence of other tokens")
    clock += 1
    let outcome = trees[adapter, default: PrefixTree()].insert(tokens) { sequence }
    for entry in outcome.superseded { remembered[ObjectIdentifier(entry)] = nil }
    if let entry = outcome.inserted {
      remembered[ObjectIdentifier(entry)] = Remembered(
        entry: entry, adapter: adapter, document: document, lastUse: clock)
    } else if let entry = outcome.existing {
      remembered[ObjectIdentifier(entry)]?.lastUse = clock
      if let document { remembered[ObjectIdentifier(entry)]?.document = document }
    }
    evict()
  }

  /// The sequence of `document` that was used last, and its tokens.
  func latest(of document: String) -> (tokens: [Int32], sequence: KVSequence, adapter: AdapterKey)? {
    let own = remembered.values.filter { $0.document == document }
    guard let latest = own.max(by: { $0.lastUse < $1.lastUse }), let tree = trees[latest.adapter] else {
      return nil
    }
    return (tree.tokens(of: latest.entry), latest.entry.value, latest.adapter)
  }

  /// Forgets what was remembered for a document that has been closed.
  mutating func forget(document: String) {
    for (key, one) in remembered where one.document == document { remove(key, one) }
  }

  /// Forgets what was remembered under an adapter that has been replaced.
  mutating func forget(adapter: AdapterKey) {
    trees[adapter] = nil
    remembered = remembered.filter { $0.value.adapter != adapter }
  }

  /// Forgets sequences, the least recently used first, until the budget is kept. The latest one stays.
  private mutating func evict() {
    while remembered.count > limit || pages.bytesInUse > budget {
      let candidates = remembered.filter { $0.value.lastUse < clock }
      guard
        let (key, oldest) = candidates.min(by: {
          let (a, b) = ($0.value, $1.value)
          return (a.document == nil) == (b.document == nil) ? a.lastUse < b.lastUse : a.document == nil
        })
      else { return }
      remove(key, oldest)
    }
  }

  private mutating func remove(_ key: ObjectIdentifier, _ one: Remembered) {
    trees[one.adapter]?.remove(one.entry)
    if trees[one.adapter]?.isEmpty == true { trees[one.adapter] = nil }
    remembered[key] = nil
  }
}
