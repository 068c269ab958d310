/// A piece of a file that may become a snippet.
struct Candidate {
  let file: Int
  /// 0-based lines.
  let lines: Range<Int>
  let source: ContextSnippet.Source
  /// How useful it seems; comparable between sources.
  var score: Float
}

/// Finds the pieces of other files that may help at a place.
struct CandidateFinder {
  let index: ContextIndex
  let weights: ContextWeights

  private static let wordLimit = 40
  private static let nameLimit = 24
  private static let similarLimit = 12
  private static let neighbourLimit = 24

  /// All candidates, the best first.
  func candidates(for query: ContextQuery, _ nearby: NearbyWords, scratch: inout ContextScratch)
    -> [Candidate]
  {
    let own = index.file(query.path)
    score(nearby, &scratch)
    let imported = own.map { index.imports.reach(of: $0, hidden: query.hole?.range) } ?? []
    let linked = Neighbours(
      imported: imported, importers: own.map { index.imports.importers[$0].map(Int.init) } ?? [],
      tests: own.map { index.tests[$0].map(Int.init) } ?? [])
    var found = definitions(nearby, own: own, path: query.path, linked)
    found += neighbours(linked, scratch)
    found += similar(own: own, path: query.path, scratch)
    scratch.clear()
    found.removeAll { !weights.sources.contains($0.source) }
    return found.sorted(by: Self.isBetter)
  }

  /// A strict order, so that the result depends on nothing but the index and the query.
  static func isBetter(_ left: Candidate, _ right: Candidate) -> Bool {
    if left.score != right.score { return left.score > right.score }
    if left.file != right.file { return left.file < right.file }
    if left.lines.lowerBound != right.lines.lowerBound {
      return left.lines.lowerBound < right.lines.lowerBound
    }
    return left.source.rawValue < right.source.rawValue
  }

  struct Neighbours {
    let imported: [Int]
    let importers: [Int]
    let tests: [Int]
  }

  /// BM25 of all chunks for the nearby words.
  private func score(_ nearby: NearbyWords, _ scratch: inout ContextScratch) {
    scratch.prepare(chunks: index.chunkCount)
    var best: [UInt32: Float] = [:]
    for word in nearby.words {
      let weight = index.chunks.weight(of: word.hash) * word.closeness
      if weight > 0 { best[word.hash] = max(best[word.hash] ?? 0, weight) }
    }
    let chosen = best.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(Self.wordLimit)
    for (word, weight) in chosen {
      index.chunks.add(word, weight: weight, to: &scratch.scores, touched: &scratch.touched)
    }
    scratch.total = chosen.reduce(0) { $0 + $1.value }
  }

  /// Definitions, in other files, of names that stand near the place and are not defined in its own file.
  private func definitions(
    _ nearby: NearbyWords, own: Int?, path: String, _ linked: Neighbours
  ) -> [Candidate] {
    var found: [Candidate] = []
    let imported = Set(linked.imported)
    for word in nearby.words where word.name != 0 {
      let entries = index.definitions[word.name]
      guard !entries.isEmpty, !entries.contains(where: { Int($0.file) == own }) else { continue }
      let known = entries.filter { imported.contains(Int($0.file)) }
      let usable = known.isEmpty ? entries : ArraySlice(known)
      let rarity = max(index.chunks.weight(of: word.hash), 1)
      var certainty: Float = 1 / Float(usable.count)
      if known.isEmpty { certainty *= weights.unlinkedDefinition }
      if word.isMember, known.isEmpty { certainty *= weights.memberDefinition }
      for entry in usable.prefix(4) {
        let kind: Float = entry.isScope ? 1 : weights.valueDefinition
        found.append(
          Candidate(
            file: Int(entry.file), lines: entry.lines, source: .definition,
            score: weights.definition * rarity * word.closeness * certainty * kind))
      }
    }
    return Array(found.sorted(by: Self.isBetter).prefix(Self.nameLimit))
  }

  /// The chunks of imported, importing and testing files that say most about the nearby words.
  private func neighbours(_ linked: Neighbours, _ scratch: ContextScratch) -> [Candidate] {
    var found: [Candidate] = []
    func add(_ files: [Int], _ source: ContextSnippet.Source, _ weight: Float) {
      for file in files.prefix(Self.neighbourLimit) {
        guard let chunk = index.chunks.chunks(of: file).max(by: { scratch.scores[$0] < scratch.scores[$1] }),
          scratch.scores[chunk] > 0
        else { continue }
        found.append(
          Candidate(
            file: file, lines: index.chunks.lines(of: chunk), source: source,
            score: scratch.scores[chunk] * weight))
      }
    }
    add(linked.tests, .test, weights.test)
    add(linked.imported, .importGraph, weights.imported)
    add(linked.importers, .importGraph, weights.importing)
    return found
  }

  /// The chunks of any other file that share the rarest words.
  private func similar(own: Int?, path: String, _ scratch: ContextScratch) -> [Candidate] {
    let suffix = TestLinks.family(path)
    var best: [Candidate] = []
    var floor: Float = 0
    for chunk in scratch.touched {
      let score = scratch.scores[Int(chunk)]
      guard score > floor else { continue }
      let file = Int(index.chunks.files[Int(chunk)])
      if file == own { continue }
      let isFamily = TestLinks.family(index.paths[file]) == suffix
      best.append(
        Candidate(
          file: file, lines: index.chunks.lines(of: Int(chunk)), source: .similar,
          score: score * (isFamily ? weights.similar : weights.otherLanguage)))
      if best.count >= 4 * Self.similarLimit {
        best.sort(by: Self.isBetter)
        best.removeLast(best.count - Self.similarLimit)
        floor = best.last?.score ?? 0
      }
    }
    return Array(best.sorted(by: Self.isBetter).prefix(Self.similarLimit))
  }
}

/// What a look-up needs besides the index; used again, since clearing is cheaper than allocating.
struct ContextScratch: Sendable {
  /// Score of each chunk, 0 outside of `touched`.
  var scores: [Float] = []
  /// Chunks with a score.
  var touched: [UInt32] = []
  /// The score of a chunk that had all words.
  var total: Float = 0

  mutating func prepare(chunks: Int) {
    if scores.count != chunks { scores = [Float](repeating: 0, count: chunks) }
  }

  mutating func clear() {
    for chunk in touched { scores[Int(chunk)] = 0 }
    touched.removeAll(keepingCapacity: true)
  }
}
