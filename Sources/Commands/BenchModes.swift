import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// What `gemfill bench` measures instead of prefill and decode when asked to.
enum BenchModes {
  static let options = [
    Option.flag("keystrokes", help: "Measure one typed token per request through the engine, medians of 15."),
    Option.integer("prefix", "N", in: 1...8_192, help: "Tokens before the cursor (default 1500)."),
    Option.integer("suffix", "N", in: 1...8_192, help: "Tokens behind the cursor (default 500)."),
    Option.integer(
      "adapter-rank", "R", in: 1...256,
      help: "Decode with random factors of rank R on all projections, and without."
    ),
    Option.text(
      "speculation", "PATH",
      help: "Fill held-out holes of a repository with and without drafts; prints speeds and their ratio."),
    Option.text(
      "shortlist", "PATH",
      help:
        "Learn a vocabulary shortlist from a repository; prints its agreement on held-out files and its speed."
    ),
    Option.integer(
      "shortlist-size", "N", in: 16...1_048_576,
      help:
        "Ids of the shortlist (default a quarter, at most 32768); without --shortlist, measure speed alone."),
    Option.integer(
      "holes", "N", in: 1...10_000, help: "Holes for --speculation and --shortlist (default 60)."),
    Option.text(
      "carve", "PATH",
      help: "Carve a folder and parse the same files alone, in turns; prints both speeds and their ratio."),
    Option.integer("rounds", "N", in: 1...1_000, help: "Rounds of --carve (default 5)."),
    Option.text(
      "kv", "PATH", help: "Loss on a repository's code with keys and values in 32, 16 and 8 bits."),
    Option.flag(
      "requests", help: "Read measures from standard input, one a line, and answer each with a line of JSON."),
  ]

  /// Runs the mode that was asked for; nil where none was.
  static func run(
    _ arguments: Arguments, _ model: GemmaModel, _ pool: WorkerPool, _ console: Console
  ) async throws -> ExitCode? {
    if arguments.flag("requests") {
      try await BenchRequests(model: model, pool: pool).serve(console)
      return .done
    }
    if arguments.flag("keystrokes") {
      var bench = try KeystrokeBench(
        model: model, prefix: arguments.integer("prefix") ?? 1_500,
        suffix: arguments.integer("suffix") ?? 500, generate: min(64, arguments.integer("generate") ?? 8))
      try await bench.report(console)
      return .done
    }
    if let path = arguments.text("speculation") {
      let source = try HeldOutHoles(path: path, limit: arguments.integer("holes") ?? 60)
      try await SpeculationBench(
        model: model, source: source, generate: arguments.integer("generate") ?? 64
      ).report(console)
      return .done
    }
    let size =
      arguments.integer("shortlist-size") ?? ShortlistStudy.usualSize(model.configuration.vocabularySize)
    let bench = ShortlistBench(model: model, pool: pool, generate: arguments.integer("generate") ?? 48)
    if let path = arguments.text("shortlist") {
      let source = try HeldOutHoles(path: path, limit: arguments.integer("holes") ?? 60)
      try await bench.report(source, size: size, agreement: 0.995, console)
      return .done
    }
    if arguments.integer("shortlist-size") != nil {
      try bench.reportSpeed(size: size, console)
      return .done
    }
    if let path = arguments.text("kv") {
      try KeyValueBench(model: model, pool: pool, path: path).report(console)
      return .done
    }
    if let rank = arguments.integer("adapter-rank") {
      try AdapterBench(
        model: model, pool: pool, rank: rank, prompt: arguments.integer("prompt") ?? 32,
        generate: arguments.integer("generate") ?? 64
      ).report(console)
      return .done
    }
    return nil
  }

  /// The tokenizer beside the model's weights.
  ///
  /// - Throws: `Failure` for random weights, `WeightsError`, `TokenizerError`.
  static func tokenizer(of model: GemmaModel) throws -> Tokenizer {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: model.path, isDirectory: &isDirectory) else {
      throw Failure("\(model.path): no vocabulary; keystrokes need a model from a file (--model)")
    }
    return isDirectory.boolValue
      ? try Tokenizer(directory: model.path)
      : try Tokenizer(gguf: GGUFFile(path: model.path))
  }

  /// Seeded token ids that carry no meaning.
  static func tokens(_ count: Int, of model: GemmaModel, seed: UInt64 = 1) -> [Int32] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Int32(random.next() % UInt64(model.configuration.vocabularySize)) }
  }
}
