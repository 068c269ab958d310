import Corpus

extension SurveyedCorpus {
  /// Test candidates that are kept before leaks are looked for.
  private static let candidateLimit = 20_000

  /// Writes the test examples: what was written later and training does not hold, in the order of content hashes.
  ///
  /// All files are searched for leaks, whatever the shard, so that shards agree.
  func writeTest(to outputs: [CarvingOutput]) throws -> TestReport {
    var report = TestReport()
    guard let source = run.options.test else { return report }
    let candidates = try candidates(from: source)
    let leaked = try leaks(among: candidates)
    let known = try middles(among: candidates)
    var paths: Set<String> = []
    for (index, example) in candidates.enumerated() {
      guard let hash = ContentHash(hex: example.contentHash), run.options.shard?.holds(hash) ?? true else {
        continue
      }
      let middle = DuplicateMiddles.hash(of: example.middle.utf8)
      if leaked.contains(index) || middle.map({ known.contains($0) }) ?? true {
        report.drops[.acrossSplits, default: 0] += 1
        continue
      }
      report.statistics.add(example)
      if paths.insert(example.path).inserted { report.files += 1 }
      for output in outputs where output.split == .test { try output.sink.append(example) }
    }
    return report
  }

  /// Candidates in the order in which they are to be written; the ones of lowest rank where there are many.
  private func candidates(from source: TestSource) throws -> [FIMExample] {
    let cutter = HistoryExamples(
      known: KnownText([]), windowBytes: run.settings.windowBytes, seed: run.options.seed)
    var found: [(rank: UInt64, example: FIMExample)] = []
    var seen: Set<UInt64> = []
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
        found.append((rank, example))
      }
      number += 1
      if found.count > 2 * Self.candidateLimit { Self.prune(&found) }
    }
    Self.prune(&found)
    return found.map(\.example).sorted {
      if $0.contentHash != $1.contentHash { return $0.contentHash < $1.contentHash }
      if $0.middleStart != $1.middleStart { return $0.middleStart < $1.middleStart }
      return $0.middleEnd != $1.middleEnd ? $0.middleEnd < $1.middleEnd : $0.path < $1.path
    }
  }

  private static func prune(_ found: inout [(rank: UInt64, example: FIMExample)]) {
    guard found.count > candidateLimit else { return }
    found.sort { $0.rank < $1.rank }
    found.removeLast(found.count - candidateLimit)
  }

  /// Which candidates stand verbatim in a file that is learnt from.
  private func leaks(among candidates: [FIMExample]) throws -> Set<Int> {
    let finder = LeakFinder(candidates.map { Array($0.middle.utf8) })
    var leaked: Set<Int> = []
    try OrderedWork(threads: run.options.threads).run(order.count) { place in
      self.reader.text(of: self.files[self.order[place]]).map { finder.texts(in: $0) } ?? []
    } take: { _, found in
      leaked.formUnion(found)
    }
    return leaked
  }

  /// Middles of candidates that are middles of training or validation too.
  private func middles(among candidates: [FIMExample]) throws -> Set<UInt64> {
    let wanted = Set(candidates.compactMap { DuplicateMiddles.hash(of: $0.middle.utf8) })
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
