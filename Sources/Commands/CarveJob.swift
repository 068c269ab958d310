import Carving
import Context
import Corpus
import Foundation
import Registry
import Syntax
import Weights

/// One run of `gemfill carve`.
struct CarveJob {
  private let request: CarveRequest
  private let arguments: Arguments
  private let catalog: LanguageCatalog
  private let console: Console
  private let home: Home
  private let chosen: ChosenSettings
  private let prior: TeamPrior?

  init(
    _ request: CarveRequest, _ arguments: Arguments, _ catalog: LanguageCatalog, _ console: Console
  ) throws {
    self.request = request
    self.arguments = arguments
    self.catalog = catalog
    self.console = console
    home = try Home.standard()
    var chosen = try ChosenSettings(arguments, home: home)
    prior = try TeamPrior.learn(
      arguments, state: request.state, over: chosen, seed: request.seed, catalog: catalog,
      console: console)
    if let prior { chosen.settings = prior.prior.settings(from: chosen.settings) }
    self.chosen = chosen
  }

  func run(_ places: OutputPlaces) async throws -> ExitCode {
    console.progress("listing files")
    let source = try CarveSource(request, catalog: catalog)
    try places.check(against: source.trees)
    if let prior, try !tellOf(prior) { return .done }
    warnOfMissingGrammars(source)
    let options = try options(source)
    let outputs = try CarveOutputs(
      request, base: ModelRegistry(home: home).resolveBase(arguments.text("base")), settings: chosen.settings,
      context: options.context)
    let run = CarvingRun(trees: source.trees, settings: chosen.settings, options: options, catalog: catalog)
    let started = ContinuousClock.now
    let corpus = try run.survey(epoch: request.epoch, progress: progress)
    if let fault = corpus.cacheFault { console.note("going on without the cache: \(fault)") }
    tellOfAge(source)
    if arguments.flag("explain") { return try explain(corpus) }
    let preview = PreviewSink(count: arguments.integer("preview") ?? 0, seed: request.seed)
    var sinks = outputs.outputs
    if arguments.flag("preview") { sinks.append(CarvingOutput(.train, preview)) }
    var hardness: HardnessReport?
    let carved: CarvingReport
    if arguments.flag("hardness") {
      (carved, hardness) = try await selected(corpus, sinks)
    } else {
      carved = try corpus.write(to: sinks, progress: progress)
    }
    let report = CarveReport(
      report: carved, hardness: hardness, seconds: (ContinuousClock.now - started) / .seconds(1),
      peakMegabytes: PeakMemory.megabytes)
    console.endProgress()
    let origins = origins(report, source)
    if let out = request.out { try writeCard(report, origins, outputs, beside: out) }
    try tell(report, origins, outputs, preview.examples)
    return .done
  }

  /// Prints and saves what was learnt; whether there is anything else to do.
  private func tellOf(_ prior: TeamPrior) throws -> Bool {
    prior.print(to: console)
    if let path = arguments.text("save-weights") {
      let file: JSONValue = [ChosenSettings.key: .object(chosen.section)]
      try AtomicFile.write(file.serialized(pretty: true) + [0x0A], to: path)
      console.note("weights written to \(path)")
    }
    let more = ["out", "preview", "stats", "explain", "skipped"]
    guard !more.contains(where: arguments.flag) else { return true }
    console.emit(json: ["prior": prior.json])
    return false
  }

  /// Carves into memory, has the base choose among the training examples, and writes what is left.
  private func selected(
    _ corpus: SurveyedCorpus, _ outputs: [CarvingOutput]
  ) async throws -> (CarvingReport, HardnessReport) {
    let lists = DataSplit.allCases.map { ($0, ExampleList()) }
    let report = try corpus.write(to: lists.map { CarvingOutput($0, $1) }, progress: progress)
    let found = Dictionary(uniqueKeysWithValues: lists.map { ($0, $1.examples) })
    let selection = try await HardnessScorer.select(
      from: found[.train] ?? [], base: arguments.text("base"), seed: request.seed, console: console)
    var result = report
    for split in DataSplit.allCases {
      let examples = split == .train ? selection.examples : found[split] ?? []
      let written = try examples.filter { example in
        guard let prepared = try outputs.prepared(example, for: split) else { return false }
        for (output, bytes) in prepared { try outputs[output].sink.append(bytes, of: example) }
        return true
      }
      var dropped = [DropReason.unfit: examples.count - written.count]
      if split == .train { dropped[.hardness] = (found[split]?.count ?? 0) - examples.count }
      result = result.keeping(written, of: split, dropped: dropped.filter { $0.value > 0 })
    }
    // None appears before all are complete.
    try Task.checkCancellation()
    for output in outputs { try output.sink.seal() }
    for output in outputs { try output.sink.finish() }
    return (result, selection.report)
  }

  // MARK: Set-up

  private func options(_ source: CarveSource) throws -> CarvingRun.Options {
    var options = CarvingRun.Options()
    options.seed = request.seed
    options.threads = request.threads
    options.shard = request.shard
    options.limit = request.limit
    options.holdsOutValidation = request.isSplit
    options.test = source.test
    options.selection.languages = request.languages
    options.hygiene = chosen.hygiene
    for name in arguments.texts("deny-licence") {
      guard HygieneOptions.canDeny(name) else {
        throw UsageError("--deny-licence '\(name)' is neither an SPDX identifier nor a family such as AGPL-")
      }
      options.hygiene.deniedLicences.insert(name)
    }
    options.context = arguments.flag("no-context") ? nil : chosen.context
    if arguments.flag("decontaminate") {
      (options.decontamination, options.heldOutFiles) = try decontaminator()
    }
    if !arguments.flag("no-cache") { options.cachePath = home.surveys }
    return options
  }

  /// Every readable file of the paths, also those that are no code: a test set may be a JSONL file.
  private func decontaminator() throws -> (Decontaminator, [CarvingRun.HeldOutFile]) {
    var texts = Decontaminator(texts: [])
    var read: [CarvingRun.HeldOutFile] = []
    for file in try arguments.texts("decontaminate").flatMap({ try HeldOutText.files(at: $0) }) {
      let bytes = try HeldOutText.read(file)
      read.append(CarvingRun.HeldOutFile(path: file, hash: ContentHash(bytes), bytes: bytes.count))
      for text in HeldOutText.texts(of: bytes, path: file) { texts.insert(text) }
    }
    return (texts, read)
  }

  /// Old files give fewer examples; where no history tells their age, another machine may carve others.
  private func tellOfAge(_ source: CarveSource) {
    for tree in source.trees where tree.origin.isShallow == true {
      let split = request.isSplit ? ", and the split is one of the commits that are here" : ""
      console.warn(
        "\(tree.origin.path): is a shallow clone: all its files count as equally old\(split); "
          + "git fetch --unshallow brings the rest of its history")
    }
    for tree in source.trees
    where tree.origin.isShallow != true && !tree.entries.isEmpty
      && tree.entries.allSatisfy({ $0.changed == nil })
    {
      console.note("\(tree.origin.path): no git history at hand; all files count as equally old")
    }
  }

  private func warnOfMissingGrammars(_ source: CarveSource) {
    let names = Set(source.trees.flatMap(\.entries).compactMap { catalog.name(forPath: $0.path) })
    for name in names.sorted() where request.languages?.contains(name) ?? true {
      do throws(SyntaxError) { _ = try catalog.load(name) } catch {
        console.warn("\(error); carving \(name) by indentation")
      }
    }
  }

  private func progress(_ progress: CarvingRun.Progress) {
    switch progress {
    case .surveying(let done, let all): console.progress("reading: \(done) of \(all) files")
    case .comparing: console.progress("comparing files")
    case .writing(let done, let all): console.progress("carving: \(done) of \(all) files")
    }
  }

  // MARK: Results

  /// Where the files came from; files from disk are named by the commit that has them.
  private func origins(_ report: CarveReport, _ source: CarveSource) -> [SourceOrigin] {
    zip(report.report.origins, source.trees).map { origin, tree in
      SourceOrigin(path: origin.path, commit: TrainingData.commit(of: tree), isShallow: origin.isShallow)
    }
  }

  /// The data card in both forms.
  private func writeCard(
    _ report: CarveReport, _ origins: [SourceOrigin], _ outputs: CarveOutputs, beside out: String
  ) throws {
    var card = DataCard(
      report.report, tool: "gemfill \(Gemfill.version)", form: outputs.form, hardness: report.hardness)
    card.origins = origins
    card.rebuild = CarveRebuild.arguments(request, arguments, out: out, origins: origins, test: card.test)
    if !request.isSplit { OutputPlaces.removeOldSplits(beside: out) }
    try AtomicFile.write(card.json, to: CarveRequest.stem(of: out) + CarveRebuild.cardSuffix)
    try AtomicFile.write(Array(card.markdown.utf8), to: CarveRequest.stem(of: out) + ".card.md")
  }

  private func explain(_ corpus: SurveyedCorpus) throws -> ExitCode {
    console.endProgress()
    let files = try arguments.texts("explain").map { path in
      CarveExplanation(file: try CarveExplanation.find(path, in: corpus, below: request.paths))
    }
    for file in files { file.print(to: console) }
    console.emit(json: ["explanations": .array(files.map(\.json))])
    return .done
  }

  private func tell(
    _ report: CarveReport, _ origins: [SourceOrigin], _ outputs: CarveOutputs, _ preview: [FIMExample]
  ) throws {
    for (split, path) in outputs.paths {
      let count = report.splits[split]?.statistics.examples ?? 0
      console.note("\(Figures.count(count, "example")) written to \(path)")
    }
    if let unfit = report.report.drops[.unfit] {
      console.note("left out because the format cannot hold them: \(Figures.count(unfit, "example"))")
    }
    for example in preview { CarvePreview(console: console).show(example) }
    if arguments.flag("skipped") {
      for skipped in report.report.skipped {
        console.print("\(skipped.path.printableName)  \(skipped.reason.rawValue)")
      }
    }
    let isQuietWithout = request.out != nil || !preview.isEmpty || arguments.flag("skipped")
    if arguments.flag("stats") || !isQuietWithout { report.print(to: console) }
    var json = report.json
    json["origins"] = .array(
      origins.map { ["path": .string($0.path), "commit": $0.commit.map { .string($0) } ?? .null] })
    let shallow = origins.count { $0.isShallow == true }
    json["warnings"] = shallow > 0 ? ["shallow-clone": .int(shallow)] : [:]
    json["seed"] = .int(Int(clamping: request.seed))
    json["epoch"] = .int(request.epoch)
    json["settings"] = [
      "hash": .string(chosen.settings.hash), "files": .array(chosen.origins.map { .string($0) }),
    ]
    json["out"] = request.out.map { .string($0) } ?? JSONValue.null
    json["outputs"] = .array(
      outputs.paths.map { ["split": .string($0.split.rawValue), "path": .string($0.path)] })
    json["card"] = request.out.map { .string(CarveRequest.stem(of: $0) + ".card.json") } ?? JSONValue.null
    json["prior"] = prior?.json ?? JSONValue.null
    json["preview"] = .array(preview.map { CarvePreview.json($0) })
    console.emit(json: json)
  }
}

/// The largest resident set of this process.
enum PeakMemory {
  /// In megabytes, from the kernel's `VmHWM`; nil where there is no such file.
  static var megabytes: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first.map { $0 / 1_024 }
  }

  /// Forgets the peak, so that the next reading says what came after; where the kernel does not allow it, nothing happens.
  static func reset() {
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }
}
