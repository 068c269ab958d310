import Corpus

extension SurveyedCorpus {
  /// Test candidates that are kept before leaks are looked for.
  private static let candidateLimit = 20_000

  /// A candidate for a test example, and where the text stands that it was cut from.
  private struct Candidate {
    var example: FIMExample
    let text: SurveySpool.Place
    let rank: UInt64
    let hash: ContentHash
    let licence: String?

    /// The file in this state, without its examples.
    var file: CarvingReport.File {
      CarvingReport.File(
        path: example.path, tree: 0, hash: hash, language: example.language, bytes: text.count,
        licence: licence, split: .test, examples: 0)
    }
  }

  /// Writes the test examples: what was written later and training does not hold, in the order of content hashes.
  ///
  /// All files are searched for leaks, whatever the shard, so that shards agree.
  func writeTest(to outputs: [CarvingOutput]) throws -> TestReport {
    var report = TestReport()
    guard let source = run.options.test else { return report }
    let texts = try SurveySpool()
    let candidates = try candidates(from: source, texts: texts)
    let leaked = try leaks(among: candidates)
    let known = middles(among: candidates)
    let copies = try copies(among: candidates, texts: texts)
    report.refused = copies.refused
    var chosen: [Candidate] = []
    for (index, candidate) in candidates.enumerated() {
      let example = candidate.example
      guard run.options.shard?.holds(candidate.hash) ?? true else { continue }
      let middle = DuplicateMiddles.hash(of: example.middle.utf8)
      if copies.places.contains(TextPlace(candidate)) {
        report.drops[.copiedFile, default: 0] += 1
      } else if leaked.contains(index) || middle.map({ known.contains($0) }) ?? true {
        report.drops[.acrossSplits, default: 0] += 1
      } else {
        chosen.append(candidate)
      }
    }
    var numbers: [TextPlace: Int] = [:]
    try judge(chosen, texts: texts) { candidate in
      let example = candidate.example
      if let decontaminator = run.options.decontamination, Self.isContaminated(example, decontaminator) {
        report.drops[.contaminated, default: 0] += 1
        return
      }
      guard let prepared = try outputs.prepared(example, for: .test) else {
        report.drops[.unfit, default: 0] += 1
        return
      }
      for (output, bytes) in prepared { try outputs[output].sink.append(bytes, of: example) }
      report.statistics.add(example)
      let number = numbers[TextPlace(candidate)] ?? report.files.count
      if number == report.files.count {
        numbers[TextPlace(candidate)] = number
        report.files.append(candidate.file)
      }
      report.files[number].examples += 1
    }
    return report
  }

  /// Candidates in the order in which they are to be written; the ones of lowest rank where there are many.
  private func candidates(from source: TestSource, texts: SurveySpool) throws -> [Candidate] {
    let cutter = HistoryExamples(
      known: KnownText([]), windowBytes: run.settings.windowBytes, seed: run.options.seed)
    var found: [Candidate] = []
    var seen: Set<UInt64> = []
    var places: [ContentHash: SurveySpool.Place] = [:]
    var number = 0
    var selection = run.options.selection
    selection.hygiene = run.options.hygiene
    try source.spans(catalog: run.catalog, options: selection) { span in
      try Task.checkCancellation()
      let hash = ContentHash(span.contents)
      for var example in cutter.candidates(of: span, number: number) {
        example.contentHash = hash.hex
        let key = Stamp.of(Array((example.path + "\u{0}" + example.middle + example.prefix.suffix(80)).utf8))
        guard seen.insert(key).inserted else { continue }
        let rank = Self.rank(
          hash, hole: example.middleStart, seed: run.options.seed, epoch: example.middleEnd)
        let place = try places[hash] ?? texts.append(span.contents)
        places[hash] = place
        found.append(
          Candidate(example: example, text: place, rank: rank, hash: hash, licence: span.licence))
      }
      number += 1
      if found.count > 2 * Self.candidateLimit { Self.prune(&found) }
    }
    Self.prune(&found)
    return found.sorted {
      let (left, right) = ($0.example, $1.example)
      if left.contentHash != right.contentHash { return left.contentHash < right.contentHash }
      if left.middleStart != right.middleStart { return left.middleStart < right.middleStart }
      return left.middleEnd != right.middleEnd ? left.middleEnd < right.middleEnd : left.path < right.path
    }
  }

  private static func prune(_ found: inout [Candidate]) {
    guard found.count > candidateLimit else { return }
    found.sort { $0.rank < $1.rank }
    found.removeLast(found.count - candidateLimit)
  }

  /// Calls `body` with each candidate, whose example now says its class; a text is parsed once for all of its examples.
  private func judge(
    _ candidates: [Candidate], texts: SurveySpool, body: (Candidate) throws -> Void
  ) throws {
    var groups: [Range<Int>] = []
    for index in candidates.indices {
      if let last = groups.last?.lowerBound, candidates[last].text.offset == candidates[index].text.offset,
        candidates[last].example.language == candidates[index].example.language
      {
        groups[groups.count - 1] = last..<(index + 1)
      } else {
        groups.append(index..<(index + 1))
      }
    }
    try OrderedWork(threads: run.options.threads).run(groups.count) { [groups] group in
      let own = candidates[groups[group]].map(\.example)
      guard let text = texts.read(candidates[groups[group].lowerBound].text) else { return own }
      return HistoryExamples.judged(own, in: text, self.run.catalog)
    } take: { group, examples in
      for (index, example) in zip(groups[group], examples) {
        var candidate = candidates[index]
        candidate.example = example
        try body(candidate)
      }
    }
  }

  /// Which candidates stand verbatim in a file that is learnt from.
  private func leaks(among candidates: [Candidate]) throws -> Set<Int> {
    let finder = LeakFinder(candidates.map { Array($0.example.middle.utf8) })
    var leaked: Set<Int> = []
    try OrderedWork(threads: run.options.threads).run(order.count) { place in
      self.reader.text(of: self.files[self.order[place]]).map { finder.texts(in: $0) } ?? []
    } take: { _, found in
      leaked.formUnion(found)
    }
    return leaked
  }

  /// Middles of candidates that are middles of training or validation too.
  private func middles(among candidates: [Candidate]) -> Set<UInt64> {
    let wanted = Set(candidates.compactMap { DuplicateMiddles.hash(of: $0.example.middle.utf8) })
    var found: Set<UInt64> = []
    for index in order {
      let first = files[index].firstMiddle
      for middle in middles[first..<(first + files[index].wanted)] where wanted.contains(middle) {
        found.insert(middle)
      }
    }
    return found
  }
}

// MARK: - Copies

extension SurveyedCorpus {
  /// A text at a path.
  private struct TextPlace: Hashable {
    let path: String
    let offset: Int

    init(_ candidate: Candidate) {
      path = candidate.example.path
      offset = candidate.text.offset
    }
  }

  /// Texts of new files that are nearly copies of files of the training state, or of other new files.
  ///
  /// Files that training left out as copies count too: a cluster has one side of the border, whichever member is kept.
  private func copies(
    among candidates: [Candidate], texts: SurveySpool
  ) throws -> (places: Set<TextPlace>, refused: [SkippedSource]) {
    let old = Set(files.map { path(of: $0) })
    var seen: Set<TextPlace> = []
    let new = candidates.filter { !old.contains($0.example.path) && seen.insert(TextPlace($0)).inserted }
    guard !new.isEmpty else { return ([], []) }
    var planner = SplitPlanner()
    var added: [(path: String, tree: Int, place: TextPlace?)] = []
    for file in files {
      guard let fingerprint = reader.fingerprint(of: file) else { continue }
      added.append((path(of: file), file.tree, nil))
      planner.add(path: path(of: file), fingerprint: fingerprint, rank: file.tree)
    }
    try OrderedWork(threads: run.options.threads).run(new.count) { index in
      texts.read(new[index].text).map { Fingerprint($0) }
    } take: { index, fingerprint in
      guard let fingerprint else { return }
      added.append((new[index].example.path, 0, TextPlace(new[index])))
      planner.add(path: new[index].example.path, fingerprint: fingerprint, state: .test)
    }
    var places: Set<TextPlace> = []
    var refused: [String: SkippedSource] = [:]
    for (number, decision) in planner.decisions().enumerated() {
      // Versions of one file are like each other.
      guard let place = added[number].place, case .refused(let reason, let other, let jaccard) = decision,
        added[other].path != place.path
      else { continue }
      places.insert(place)
      guard refused[place.path] == nil else { continue }
      let alike = reason == .nearDuplicate ? ", \(Int((jaccard * 100).rounded())) % alike" : ""
      refused[place.path] = SkippedSource(
        tree: added[other].tree, path: place.path, reason: reason,
        detail: "new in the later state, copy of \(added[other].path)\(alike)")
    }
    return (places, refused.values.sorted { $0.path < $1.path })
  }
}
