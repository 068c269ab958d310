import Carving
import Foundation
import Gemma
import Generation
import Tokenizer
import Weights

/// What drafts bring on code that the model has not seen: the same holes filled with and without them, turn by turn.
///
/// Two engines share the weights, since one that has written a text already would find it among its own suggestions.
struct SpeculationBench {
  /// Sums over all requests of one kind.
  struct Figures {
    var requests = 0
    var tokens = 0
    var plainMs = 0.0
    var draftedMs = 0.0
    var speculation = SpeculationStatistics()
    var differences = 0

    var speedup: Double { draftedMs > 0 ? plainMs / draftedMs : 0 }

    mutating func add(_ plain: InfillResult, _ drafted: InfillResult) {
      requests += 1
      tokens += plain.tokenCount
      plainMs += plain.prefillMs + plain.decodeMs
      draftedMs += drafted.prefillMs + drafted.decodeMs
      speculation.passes += drafted.speculation.passes
      speculation.drafted += drafted.speculation.drafted
      speculation.accepted += drafted.speculation.accepted
      if plain.tokens != drafted.tokens { differences += 1 }
    }

    var cells: [String] {
      [
        "\(requests)", "\(tokens)", BenchCommand.format(Double(tokens) / plainMs * 1_000, 0),
        BenchCommand.format(Double(tokens) / draftedMs * 1_000, 0), BenchCommand.format(speedup, 2),
        BenchCommand.format(speculation.acceptance * 100, 0) + " %", "\(differences)",
      ]
    }

    var json: JSONValue {
      [
        "requests": .int(requests), "tokens": .int(tokens), "plain_ms": .double(plainMs),
        "drafted_ms": .double(draftedMs), "speedup": .double(speedup), "passes": .int(speculation.passes),
        "drafted": .int(speculation.drafted), "accepted": .int(speculation.accepted),
        "different_texts": .int(differences),
      ]
    }
  }

  private let plain: Engine
  private let drafting: Engine
  private let source: HeldOutHoles
  private let generate: Int

  init(model: GemmaModel, source: HeldOutHoles, generate: Int) async throws {
    let tokenizer = try BenchModes.tokenizer(of: model)
    plain = try Engine(model: model, tokenizer: tokenizer)
    drafting = try Engine(model: model, tokenizer: tokenizer)
    self.source = source
    self.generate = generate
    await drafting.draft(from: FollowerIndex(texts: source.known.map { tokenizer.encode($0.bytes) }))
  }

  /// Fills every hole, then types the middles of some, and prints the figures.
  func report(_ console: Console) async throws {
    var holes = Figures()
    for (index, hole) in source.holes.enumerated() {
      console.progress("hole \(index + 1) of \(source.holes.count)")
      try await fill(hole, typed: 0, into: &holes)
    }
    var typing = Figures()
    for (index, hole) in source.holes.prefix(24).enumerated() {
      console.progress("typing \(index + 1) of \(min(24, source.holes.count))")
      for typed in Self.stops(in: Array(hole.middle.utf8.prefix(60))) {
        try await fill(hole, typed: typed, into: &typing)
      }
    }
    console.endProgress()
    console.table(
      ["", "requests", "tokens", "tokens/s plain", "with drafts", "ratio", "guesses right", "different"],
      [["holes"] + holes.cells, ["typing"] + typing.cells],
      alignment: [.left] + [Console.Alignment](repeating: .right, count: 7))
    console.emit(json: ["holes": holes.json, "typing": typing.json])
  }

  /// Bytes after which somebody who types pauses: every second character.
  private static func stops(in middle: [UInt8]) -> [Int] {
    middle.indices.filter { $0 % 2 == 0 && middle[$0] & 0xC0 != 0x80 }
  }

  private func fill(_ hole: FIMExample, typed: Int, into figures: inout Figures) async throws {
    func request(drafts: Bool, maxTokens: Int) -> InfillRequest {
      InfillRequest(
        path: hole.path, prefix: Array(hole.prefix.utf8) + Array(hole.middle.utf8.prefix(typed)),
        suffix: Array(hole.suffix.utf8), maxTokens: maxTokens, timeBudgetMs: 600_000,
        options: DecodingOptions(speculates: drafts))
    }
    // A prompt's own evaluation would hide what generation costs.
    if typed == 0 {
      for engine in [plain, drafting] { _ = try await engine.infill(request(drafts: false, maxTokens: 0)) }
    }
    var results: [Bool: InfillResult] = [:]
    for drafts in figures.requests % 2 == 0 ? [false, true] : [true, false] {
      let engine = drafts ? drafting : plain
      results[drafts] = try await engine.infill(request(drafts: drafts, maxTokens: generate))
    }
    if let plain = results[false], let drafted = results[true] { figures.add(plain, drafted) }
  }
}
