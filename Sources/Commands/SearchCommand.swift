import Foundation
import Registry
import Search
import Syntax
import Weights

/// `gemfill search QUERY [PATH]`: code that answers a question.
struct SearchCommand: Command {
  static let name = "search"
  static let summary = "Find the code that a question in plain words is about."
  static let discussion = """
    Functions, types and groups of declarations that share words with the question are found in a full-text index
    (identifiers are split, so 'parse header' finds parseHTTPHeader), and the best of them are read by the model. The
    index lies in Gemfill's home and is brought up to date at each search; ignored files are left out as in training.
    Exit code 1 means that nothing was found.
    """
  static let positionals = [
    Positional("QUERY", help: "The question, in quotes."),
    Positional("PATH", optional: true, help: "Folder to search (default: the current one)."),
  ]
  static let options = [
    Option.integer("limit", "N", in: 1...200, short: "n", help: "Most results (default 10)."),
    Option.duration("budget", "TIME", help: "Time for the model (default 5s); 0s ranks by words alone."),
    Option.flag("explain", help: "Say how each result got its place."),
    Option.flag("no-model", help: "Rank by words alone."),
    Option.text("base", "NAME|PATH", help: "Model that reads (default: the embedded base)."),
    Option.text(
      "adapter", "NAME", help: "Adapter to use; 'none' for the bare base (default: the live adapter)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let query = arguments.required("QUERY")
    guard query.contains(where: { !$0.isWhitespace }) else { throw UsageError("QUERY is empty") }
    let place = arguments.positional("PATH") ?? "."
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder), isFolder.boolValue else {
      throw UsageError(
        "PATH must be a folder, and '\(place)' is none; put a QUERY of several words in quotes")
    }
    let home = try Home.standard()
    let start = ContinuousClock.now
    let index = try ChunkIndex(root: place, folder: home.search, catalog: .standard())
    let refresh = try await index.refresh { done, total in
      console.progress("reading \(done) of \(total) files")
    }
    var options = Searcher.Options()
    options.limit = arguments.integer("limit") ?? options.limit
    options.budgetSeconds = arguments.seconds("budget") ?? options.budgetSeconds
    let model = try await reader(arguments, options, home, console)
    options.adapter = try await adapter(arguments, model)
    let outcome = try await Searcher(index: index, model: model).search(query, options)
    let report = Report(
      query: query, place: place, root: index.root, refresh: refresh, outcome: outcome,
      model: model == nil ? nil : (options.adapter.map { "base with \($0)" } ?? "base"),
      elapsedMs: (ContinuousClock.now - start) / .milliseconds(1))
    console.emit(json: report.json)
    report.show(console, explain: arguments.flag("explain"))
    if outcome.hits.isEmpty {
      throw Failure("nothing found in \(refresh.chunks) chunks of \(refresh.files) files")
    }
    return .done
  }

  /// The model that reads, or nil with a note when there is none and none was asked for.
  private static func reader(
    _ arguments: Arguments, _ options: Searcher.Options, _ home: Home, _ console: Console
  ) async throws -> ServingModel? {
    if arguments.flag("no-model") || options.budgetSeconds <= 0 || options.modelWeight <= 0 { return nil }
    do {
      return try await ServingModel.load(base: arguments.text("base"), home: home)
    } catch let error as RegistryError where arguments.text("base") == nil {
      console.note("ranked by words alone: \(error)")
      return nil
    }
  }

  private static func adapter(_ arguments: Arguments, _ model: ServingModel?) async throws -> String? {
    let chosen = arguments.text("adapter")
    let adapter = chosen == nil ? model?.liveAdapter : chosen == "none" ? nil : chosen
    if let adapter { try await model?.prepare(adapter: adapter) }
    return adapter
  }
}

/// What a search found, for people and for programs.
private struct Report {
  let query: String
  let place: String
  let root: String
  let refresh: ChunkIndex.Refresh
  let outcome: Searcher.Outcome
  let model: String?
  let elapsedMs: Double

  var json: JSONValue {
    [
      "query": .string(query), "root": .string(root), "results": .array(outcome.hits.map(result)),
      "files": .int(refresh.files), "chunks": .int(refresh.chunks), "candidates": .int(outcome.candidates),
      "read_by_model": .int(outcome.read), "budget_cut": .bool(outcome.isCut),
      "model": model.map { .string($0) } ?? .null, "elapsed_ms": .double(elapsedMs),
    ]
  }

  private func result(_ hit: Searcher.Hit) -> JSONValue {
    [
      "path": .string(hit.place.path), "start_line": .int(hit.place.lineRange.lowerBound),
      "end_line": .int(hit.place.lineRange.upperBound), "symbol": .string(hit.place.symbol),
      "kind": .string(hit.place.kind), "first_line": .string(hit.firstLine), "score": .double(hit.score),
      "bm25": .double(hit.place.bm25), "lexical_rank": .int(hit.lexicalRank),
      "model_gain": hit.modelGain.map { .double($0) } ?? .null,
    ]
  }

  func show(_ console: Console, explain: Bool) {
    for hit in outcome.hits {
      let lines = "\(hit.place.lineRange.lowerBound)-\(hit.place.lineRange.upperBound)"
      let path = place == "." ? hit.place.path : (place.hasSuffix("/") ? place : place + "/") + hit.place.path
      let symbol = hit.place.symbol.isEmpty ? "" : "  " + console.styled(hit.place.symbol, .bold)
      console.print("\(console.styled("\(path):\(lines)", .cyan))\(symbol)")
      console.print("    " + hit.firstLine)
      if explain { console.print("    " + console.styled(reason(hit), .dim)) }
    }
    guard explain else { return }
    let cut = outcome.isCut ? ", then the budget was spent" : ""
    console.note(
      "\(refresh.chunks) chunks in \(refresh.files) files (\(refresh.changed) read anew, \(refresh.removed) gone); "
        + "\(outcome.candidates) share a word with the question; the model (\(model ?? "none")) read "
        + "\(outcome.read)\(cut); \(Int(elapsedMs)) ms")
  }

  private func reason(_ hit: Searcher.Hit) -> String {
    let words = String(format: "number %d by words (BM25 %.2f)", hit.lexicalRank, hit.place.bm25)
    let gain =
      hit.modelGain.map { String(format: ", model %+.3f nats per byte", $0) } ?? ", not read by the model"
    return words + gain + String(format: ", score %.2f", hit.score)
  }
}
