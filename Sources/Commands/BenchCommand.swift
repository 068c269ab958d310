import Foundation
import Gemma
import Numerics
import Registry
import Training
import Weights

/// `gemfill bench`: speed of the engine beside the machine's own limits.
struct BenchCommand: Command {
  static let name = "bench"
  static let summary = "Measure tokens per second and the share of this machine's limits."
  static let discussion = """
    Every figure is the median of five runs. The decode floor is the bytes of weights read per token over the read
    bandwidth of a block of that size; the prefill floor is two operations per weight and token over the int8 peak;
    the training floor is the dense f32 rate.
    """
  static let options = inferenceOptions + BenchModes.options + TokenizerBench.options
  private static let inferenceOptions = [
    Option.text(
      "model", "NAME|PATH", help: "Registered model, GGUF file or model folder (default: the embedded base)."),
    Option.choice(
      "shape", GemmaConfiguration.comparisonShapes.keys.sorted(),
      help: "Random weights of a known shape instead of a model (with --precision q8_0 or q4_0)."),
    Option.integer("threads", "N", in: 1...64, help: "Threads (default: one per core)."),
    Option.integer("prompt", "N", in: 1...8_192, help: "Prompt tokens (default 512)."),
    Option.integer("generate", "N", in: 1...4_096, help: "Generated tokens (default 64)."),
    Option.choice(
      "precision", ["native", "f32", "q8_0", "q4_0"], help: "Form of the weights (default native)."),
    Option.flag("cached", help: "Load through the packed cache, as complete and lsp do."),
    Option.flag("train", help: "Also measure LoRA training, rank 16, 4 x 512 tokens."),
    Option.flag(
      "train-only", help: "Measure LoRA training with loss on a quarter of the positions, and nothing else."),
    Option.integer(
      "sequences", "N", in: 1...64, help: "Sequences of 512 tokens in a training step (default 4)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    if let path = arguments.text("carve") {
      try CarveBench(arguments, path: path, console).report()
      return .done
    }
    if arguments.flag("tokenizer") {
      try TokenizerBench(arguments).report(console)
      return .done
    }
    let pool = arguments.integer("threads").map { WorkerPool(threads: $0) } ?? .shared
    let precision = WeightPrecision(rawValue: arguments.text("precision") ?? "native") ?? .native
    console.progress("loading")
    let started = ContinuousClock.now
    let model = try model(arguments, precision)
    let loading = (ContinuousClock.now - started) / .milliseconds(1)
    if let code = try await BenchModes.run(arguments, model, pool, console) { return code }
    var bench = Bench(
      model: model, pool: pool, prompt: arguments.integer("prompt") ?? 512,
      generate: arguments.integer("generate") ?? 64)
    console.progress("measuring this machine's limits")
    bench.measureLimits()
    if !arguments.flag("train-only") {
      console.progress("prefill and decode")
      try bench.measureInference()
    }
    if arguments.flag("train") || arguments.flag("train-only") {
      console.progress("training")
      PeakMemory.reset()
      try bench.measureTraining(
        sequences: arguments.integer("sequences") ?? 4, sparseOnly: arguments.flag("train-only"))
    }
    console.endProgress()
    show(bench, loading, console)
    return .done
  }

  private static func model(_ arguments: Arguments, _ precision: WeightPrecision) throws -> GemmaModel {
    if let shape = arguments.text("shape").flatMap({ GemmaConfiguration.comparisonShapes[$0] }) {
      return try GemmaModel.random(shape, precision: precision)
    }
    let home = try Home.standard()
    let path = try ModelRegistry(home: home).resolveBase(arguments.text("model"))
    return try GemmaModel.load(
      path: path, precision: precision, caching: arguments.flag("cached") ? .on(fallback: home.cache) : .off)
  }

  private static func show(_ bench: Bench, _ loading: Double, _ console: Console) {
    let model = bench.model
    console.print(
      "\(model.path): \(model.parameterCount / 1_000) k weights, "
        + "\(model.bytesPerToken / 1_000) kB read per token, loaded in \(format(loading, 0)) ms; "
        + "\(bench.pool.threadCount) threads, \(Kernels.best.name), \(BLAS.shared.description)")
    console.table(
      ["what", "tokens/s", "reached", "limit", "share"], bench.rows.map(\.cells),
      alignment: [.left, .right, .right, .right, .right])
    var figures: [JSONValue] = []
    for row in bench.rows {
      figures.append([
        "what": .string(row.what), "tokens_per_second": .double(row.tokensPerSecond),
        "reached": .double(row.reached), "limit": .double(row.limit), "unit": .string(row.unit),
        "share": .double(row.share),
      ])
    }
    console.emit(json: [
      "model": .string(model.path), "weights": .int(model.parameterCount),
      "bytes_per_token": .int(model.bytesPerToken), "load_ms": .double(loading),
      "threads": .int(bench.pool.threadCount), "kernels": .string(Kernels.best.name),
      "blas": .string(BLAS.shared.description), "figures": .array(figures),
      "peak_megabytes": PeakMemory.megabytes.map { .int($0) } ?? .null,
    ])
  }

  static func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}

/// The measurements of one `gemfill bench`.
struct Bench {
  struct Row {
    let what: String
    let tokensPerSecond: Double
    let reached: Double
    let limit: Double
    let unit: String
    var share: Double { limit > 0 ? reached / limit : 0 }

    var cells: [String] {
      [
        what, BenchCommand.format(tokensPerSecond, tokensPerSecond < 100 ? 1 : 0),
        BenchCommand.format(reached, 1) + " " + unit, BenchCommand.format(limit, 1) + " " + unit,
        BenchCommand.format(share * 100, 0) + " %",
      ]
    }
  }

  let model: GemmaModel
  let pool: WorkerPool
  let prompt: Int
  let generate: Int
  private(set) var rows: [Row] = []
  private var bandwidth = 0.0
  private var int8 = 0.0
  private var dense = 0.0

  init(model: GemmaModel, pool: WorkerPool, prompt: Int, generate: Int) {
    self.model = model
    self.pool = pool
    self.prompt = prompt
    self.generate = generate
  }

  private var bodyWeights: Int { model.parameterCount - model.embedding.outputs * model.embedding.inputs }

  private func tokens(_ count: Int) -> [Int32] {
    var random = SeededRandom(seed: 1)
    return (0..<count).map { _ in Int32(random.next() % UInt64(model.configuration.vocabularySize)) }
  }

  mutating func measureLimits() {
    bandwidth = MachineLimits.readBandwidth(megabytes: max(1, model.bytesPerToken >> 20), pool: pool)
    int8 = MachineLimits.int8Operations(pool: pool)
    dense = MachineLimits.denseOperations(pool: pool)
  }

  mutating func measureInference() throws {
    let session = InferenceSession(model, capacity: prompt + generate, pool: pool)
    let ids = tokens(prompt)
    var failure: (any Error)?
    let prefill = MachineLimits.median(5) {
      session.cache.truncate(to: 0)
      let seconds = MachineLimits.time {
        do { try session.append(ids, logits: .last) } catch { failure = error }
      }
      return Double(prompt) / seconds
    }
    if let failure { throw failure }
    rows.append(
      Row(
        what: "prefill of \(prompt)", tokensPerSecond: prefill,
        reached: prefill * 2 * Double(bodyWeights) / 1e9, limit: int8 / 1e9, unit: "GOP/s"))
    let size = model.configuration.vocabularySize
    let decode = MachineLimits.median(5) {
      session.cache.truncate(to: prompt)
      let seconds = MachineLimits.time {
        var token: Int32 = 1
        for _ in 0..<generate {
          do {
            let logits = try session.append([token], logits: .last)
            token = Int32(Kernels.best.argmax(logits, count: size))
          } catch { failure = error }
        }
      }
      return Double(generate) / seconds
    }
    if let failure { throw failure }
    rows.append(
      Row(
        what: "decode of \(generate)", tokensPerSecond: decode,
        reached: decode * Double(model.bytesPerToken) / 1e9, limit: bandwidth / 1e9, unit: "GB/s"))
  }

  mutating func measureTraining(sequences: Int, sparseOnly: Bool) throws {
    let count = sequences * 512
    let adapter = TrainableAdapter(model.configuration, rank: 16, alpha: 32, seed: 1)
    let pass = try TrainingPass(
      model: model, adapter: adapter, maximumTokens: count, longest: 512, pool: pool)
    var optimizer = AdamWOptimizer()
    let ids = tokens(512)
    let cases = [("train, logits at all", 1), ("train, logits at 25 %", 4)]
    for (name, every) in sparseOnly ? [cases[1]] : cases {
      let weights = (0..<512).map { $0 > 0 && $0 % every == 0 ? Float(1) : 0 }
      let batch = [TrainingSequence](
        repeating: TrainingSequence(tokens: ids, weights: weights), count: sequences)
      let speed = MachineLimits.median(5) {
        Double(count)
          / MachineLimits.time {
            adapter.clearGradients()
            _ = pass.run(batch, gradientScale: 1e-3)
            optimizer.update(adapter, learningRate: 1e-4)
          }
      }
      let head = Double(model.embedding.outputs * model.embedding.inputs) / Double(every)
      // Forward and input gradient, two operations per weight each; the factors' own part is left out.
      let operations = 4 * (Double(bodyWeights) + head)
      rows.append(
        Row(
          what: name, tokensPerSecond: speed, reached: speed * operations / 1e9, limit: dense / 1e9,
          unit: "GFLOP/s"))
    }
  }
}
