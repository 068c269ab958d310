import Carving
import Foundation
import Gemma
import Generation
import Numerics
import Weights

/// `gemfill bench --shortlist`: agreement of a vocabulary shortlist on held-out code, and what it brings.
struct ShortlistBench {
  let model: GemmaModel
  let pool: WorkerPool
  let generate: Int

  /// Learns a list from `source`, and decodes the test half of its holes with and without it, turn by turn.
  func report(_ source: HeldOutHoles, size: Int, agreement: Double, _ console: Console) async throws {
    let tokenizer = try BenchModes.tokenizer(of: model)
    let plain = try Engine(model: model, tokenizer: tokenizer)
    let listed = try Engine(model: model, tokenizer: tokenizer)
    let study = try await ShortlistStudy(
      plain, source, size: size, agreement: agreement, generate: generate, console)
    try await listed.use(study.shortlist)
    var milliseconds = [0.0, 0.0]
    var tokens = [0, 0]
    for (index, hole) in study.testHoles.enumerated() {
      console.progress("timing hole \(index + 1) of \(study.testHoles.count)")
      for which in index % 2 == 0 ? [0, 1] : [1, 0] {
        let engine = which == 0 ? plain : listed
        let result = try await engine.infill(
          InfillRequest(
            path: hole.path, prefix: Array(hole.prefix.utf8), suffix: Array(hole.suffix.utf8),
            maxTokens: generate, timeBudgetMs: 600_000, options: DecodingOptions(speculates: false)))
        milliseconds[which] += result.decodeMs
        tokens[which] += result.tokenCount
      }
    }
    console.endProgress()
    let speeds = zip(tokens, milliseconds).map { Double($0) / max($1, 1e-9) * 1_000 }
    console.table(
      ["", ""],
      study.rows + [
        ["decode, whole vocabulary", BenchCommand.format(speeds[0], 0) + " tokens/s"],
        [
          "decode, shortlist",
          BenchCommand.format(speeds[1], 0) + " tokens/s, "
            + BenchCommand.format(speeds[1] / speeds[0], 2) + " times as many",
        ],
      ], alignment: [.left, .right])
    console.emit(json: [
      "ids": .int(study.shortlist.ids.count), "coverage": .double(study.coverage),
      "tokens": .int(study.testTokens), "agreement_always": .double(study.always.tokens),
      "least_share": .double(Double(study.shortlist.leastShare)), "agreement": .double(study.chosen.tokens),
      "asked": .double(study.chosen.asked), "plain_tokens_per_second": .double(speeds[0]),
      "shortlist_tokens_per_second": .double(speeds[1]),
    ])
  }

  /// Decodes with the whole head and with `size` evenly spread rows of it, turn by turn: what random weights can say. How
  /// often the whole head would be asked is not among it, but its price is.
  func reportSpeed(size: Int, _ console: Console) throws {
    let step = max(1, model.configuration.vocabularySize / size)
    let ids = stride(from: 0, to: model.configuration.vocabularySize, by: step).map { Int32($0) }
    let shortlist = try VocabularyShortlist(ids, leastShare: 0, model: model)
    let session = InferenceSession(model, capacity: 64 + generate, pool: pool)
    let prompt = BenchModes.tokens(64, of: model)
    let out = FloatBuffer(ids.count)
    let size = model.configuration.vocabularySize
    var speeds: [[Double]] = [[], []]
    for turn in 0..<6 {
      for which in [0, 1] {
        console.progress("turn \(turn + 1) of 6")
        session.cache.truncate(to: 0)
        try session.append(prompt, logits: .none)
        var token: Int32 = 1
        let start = ContinuousClock.now
        for _ in 0..<generate {
          if which == 0 {
            token = Int32(Kernels.best.argmax(try session.append([token], logits: .last), count: size))
          } else {
            try session.append([token], logits: .none)
            session.logits(row: 0, head: shortlist.head, into: out.pointer)
            token = shortlist.decide(out.pointer)?.token ?? 0
          }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if turn > 0 { speeds[which].append(Double(generate) / seconds) }
      }
    }
    console.endProgress()
    let (whole, some) = (KeystrokeBench.median(speeds[0]), KeystrokeBench.median(speeds[1]))
    // Asking the whole head costs what a token costs more with it.
    let asking = 1 / whole - 1 / some
    func withAsking(_ share: Double) -> Double { 1 / (1 / some + share * asking) }
    console.table(
      ["decode of \(generate)", "tokens/s", "ratio"],
      [
        ["whole head, \(model.configuration.vocabularySize) rows", BenchCommand.format(whole, 1), "1.00"],
        ["shortlist, \(ids.count) rows", BenchCommand.format(some, 1), BenchCommand.format(some / whole, 2)],
      ]
        + [0.02, 0.05, 0.1].map {
          [
            "the same, whole head asked for \(BenchCommand.format($0 * 100, 0)) %",
            BenchCommand.format(withAsking($0), 1), BenchCommand.format(withAsking($0) / whole, 2),
          ]
        }, alignment: [.left, .right, .right])
    console.emit(json: [
      "rows": .int(ids.count), "whole_tokens_per_second": .double(whole),
      "shortlist_tokens_per_second": .double(some), "asking_ms": .double(asking * 1_000),
    ])
  }
}
