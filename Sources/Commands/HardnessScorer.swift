import Carving
import Database
import Generation
import Registry
import Training

/// Lets a base model say how hard the middles of examples are, as the server would ask it: suffix first.
struct HardnessScorer: Sendable {
  /// The model that is asked.
  let model: any InfillModel
  /// How many tokens a middle has, the end token not counted.
  let tokenCount: @Sendable ([UInt8]) -> Int

  /// One score; the file's context is part of the prompt.
  func score(_ example: FIMExample) async throws -> HardnessScore {
    let middle = Array(example.middle.utf8)
    let request = InfillRequest(
      path: example.path, context: example.promptContext, prefix: Array(example.prefix.utf8),
      suffix: Array(example.suffix.utf8))
    let sum = try await model.middleLogProbability(middle, in: request, order: .suffixFirst)
    // Rounding may leave a certain middle a little above certainty.
    return HardnessScore(negativeLogLikelihood: max(0, -sum), tokenCount: tokenCount(middle) + 1)
  }

  /// Scores the examples with a base model, which takes long, and samples them by their hardness (`HardnessPass`). Scores are kept in
  /// Gemfill's home: what was interrupted goes on where it stopped.
  ///
  /// - Parameters:
  ///   - base: a registered name or a path; nil for the embedded base.
  ///   - seed: decides what is kept of easy and hard examples.
  /// - Throws: what loading a base throws, `DatabaseError`, `CancellationError`.
  static func select(
    from examples: [FIMExample], base: String?, seed: UInt64, options: HardnessOptions = HardnessOptions(),
    console: Console
  ) async throws -> HardnessSelection {
    let home = try Home.standard()
    console.progress("loading the model")
    let serving = try await ServingModel.load(base: base, home: home)
    for note in serving.notes { console.note(note) }
    let tokenizer = serving.engine.tokenizer
    let scorer = HardnessScorer(model: serving) { tokenizer.encode($0).count }
    var cache: HardnessCache?
    do throws(DatabaseError) {
      cache = try HardnessCache(path: home.hardness)
    } catch {
      console.note("going on without the cache of scores: \(error)")
    }
    let pass = HardnessPass(model: serving.sha256 + " spm", cache: cache, options: options) {
      try await scorer.score($0)
    }
    defer { console.endProgress() }
    return try await pass.select(from: examples, seed: seed) { progress in
      let cached = progress.cached > 0 ? ", \(progress.cached) known before" : ""
      console.progress("scoring: \(progress.done) of \(progress.total) examples\(cached)")
    }
  }
}
