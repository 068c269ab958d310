import Carving
import Foundation
import Gemma
import Generation
import Tokenizer

/// Learns a vocabulary shortlist from a repository and says how far it can be trusted on code that it did not see.
///
/// Ids come from the files that may be learnt from. How sure a decision has to be is chosen on holes of one half of the
/// held-out files; the agreement that is reported comes from the other half.
struct ShortlistStudy {
  /// The result.
  let shortlist: VocabularyShortlist
  /// Share of the learnt text's tokens that the list holds.
  let coverage: Double
  /// On the test half, if every decision were taken.
  let always: ShortlistLearner.Agreement
  /// On the test half, with the least share that was chosen.
  let chosen: ShortlistLearner.Agreement
  /// Tokens of the test half.
  let testTokens: Int
  /// Holes of the test half.
  let testHoles: [FIMExample]

  /// Ids of a list unless told otherwise: an eighth of the largest vocabularies, a quarter of small ones.
  static func usualSize(_ vocabulary: Int) -> Int { min(32_768, max(1_024, vocabulary / 4)) }

  /// - Throws: `Failure` where the held-out code is too little; as `Engine.infill`.
  init(
    _ engine: Engine, _ source: HeldOutHoles, size: Int, agreement: Double, generate: Int, _ console: Console
  ) async throws {
    var learner = ShortlistLearner(engine.tokenizer)
    console.progress("counting the tokens of \(source.known.count) files")
    for file in source.known { learner.count(engine.tokenizer.encode(file.bytes)) }
    let ids = learner.ids(limit: size)
    coverage = learner.coverage(of: ids)
    let paths = Set(source.holes.map(\.path)).sorted()
    let isTest = Dictionary(uniqueKeysWithValues: paths.enumerated().map { ($1, $0 % 2 == 1) })
    var samples: [Bool: [ShortlistLearner.Sample]] = [:]
    for (index, hole) in source.holes.enumerated() {
      try ModelCommand.checkInterrupt()
      console.progress("hole \(index + 1) of \(source.holes.count)")
      let request = InfillRequest(
        path: hole.path, prefix: Array(hole.prefix.utf8), suffix: Array(hole.suffix.utf8),
        maxTokens: generate, timeBudgetMs: 600_000)
      samples[isTest[hole.path] ?? false, default: []] += try await engine.shortlistSamples(
        ids, along: request)
    }
    console.endProgress()
    guard let calibration = samples[false], let test = samples[true] else {
      throw Failure("holes in \(paths.count) files cannot be halved; name a larger repository")
    }
    let share = ShortlistLearner.leastShare(calibration, agreement: agreement)
    shortlist = try VocabularyShortlist(ids, leastShare: share, model: engine.model)
    always = ShortlistLearner.agreement(test, leastShare: 0)
    chosen = ShortlistLearner.agreement(test, leastShare: share)
    testTokens = test.count
    testHoles = source.holes.filter { isTest[$0.path] == true }
  }

  /// Rows for a table.
  var rows: [[String]] {
    func percent(_ share: Double) -> String { BenchCommand.format(share * 100, 2) + " %" }
    return [
      ["ids", "\(shortlist.ids.count)"],
      ["share of the learnt tokens that they cover", percent(coverage)],
      ["held-out tokens compared", "\(testTokens)"],
      ["agreement with the whole vocabulary, always decided", percent(always.tokens)],
      ["least share of the best token to decide", BenchCommand.format(Double(shortlist.leastShare), 3)],
      ["agreement with the whole vocabulary", percent(chosen.tokens)],
      ["tokens for which the whole vocabulary is asked", percent(chosen.asked)],
    ]
  }
}
