import Carving
import Corpus
import Evaluation
import Foundation
import Registry
import Syntax
import Weights

/// `gemfill eval`: base, adapters and an n-gram model on code that is newer than what they learnt from.
struct EvalCommand: Command {
  static let name = "eval"
  static let summary = "Measure base and adapters on code written after the state that they learnt from."
  static let discussion = """
    PATH is a git repository: the holes are what the commits after --split inserted (default: the commit at 90 % of the
    history). Train with fim-train PATH --at split, or an adapter has seen the test. With --older, PATH and DIR are two
    releases: the holes are what is new in PATH. An n-gram model of the older state is measured beside base and
    adapters. With --results, reports on what earlier runs wrote with --out, of several repositories together. See
    docs/evaluation.md.
    """
  static let positionals = [
    Positional(
      "PATH", optional: true, help: "Git repository, or the newer of two releases (or --results).")
  ]
  static let options = [
    Option.text("adapter", "NAME", repeats: true, help: "Adapter to measure; may be given several times."),
    Option.text("base", "NAME|PATH", help: "Base model (default: the embedded base)."),
    Option.flag("history", help: "Test on git history; this is the default without --older."),
    Option.text("split", "COMMIT", help: "Test on what was inserted after this commit."),
    Option.text("older", "DIR", help: "Test on what PATH has and this older release lacks."),
    Option.integer("limit", "N", in: 1...1_000_000, help: "Most holes (default 2000)."),
    Option.duration(
      "budget", "TIME",
      help: "Take no new hole after this time, and only score after 60 % of it (default: all)."),
    Option.integer(
      "completions", "N", in: 0...1_000_000, help: "Complete only N holes, score all (default: all)."),
    Option.flag("orders", help: "Score every hole in the other prompt order too."),
    Option.flag(
      "no-context",
      help: "Show no adapter pieces of other files (default: those that were trained with them)."),
    Option.flag(
      "mixture",
      help: "Measure base and adapters also mixed with what followed the same tokens in the older state."),
    Option.flag(
      "served",
      help: "Measure base and adapters also as an editor meets them: mixed, cut and judged by the policy."),
    Option.text(
      "by", "AXES", repeats: true,
      help: "Also print the figures by package, language, shape (a list with commas; JSON has them all)."),
    Option.text(
      "results", "F.jsonl", repeats: true,
      help: "Report on these files, written with --out, instead of on PATH."),
    Option.integer("seed", "S", help: "Seed of the order of the holes and of the intervals (default 1)."),
    Option.text("out", "F.jsonl", help: "Write every hole with all answers here."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let axes = try axes(arguments)
    if !arguments.texts("results").isEmpty { return try pooled(arguments, by: axes, console) }
    let source = try HeldOutSource(arguments)
    var adapters: [String] = []
    for name in arguments.texts("adapter") where !adapters.contains(name) { adapters.append(name) }
    console.progress("loading the model")
    let model = try await ServingModel.load(base: arguments.text("base"), home: .standard())
    for note in model.notes { console.note(note) }
    for name in adapters { try await model.prepare(adapter: name) }
    let registry = try ModelRegistry(home: .standard())
    let catalog = LanguageCatalog.standard()
    console.progress("looking for held-out holes")
    let heldOut = try source.read(catalog: catalog, limit: arguments.integer("limit") ?? 2_000)
    let learnt = try LearntCode.judge(adapters, registry: registry, arguments)
    for name in adapters {
      if let warning = learnt[name]?.warning(adapter: name) { console.warn(warning) }
    }
    let showing = arguments.flag("no-context") ? [] : try contextual(adapters, registry: registry)
    var holes = heldOut.holes
    if !showing.isEmpty {
      console.progress("looking for context in \(heldOut.olderFiles.count) older files")
      holes = try OlderContext(heldOut.olderFiles, catalog: catalog).attached(to: holes)
    }
    console.progress("counting n-grams")
    var contenders: [any Contender] = [
      baseline(heldOut.olderFiles, catalog: catalog), ModelContender(name: "base", model: model),
    ]
    contenders += adapters.map {
      ModelContender(name: $0, model: model, adapter: $0, showsContext: showing.contains($0))
    }
    if arguments.flag("mixture") || arguments.flag("served") {
      console.progress("indexing the older state's tokens")
      let mixture = mixture(of: heldOut.olderFiles, tokenizer: model.engine.tokenizer)
      contenders += mixed(adapters, showing, model, catalog, mixture, arguments)
    }
    let evaluation = try await Evaluator(options: options(arguments, catalog)).run(
      holes, contenders: contenders
    ) { progress in
      console.progress("evaluating: \(progress.done) of \(progress.total) holes")
    }
    console.endProgress()
    if let path = arguments.text("out") {
      try AtomicFile.write(evaluation.lines(of: holes), to: path)
    }
    let report = report(evaluation, adapters, arguments)
    for name in adapters where showing.contains(name) {
      console.note("\(name) was shown pieces of the older files, as in its training")
    }
    let test = heldOut.description
    console.print(test)
    console.print(report.table())
    let breakdowns = breakdowns(of: evaluation, by: axes, arguments, console)
    printed(breakdowns, by: axes, console)
    for name in adapters where learnt[name]?.isTrainedOnTest == true {
      console.print("\(name) learnt from the test: its figures say nothing about new code")
    }
    var json = json(of: report, learnt)
    json["with_context"] = .array(adapters.filter(showing.contains).map { .string($0) })
    json["test"] = .string(test)
    json["by"] = self.json(of: breakdowns)
    json["seconds"] = .double(evaluation.elapsed / .seconds(1))
    console.emit(json: json)
    for name in adapters where learnt[name]?.isTrainedOnTest != true {
      try registry.setMetrics(metrics(of: name, in: json), ofAdapter: name)
    }
    return Task.isCancelled ? .interrupted : .done
  }

  /// The adapters that learnt with pieces of other files, by their cards.
  private static func contextual(_ adapters: [String], registry: ModelRegistry) throws -> Set<String> {
    try Set(
      adapters.filter { name in
        try AdapterCard(directory: registry.adapter(named: name).directory).contextShare > 0
      })
  }

  private static func options(_ arguments: Arguments, _ catalog: LanguageCatalog) -> Evaluator.Options {
    Evaluator.Options(
      scoresBothOrders: arguments.flag("orders"), completions: arguments.integer("completions"),
      budget: arguments.seconds("budget").map { .seconds($0) }, seed: UInt64(arguments.integer("seed") ?? 1),
      package: URL(fileURLWithPath: arguments.required("PATH")).standardizedFileURL.lastPathComponent
    ) { example, completion in
      guard let language = catalog.language(forPath: example.path) else { return nil }
      let text = completion.count - completion.reversed().prefix { $0 <= 0x20 }.count
      let kept = CompletionSyntax(language: language).clip(
        prefix: Array(example.prefix.utf8), completion: completion, suffix: Array(example.suffix.utf8))
      return kept >= text
    }
  }

  private static func baseline(_ files: [SourceFile], catalog: LanguageCatalog) -> NgramContender {
    let holes = Carver(options: CarveOptions(seed: 1, limit: 4_000), catalog: catalog).examples(
      from: files, epoch: 0)
    return NgramContender(texts: files.map(\.bytes), holes: holes)
  }

  private static func report(
    _ evaluation: Evaluation, _ adapters: [String], _ arguments: Arguments
  ) -> Report {
    var pairs = [(contender: 1, reference: 0)]
    if !adapters.isEmpty { pairs = adapters.indices.flatMap { [($0 + 2, 1), ($0 + 2, 0)] } }
    return Report(evaluation, comparing: pairs, bootstrap: bootstrap(arguments))
  }

  /// The report's JSON, in which every adapter says whether it learnt from the test, null for unknown.
  static func json(of report: Report, _ learnt: [String: LearntCode]) -> JSONValue {
    var json = report.json
    let rows = json["contenders"]?.arrayValue ?? []
    json["contenders"] = .array(
      rows.map { row in
        guard let verdict = row["name"]?.stringValue.flatMap({ learnt[$0] }) else { return row }
        var row = row
        row["trained_on_test"] = verdict.isTrainedOnTest.map { .bool($0) } ?? JSONValue.null
        return row
      })
    return json
  }

  /// What the registry keeps of an adapter's evaluation.
  private static func metrics(of name: String, in json: JSONValue) -> JSONObject {
    func own(_ key: String) -> [JSONValue] {
      json[key]?.arrayValue?.filter { $0["name"]?.stringValue == name } ?? []
    }
    return JSONObject([
      ("test", json["test"] ?? .null), ("holes", json["scored"] ?? .null),
      ("figures", own("contenders").first ?? .null), ("comparisons", .array(own("comparisons"))),
    ])
  }
}
