import Gemma
import Numerics
import Weights

/// What an unmerged adapter costs: decoding with random factors on all projections beside decoding without, turn by
/// turn, so that whatever else the machine does hits both.
struct AdapterBench {
  let model: GemmaModel
  let pool: WorkerPool
  let rank: Int
  let prompt: Int
  let generate: Int

  /// Tokens per second without and with the adapter, medians of nine turns each.
  func measure() throws -> (without: Double, with: Double) {
    let adapter = Self.adapter(model.configuration, rank: rank)
    let session = InferenceSession(model, capacity: prompt + generate, pool: pool)
    let ids = BenchModes.tokens(prompt + generate, of: model)
    var speeds: [[Double]] = [[], []]
    for turn in 0..<10 {
      for (index, factors) in [nil, adapter].enumerated() {
        session.adapter = factors
        session.cache.truncate(to: 0)
        try session.append(Array(ids.prefix(prompt)), logits: .last)
        let start = ContinuousClock.now
        // The same tokens each time: the factors' values must not decide where decoding goes.
        for token in ids.dropFirst(prompt) { try session.append([token], logits: .last) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if turn > 0 { speeds[index].append(Double(generate) / seconds) }
      }
    }
    return (KeystrokeBench.median(speeds[0]), KeystrokeBench.median(speeds[1]))
  }

  func report(_ console: Console) throws {
    console.progress("decoding with and without an adapter of rank \(rank)")
    let (without, with) = try measure()
    console.endProgress()
    let cost = without / with - 1
    console.table(
      ["decode of \(generate)", "tokens/s", "cost"],
      [
        ["without adapter", BenchCommand.format(without, 1), ""],
        [
          "rank \(rank), all projections", BenchCommand.format(with, 1),
          BenchCommand.format(cost * 100, 1) + " %",
        ],
      ], alignment: [.left, .right, .right])
    console.emit(json: [
      "rank": .int(rank), "without_tokens_per_second": .double(without),
      "with_tokens_per_second": .double(with),
      "cost": .double(cost), "threads": .int(pool.threadCount), "model": .string(model.path),
    ])
  }

  private static func adapter(_ configuration: GemmaConfiguration, rank: Int) -> LoRAAdapter {
    var random = SeededRandom(seed: 5)
    func values(_ count: Int) -> FloatBuffer {
      FloatBuffer((0..<count).map { _ in random.uniform(within: 0.01) })
    }
    var factors: [LoRAAdapter.Factors?] = []
    for _ in 0..<configuration.layerCount {
      for projection in Projection.allCases {
        let shape = projection.shape(configuration)
        factors.append(
          LoRAAdapter.Factors(
            rank: rank, scale: 1, a: values(rank * shape.inputs), b: values(shape.outputs * rank)))
      }
    }
    return LoRAAdapter(factors: factors)
  }
}
