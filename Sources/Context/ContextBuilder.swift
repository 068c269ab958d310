import Synchronization

/// Chooses the pieces of other files that a prompt shows before its file; the same in training and in serving.
///
/// Candidates come from four sources: files next to this one in the import graph, its test or what it tests, definitions
/// of the names around the place, and chunks that share rare words with it (BM25). They are ranked together, cut to
/// whole lines within the budget and ordered so that the most useful stands last, nearest to the code. Deterministic:
/// the answer depends on the index, the files and the query alone. Thread-safe.
public struct ContextBuilder: Sendable {
  /// What the builder knows.
  public let index: ContextIndex
  private let read: @Sendable (String) -> [UInt8]?
  private let weights: ContextWeights
  private let shared: Shared

  /// What copies of a builder have in common.
  private final class Shared: Sendable {
    let cache: ContentCache
    let scratches = Mutex<[ContextScratch]>([])

    init(cacheBytes: Int) {
      cache = ContentCache(limit: cacheBytes)
    }
  }

  /// A builder over an index.
  ///
  /// - Parameters:
  ///   - cacheBytes: Bytes of files to keep in memory.
  ///   - read: The cleaned contents of a file of the index, as they were when its facts were collected; nil when it is
  ///     gone. Called from any thread.
  public init(
    index: ContextIndex, cacheBytes: Int = 32 << 20, read: @escaping @Sendable (String) -> [UInt8]?
  ) {
    self.init(index: index, cacheBytes: cacheBytes, weights: ContextWeights(), read: read)
  }

  init(
    index: ContextIndex, cacheBytes: Int = 32 << 20, weights: ContextWeights,
    read: @escaping @Sendable (String) -> [UInt8]?
  ) {
    self.index = index
    self.read = read
    self.weights = weights
    shared = Shared(cacheBytes: cacheBytes)
  }

  /// Bytes that a snippet costs besides its text and its path.
  private static let overhead = 16
  /// Least bytes for which a further snippet is worth it.
  private static let leastBytes = 80
  /// Candidates that are read.
  private static let triedLimit = 16

  /// The snippets for a place, most useful last; at most `query.limit`, together at most `query.budgetBytes` with their
  /// paths.
  public func snippets(for query: ContextQuery) -> [ContextSnippet] {
    guard query.limit > 0, query.budgetBytes >= Self.leastBytes else { return [] }
    let nearby = NearbyWords(prefix: query.prefix, suffix: query.suffix, weights)
    var scratch = shared.scratches.withLock { $0.popLast() } ?? ContextScratch()
    let own = index.file(query.path)
    let worth = WordWorth(nearby, index.chunks)
    let finder = CandidateFinder(index: index, weights: weights)
    let candidates = finder.candidates(for: query, own: own, nearby, worth, scratch: &scratch)
    shared.scratches.withLock { $0.append(scratch) }
    return choose(candidates, query, own: own, worth)
  }

  private func choose(
    _ candidates: [Candidate], _ query: ContextQuery, own: Int?, _ worth: WordWorth
  ) -> [ContextSnippet] {
    let leaks = LeakGuard(query)
    var chosen: [ContextSnippet] = []
    var taken: [(file: Int, lines: Range<Int>)] = []
    var texts: [[UInt32]] = []
    var left = query.budgetBytes
    for candidate in candidates.prefix(Self.triedLimit) {
      guard chosen.count < query.limit, left >= Self.leastBytes else { break }
      if candidate.file == own { continue }
      guard let content = content(candidate.file) else { continue }
      let path = index.paths[candidate.file]
      let cost = path.utf8.count + Self.overhead
      let cutter = SnippetCutter(
        content: content, maximumLines: query.maximumLines,
        budgetBytes: share(of: left, slots: query.limit - chosen.count) - cost, scoring: weights)
      guard
        let lines = cutter.cut(
          candidate.lines, isDefinition: candidate.source == .definition, weights: worth),
        !taken.contains(where: { $0.file == candidate.file && $0.lines.overlaps(lines) })
      else { continue }
      let text = content.bytes[content.bytes(of: lines)]
      if leaks.forbids(text) { continue }
      if query.limit > 1 {
        let words = Self.words(content, lines)
        if texts.contains(where: { Self.isCopy($0, words) }) { continue }
        texts.append(words)
      }
      taken.append((candidate.file, lines))
      left -= text.count + cost
      chosen.append(
        ContextSnippet(
          path: path, source: candidate.source, firstLine: lines.lowerBound + 1,
          text: String(decoding: text, as: UTF8.self)))
    }
    return chosen.reversed()
  }

  /// The better snippet may take more than its equal share.
  private func share(of left: Int, slots: Int) -> Int {
    slots <= 1 ? left : Int(Float(left) * weights.firstShare)
  }

  private func content(_ file: Int) -> ContentCache.Content? {
    shared.cache.content(file) { read(index.paths[file]) }
  }

  /// The distinct words of a piece, sorted.
  private static func words(_ content: ContentCache.Content, _ lines: Range<Int>) -> [UInt32] {
    var words: [WordScanner.Word] = []
    content.bytes.withUnsafeBufferPointer { WordScanner.scan($0, content.bytes(of: lines), into: &words) }
    var hashes = words.map(\.hash)
    hashes.sort()
    var kept = 0
    for place in hashes.indices where place == 0 || hashes[place] != hashes[place - 1] {
      hashes[kept] = hashes[place]
      kept += 1
    }
    hashes.removeLast(hashes.count - kept)
    return hashes
  }

  /// Two snippets that say nearly the same: more than 0.8 of the words of both are those of each.
  private static func isCopy(_ left: [UInt32], _ right: [UInt32]) -> Bool {
    var (first, second, common) = (0, 0, 0)
    while first < left.count, second < right.count {
      if left[first] == right[second] { common += 1 }
      let step = left[first]
      if step <= right[second] { first += 1 }
      if right[second] <= step { second += 1 }
    }
    return common * 10 > (left.count + right.count - common) * 8
  }
}
