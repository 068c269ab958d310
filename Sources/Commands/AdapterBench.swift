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
  private func measure(_ adapter: LoRAAdapter) throws -> (without: Double, with: Double) {
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

  /// Both speeds and the adapter's cost, as data.
  func figures() throws -> JSONValue {
    let adapter = Self.adapter(model.configuration, rank: rank)
    let (without, with) = try measure(adapter)
    let bytes = adapter.factors.reduce(0) { $0 + ($1?.packed.byteCount ?? 0) }
    return [
      "rank": .int(rank), "without_tokens_per_second": .double(without),
      "with_tokens_per_second": .double(with),
      "cost": .double(without / with - 1),
      "bytes_share": .double(Double(bytes) / Double(model.bytesPerToken)), "threads": .int(pool.threadCount),
      "model": .string(model.path),
    ]
  }

  /// Measures and prints a table, or JSON.
  func report(_ console: Console) throws {
    console.progress("decoding with and without an adapter of rank \(rank)")
    let figures = try figures()
    console.endProgress()
    func text(_ key: String, _ factor: Double = 1) -> String {
      BenchCommand.format((figures[key]?.doubleValue ?? 0) * factor, 1)
    }
    console.table(
      ["decode of \(generate)", "tokens/s", "cost", "of the bytes read"],
      [
        ["without adapter", text("without_tokens_per_second"), "", ""],
        [
          "rank \(rank), all projections", text("with_tokens_per_second"), text("cost", 100) + " %",
          text("bytes_share", 100) + " %",
        ],
      ], alignment: [.left, .right, .right, .right])
    console.emit(json: figures)
  }

  private static func adapter(_ configuration: GemmaConfiguration, rank: Int) -> LoRAAdapter {
    var random = SeededRandom(seed: 5)
    func values(_ count: Int) -> FloatBuffer {
      FloatBuffer((0..<count).map { _ in random.uniform(within: 0.01) })
    }
    var factors: [LoRAAdapter.Factors?] = []
    for layer in 0..<configuration.layerCount {
      for projection in Projection.allCases {
        guard let shape = configuration.shape(projection, layer: layer) else {
          factors.append(nil)
          continue
        }
        factors.append(
          LoRAAdapter.Factors(
            rank: rank, scale: 1, a: values(rank * shape.inputs), b: values(shape.outputs * rank)))
      }
    }
    return LoRAAdapter(factors: factors)
  }
}
