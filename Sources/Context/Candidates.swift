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
  ///
  /// - Parameter own: The number of the query's file; nil when the index does not have it.
  func candidates(
    for query: ContextQuery, own: Int?, _ nearby: NearbyWords, _ worth: WordWorth,
    scratch: inout ContextScratch
  ) -> [Candidate] {
    scratch.prepare(chunks: index.chunkCount)
    index.chunks.add(
      worth.best(Self.wordLimit), to: &scratch.scores, touched: &scratch.touched,
      touchedCount: &scratch.touchedCount)
    let imported = own.map { index.imports.reach(of: $0, hidden: query.hole?.range) } ?? []
    let linked = Neighbours(
      imported: imported, importers: own.map { index.imports.importers[$0].map(Int.init) } ?? [],
      tests: own.map { index.tests[$0].map(Int.init) } ?? [])
    var found = definitions(nearby, own: own, linked)
    scratch.scores.withUnsafeBufferPointer { scores in
      found += neighbours(linked, scores)
      found += similar(own: own, path: query.path, scores, scratch.touched[..<scratch.touchedCount])
    }
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

  /// Definitions, in other files, of names that stand near the place and are not defined in its own file.
  private func definitions(
    _ nearby: NearbyWords, own: Int?, _ linked: Neighbours
  ) -> [Candidate] {
    var found: [Candidate] = []
    let imported = Set(linked.imported)
    let own = own.map(UInt32.init)
    for word in nearby.words where word.name != 0 {
      let entries = index.definitions[word.name]
      guard !entries.isEmpty, !entries.contains(where: { $0.file == own }) else { continue }
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
  private func neighbours(_ linked: Neighbours, _ scores: UnsafeBufferPointer<Float>) -> [Candidate] {
    var found: [Candidate] = []
    func add(_ files: [Int], _ source: ContextSnippet.Source, _ weight: Float) {
      for file in files.prefix(Self.neighbourLimit) {
        var best: (chunk: Int, score: Float) = (-1, 0)
        for chunk in index.chunks.chunks(of: file) where scores[chunk] > best.score {
          best = (chunk, scores[chunk])
        }
        guard best.score > 0 else { continue }
        found.append(
          Candidate(
            file: file, lines: index.chunks.lines(of: best.chunk), source: source,
            score: best.score * weight))
      }
    }
    add(linked.tests, .test, weights.test)
    add(linked.imported, .importGraph, weights.imported)
    add(linked.importers, .importGraph, weights.importing)
    return found
  }

  /// The chunks of any other file that share the rarest words.
  private func similar(
    own: Int?, path: String, _ scores: UnsafeBufferPointer<Float>, _ touched: ArraySlice<UInt32>
  ) -> [Candidate] {
    let family = own.map { index.families[$0] } ?? index.family(of: path)
    let own = own.map(UInt32.init)
    // Score above, the chunk's complement below: chunks are numbered by file and line, so that keys have the order of
    // `isBetter`.
    var best: [UInt64] = []
    best.reserveCapacity(4 * Self.similarLimit)
    var floor: Float = 0
    index.chunks.files.withUnsafeBufferPointer { files in
      index.families.withUnsafeBufferPointer { families in
        for chunk in touched {
          let score = scores[Int(chunk)]
          guard score > floor else { continue }
          let file = files[Int(chunk)]
          if file == own { continue }
          let value = score * (families[Int(file)] == family ? weights.similar : weights.otherLanguage)
          best.append(UInt64(value.bitPattern) << 32 | UInt64(~chunk))
          if best.count >= 4 * Self.similarLimit {
            best.sort(by: >)
            best.removeLast(best.count - Self.similarLimit)
            floor = best.last.map(Self.score) ?? 0
          }
        }
      }
    }
    best.sort(by: >)
    return best.prefix(Self.similarLimit).map { key in
      let chunk = Int(~UInt32(truncatingIfNeeded: key))
      return Candidate(
        file: Int(index.chunks.files[chunk]), lines: index.chunks.lines(of: chunk), source: .similar,
        score: Self.score(key))
    }
  }

  private static func score(_ key: UInt64) -> Float {
    Float(bitPattern: UInt32(truncatingIfNeeded: key >> 32))
  }
}

/// What a look-up needs besides the index; used again, since clearing is cheaper than allocating.
struct ContextScratch: Sendable {
  /// Score of each chunk, 0 outside of `touched`.
  var scores: [Float] = []
  /// The first `touchedCount` are the chunks with a score.
  var touched: [UInt32] = []
  var touchedCount = 0

  mutating func prepare(chunks: Int) {
    guard scores.count != chunks else { return }
    scores = [Float](repeating: 0, count: chunks)
    touched = [UInt32](repeating: 0, count: chunks)
    touchedCount = 0
  }

  mutating func clear() {
    scores.withUnsafeMutableBufferPointer { scores in
      for chunk in touched[..<touchedCount] { scores[Int(chunk)] = 0 }
    }
    touchedCount = 0
  }
}
