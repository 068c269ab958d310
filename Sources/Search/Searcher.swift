import Generation

/// Answers questions about a folder of code: full-text candidates, read again by the model.
///
/// The model scores each candidate by how likely the question is as the doc comment that is missing there: the same
/// fill-in-the-middle task that it was trained for. Scores are combined with BM25 as standard scores over the
/// candidates, because the two have different units and spreads per question.
public struct Searcher: Sendable {
  /// How to search.
  public struct Options: Sendable {
    /// Most results.
    public var limit = 10
    /// Most candidates that the model reads.
    public var candidates = 40
    /// Wall-clock seconds for the model; what it has not read by then keeps its BM25 place.
    public var budgetSeconds = 5.0
    /// Share of the model in the combined score; 0 leaves the model out.
    public var modelWeight = Searcher.standardModelWeight
    /// Bytes of a chunk that the model reads.
    public var chunkBytes = 900
    /// Adapter that the model uses; nil for the bare base.
    public var adapter: String?

    /// Standard options.
    public init() {}
  }

  /// One answer.
  public struct Hit: Sendable {
    /// Where.
    public let place: ChunkIndex.Candidate
    /// First line with letters in it, trimmed.
    public let firstLine: String
    /// Rank by BM25 alone, from 1.
    public let lexicalRank: Int
    /// Natural log probability of the question per byte, above what the question has anyway; nil when not read.
    public let modelGain: Double?
    /// Combined standard score, or BM25's when no chunk was read.
    public let score: Double
  }

  /// All answers and what they cost.
  public struct Outcome: Sendable {
    /// The best first.
    public let hits: [Hit]
    /// Candidates that shared a word with the question.
    public let candidates: Int
    /// Candidates that the model read.
    public let read: Int
    /// Whether the budget ended the reading.
    public let isCut: Bool
  }

  /// See docs/search.md for the measurement.
  public static let standardModelWeight = 0.1

  private let index: ChunkIndex
  private let model: (any InfillModel)?
  private let now: @Sendable () -> Double

  /// A searcher over an index; without a model BM25 alone decides. `now` gives seconds.
  public init(
    index: ChunkIndex, model: (any InfillModel)?,
    now: @escaping @Sendable () -> Double = { ContinuousSeconds.now() }
  ) {
    self.index = index
    self.model = model
    self.now = now
  }

  /// Searches.
  ///
  /// - Throws: `DatabaseError`, what the model throws, `CancellationError`.
  public func search(_ query: String, _ options: Options = Options()) async throws -> Outcome {
    let deadline = now() + options.budgetSeconds
    let pool = max(options.limit, options.candidates)
    let candidates = try await index.candidates(for: query, limit: pool)
    var gains: [Double] = []
    if let model, options.modelWeight > 0, candidates.count > 1 {
      let reader = ChunkReader(model: model, query: query, options)
      let floor = try await reader.floor()
      for candidate in candidates.prefix(options.candidates) {
        try Task.checkCancellation()
        if now() >= deadline { break }
        let text = index.text(of: candidate) ?? []
        let style = index.docStyle(of: candidate.path)
        let score = try await reader.score(text, path: candidate.path, style: style)
        gains.append((score - floor) / Double(reader.queryLength))
      }
    }
    let ranked = Self.rank(candidates.map(\.bm25), gains: gains, weight: options.modelWeight)
    let hits = ranked.prefix(options.limit).map { place, score in
      Hit(
        place: candidates[place], firstLine: firstLine(candidates[place]), lexicalRank: place + 1,
        modelGain: place < gains.count ? gains[place] : nil, score: score)
    }
    let readable = model == nil || options.modelWeight == 0 ? 0 : min(candidates.count, options.candidates)
    return Outcome(
      hits: hits, candidates: candidates.count, read: gains.count,
      isCut: candidates.count > 1 && gains.count < readable)
  }

  /// Order of the candidates: those that were read by combined score, then the others by BM25.
  static func rank(_ bm25: [Double], gains: [Double], weight: Double) -> [(place: Int, score: Double)] {
    guard gains.count > 1 else { return bm25.enumerated().map { ($0.offset, $0.element) } }
    let lexical = standardScores(Array(bm25.prefix(gains.count)))
    let model = standardScores(gains)
    let read = gains.indices.map { place in
      (place: place, score: (1 - weight) * lexical[place] + weight * model[place])
    }
    let sorted = read.sorted { $0.score != $1.score ? $0.score > $1.score : $0.place < $1.place }
    let lowest = sorted.last?.score ?? 0
    return sorted + (gains.count..<bm25.count).map { ($0, lowest) }
  }

  /// Distances from the mean in standard deviations; zeros when all are alike.
  static func standardScores(_ values: [Double]) -> [Double] {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    guard variance > 1e-18, variance.isFinite else { return values.map { _ in 0 } }
    return values.map { ($0 - mean) / variance.squareRoot() }
  }

  private func firstLine(_ candidate: ChunkIndex.Candidate) -> String {
    let text = String(decoding: index.text(of: candidate) ?? [], as: UTF8.self)
    let line =
      text.split(whereSeparator: \.isNewline).first { $0.contains { $0.isLetter || $0.isNumber } } ?? ""
    let trimmed = line.drop { $0.isWhitespace }
    return trimmed.count <= 120 ? String(trimmed) : trimmed.prefix(119) + "…"
  }
}

/// A clock that never goes back.
public enum ContinuousSeconds {
  private static let start = ContinuousClock.now

  /// Seconds since the first use.
  public static func now() -> Double { (ContinuousClock.now - start) / .seconds(1) }
}
