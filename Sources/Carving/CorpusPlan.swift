import Context
import Corpus
import Foundation

/// What all surveys together decide: copies, splits, how many examples each file gives, and what the limit leaves.
struct CorpusPlan {
  private(set) var files: [SurveyedCorpus.File]
  /// Used files in the order of their content hashes.
  private(set) var order: [Int] = []
  private(set) var repeatedMiddles = DuplicateMiddles()
  private(set) var highestRank = UInt64.max
  private(set) var copiedFunctions: [Int: [Range<Int>]] = [:]

  /// Old files count for at least this much.
  private static let leastRecency = 0.125

  private let run: CarvingRun
  private let epoch: Int

  /// - Parameter collected: fingerprints are forgotten as soon as copies are known.
  init(run: CarvingRun, epoch: Int, collected: inout SurveyCollection) {
    self.run = run
    self.epoch = epoch
    files = collected.files
    judgeCopies(collected.finder.verdicts())
    collected.finder = DuplicateFinder()
    order = files.indices.filter { if case .used = files[$0].fate { true } else { false } }.sorted {
      files[$0].hash != files[$1].hash ? files[$0].hash < files[$1].hash : $0 < $1
    }
    holdOut()
    findCopiedFunctions(collected.spool, count: collected.functionCount)
    thin()
    findRepeated(collected.middles)
    limit()
  }

  private func path(_ index: Int) -> String { run.trees[files[index].tree].entries[files[index].entry].path }

  private mutating func judgeCopies(_ verdicts: [DuplicateVerdict]) {
    for (index, verdict) in verdicts.enumerated() {
      switch verdict {
      case .kept: break
      case .duplicate(let other): files[index].fate = .copy(.duplicate, of: other, jaccard: 1)
      case .nearDuplicate(let other, let jaccard):
        files[index].fate = .copy(.nearDuplicate, of: other, jaccard: jaccard)
      }
    }
  }

  /// One file of each cluster of copies is left, so that no cluster straddles the splits.
  private mutating func holdOut() {
    guard run.options.holdsOutValidation else { return }
    let (_, validation) = ValidationSplit.split(order, by: path)
    for index in validation { files[index].fate = .used(.validation) }
  }

  /// Copied helpers are learnt from at most twice.
  private mutating func findCopiedFunctions(_ spool: SurveySpool, count: Int) {
    var copies = FunctionCopies(minimumCapacity: count)
    for index in order {
      let functions = spool.read(files[index].place).flatMap { SurveyRecord.functions(in: $0) }
      copies.add(functions ?? [], rank: files[index].tree, name: path(index))
    }
    for (place, ranges) in copies.surplus().enumerated() where !ranges.isEmpty {
      copiedFunctions[order[place]] = ranges
    }
  }

  /// Old files give fewer examples, and so do tests where they are most of the code.
  private mutating func thin() {
    let settings = run.settings
    let newest = run.trees.map { $0.entries.compactMap(\.changed).max() ?? 0 }
    let total = order.reduce(0) { $0 + files[$1].bytes }
    let tests = order.filter { TestPaths.isTest(path($0)) }
    let hasManyTests =
      Double(tests.reduce(0) { $0 + files[$1].bytes }) > settings.testsMayFill * Double(total)
    let rare = hasManyTests ? Set(tests) : []
    for index in order {
      var weight = 1.0
      let file = files[index]
      if let changed = run.trees[file.tree].entries[file.entry].changed {
        let days = Double(max(0, newest[file.tree] - changed)) / 86_400
        weight = max(Self.leastRecency, pow(0.5, days / max(1, settings.recencyHalfLifeDays)))
      }
      if rare.contains(index) { weight *= settings.testShare }
      guard weight < 1 else { continue }
      // Holes stand in the order in which they were drawn, so that the first are a fair choice.
      let exact = Double(file.holeCount) * weight
      let rest = Double(Stamp.mix(file.hash.prefix, run.options.seed) >> 11) / Double(1 << 53)
      files[index].wanted = min(file.holeCount, Int(exact) + (rest < exact - exact.rounded(.down) ? 1 : 0))
    }
  }

  /// Middles of held-out files that training holds too.
  private mutating func findRepeated(_ middles: [UInt64]) {
    var heldOut: Set<UInt64> = []
    func each(_ isHeldOut: Bool, _ body: (UInt64) -> Void) {
      for index in order where (files[index].fate == .used(.validation)) == isHeldOut {
        let first = files[index].firstMiddle
        for middle in middles[first..<(first + files[index].wanted)] where middle != 0 { body(middle) }
      }
    }
    each(true) { heldOut.insert($0) }
    guard !heldOut.isEmpty else { return }
    var found = DuplicateMiddles()
    each(false) { if heldOut.contains($0) { found.insert(hash: $0) } }
    repeatedMiddles = found
  }

  /// The training examples of lowest rank are kept; the same border thins validation in proportion.
  private mutating func limit() {
    guard let limit = run.options.limit else { return }
    var ranks: [UInt64] = []
    for index in order where files[index].fate == .used(.train) {
      for hole in 0..<files[index].wanted {
        ranks.append(
          SurveyedCorpus.rank(files[index].hash, hole: hole, seed: run.options.seed, epoch: epoch))
      }
    }
    guard ranks.count > limit else { return }
    ranks.sort()
    highestRank = limit > 0 ? ranks[limit - 1] : 0
  }
}
