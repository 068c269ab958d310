import Context
import Corpus
import Foundation

extension SurveyedCorpus {
  /// The second pass: writes the examples in the order of their files' content hashes, within a file as they were drawn.
  ///
  /// - Throws: what the outputs throw, `CancellationError`; then no output has appeared, unless giving files their names
  ///   is what failed.
  public func write(
    to outputs: [CarvingOutput], progress: (@Sendable (CarvingRun.Progress) -> Void)? = nil
  ) throws -> CarvingReport {
    let mine = order.filter { run.options.shard?.holds(files[$0].hash) ?? true }
    var report = CarvingReport(corpus: self)
    try OrderedWork(threads: run.options.threads).run(mine.count) { place in
      try cut(mine[place], for: outputs)
    } take: { place, cuts in
      for item in cuts.prepared { try outputs[item.output].sink.append(item.bytes, of: item.example) }
      report.add(cuts)
      if place % 64 == 0 { progress?(.writing(place, of: mine.count)) }
    }
    report.add(test: try writeTest(to: outputs))
    // A data set may have several files: none appears before all are complete.
    try Task.checkCancellation()
    for output in outputs { try output.sink.seal() }
    try Task.checkCancellation()
    for output in outputs { try output.sink.finish() }
    return report
  }

  /// What the second pass makes of one file.
  struct FileCuts: Sendable {
    let file: Int
    let split: DataSplit
    /// Output by output, what is to be stored.
    var prepared: [(output: Int, bytes: [UInt8], example: FIMExample)] = []
    var drops: [DropReason: Int] = [:]
    var statistics = ExampleStatistics()
    /// How many pieces of other files the examples show, by their paths.
    var shown: [String: Int] = [:]
    /// Why nothing could be cut after all.
    var fault: SkippedFile?
  }

  private func cut(_ index: Int, for outputs: [CarvingOutput]) throws -> FileCuts {
    let file = files[index]
    guard case .used(let split) = file.fate else { preconditionFailure("only used files are cut") }
    var cuts = FileCuts(file: index, split: split)
    guard let record = reader.record(of: file) else {
      cuts.fault = SkippedFile(.unreadable, "the record of the first pass cannot be read back")
      return cuts
    }
    let source: SourceFile
    switch reader.read(file, record.head) {
    case .success(let read): source = read
    case .failure(let fault):
      cuts.fault = SkippedFile(.changed, fault.detail)
      return cuts
    }
    cuts.drops = record.cuts.drops
    for (hole, verdict) in judge(record.cuts, of: index, split: split) {
      switch verdict {
      case .failure(let drop): cuts.drops[drop.reason, default: 0] += 1
      case .success(let rank):
        guard let example = example(of: record.cuts.holes[hole], in: source, file: file, rank: rank) else {
          cuts.drops[.damaged, default: 0] += 1
          continue
        }
        if let decontaminator = run.options.decontamination, Self.isContaminated(example, decontaminator) {
          cuts.drops[.contaminated, default: 0] += 1
          continue
        }
        guard let prepared = try outputs.prepared(example, for: split) else {
          cuts.drops[.unfit, default: 0] += 1
          continue
        }
        cuts.statistics.add(example)
        for snippet in example.context { cuts.shown[snippet.path, default: 0] += 1 }
        cuts.prepared += prepared.map { ($0.output, $0.bytes, example) }
      }
    }
    return cuts
  }

  /// A hole that is not used.
  struct Unused: Error {
    let reason: DropReason
  }

  /// Which holes of a file are used, before their texts are looked at; with the rank of each.
  func judge(
    _ cuts: FileSurvey.Cuts, of index: Int, split: DataSplit
  ) -> [(hole: Int, verdict: Result<UInt64, Unused>)] {
    let file = files[index]
    let copied = copiedFunctions[index] ?? []
    return cuts.holes.indices.map { hole in
      let rank = Self.rank(file.hash, hole: hole, seed: run.options.seed, epoch: epoch)
      guard hole < file.wanted else { return (hole, .failure(Unused(reason: .thinned))) }
      guard rank <= highestRank else { return (hole, .failure(Unused(reason: .limit))) }
      let place = cuts.holes[hole].middle.lowerBound
      if copied.contains(where: { $0.contains(place) }) {
        return (hole, .failure(Unused(reason: .copiedFunction)))
      }
      if split == .validation, let middle = cuts.middles[hole], repeatedMiddles.contains(hash: middle) {
        return (hole, .failure(Unused(reason: .acrossSplits)))
      }
      return (hole, .success(rank))
    }
  }

  /// The example of a hole with its context; nil when the hole does not fit the file.
  func example(of hole: CarvedHole, in source: SourceFile, file: File, rank: UInt64) -> FIMExample? {
    guard var example = hole.example(in: source, contentHash: file.hash.hex) else { return nil }
    example.context = context[file.tree].snippets(for: example, rank: rank)
    return example
  }

  /// Whether an example or what it shows of other files repeats held-out text.
  static func isContaminated(_ example: FIMExample, _ decontaminator: Decontaminator) -> Bool {
    let window = Array((example.prefix + example.middle + example.suffix).utf8)
    return decontaminator.overlaps(window)
      || example.context.contains { decontaminator.overlaps($0.text.utf8) }
  }
}
