import Foundation
import Gemma
import Generation
import Registry
import Training
import Weights

/// One run of `gemfill train`: data, base, trainer and what is written.
struct TrainingJob {
  let console: Console
  let registry: ModelRegistry
  private let basePath: String
  private let baseSHA256: String
  private let name: String
  private let directory: String
  private let checkpointSeconds: Double?
  private let measurementSeconds: Double?
  private(set) var recipe: TrainingRecipe
  let context: ObjectiveContext
  let data: TrainingData
  let engine: Engine

  init(_ arguments: Arguments, _ console: Console) throws {
    self.console = console
    registry = try ModelRegistry(home: .standard())
    checkpointSeconds = arguments.seconds("checkpoint")
    measurementSeconds = arguments.seconds("measure")
    var recipe = try Self.recipe(arguments)
    recipe.objective = try ObjectiveOptions.settings(arguments)
    if recipe.objective.name.learnsPreferences || recipe.objective.name == .grpo,
      arguments.number("learning-rate") == nil
    {
      recipe.learningRate = ObjectiveOptions.preferenceRate
    }
    console.progress("reading the code")
    data =
      recipe.objective.name.learnsPreferences
      ? TrainingData(
        preferences: try PreferenceData(
          arguments, recipe.objective.name, home: registry.home, console: console))
      : try TrainingData(arguments, seed: recipe.seed, home: registry.home, console: console)
    let wanted = arguments.text("name") ?? Self.defaultName(arguments)
    try ModelRegistry.check(name: wanted)
    if try registry.adapters().contains(where: { $0.name == wanted }) {
      throw Failure("adapter \(wanted) exists; choose another --name, or gemfill adapter remove \(wanted)")
    }
    name = wanted
    directory = registry.home.adapter(wanted)
    basePath = try registry.resolveBase(arguments.text("base"))
    baseSHA256 = try registry.sha256(ofModel: basePath)
    console.progress("loading the base")
    engine = try Engine.load(path: basePath, caching: .on(fallback: registry.home.cache))
    for note in engine.model.notes { console.note(note) }
    recipe.trainedTokens = try TrainingOptions.tokenRows(arguments, engine)
    context = try ObjectiveContext(
      arguments, &recipe.objective, registry: registry, engine: engine, baseSHA256: baseSHA256,
      basePath: basePath)
    self.recipe = recipe
  }

  static func defaultName(_ arguments: Arguments) -> String {
    let path = arguments.positional("PATH") ?? arguments.text("dataset") ?? "adapter"
    let last = URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
    let safe = last.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "-" }
    return safe.isEmpty ? "adapter" : String(safe)
  }

  /// What the options say.
  static func recipe(_ arguments: Arguments) throws -> TrainingRecipe {
    var recipe = TrainingRecipe()
    if let seconds = arguments.seconds("budget") { recipe.budget = .seconds(seconds) }
    if let steps = arguments.integer("steps") { recipe.budget = .steps(steps) }
    if let epochs = arguments.number("epochs") { recipe.budget = .epochs(epochs) }
    if let rank = arguments.integer("rank") {
      recipe.rank = rank
      recipe.alpha = Float(rank * 2)
    }
    if let rate = arguments.number("learning-rate") { recipe.learningRate = Float(rate) }
    if let weight = arguments.number("context-weight") { recipe.contextWeight = Float(weight) }
    if let weight = arguments.number("end-weight") { recipe.endWeight = Float(weight) }
    if let tokens = arguments.integer("batch-tokens") {
      recipe.batchTokens = tokens
      recipe.microBatchTokens = max(recipe.maximumLength, min(recipe.microBatchTokens, tokens))
    }
    if let seed = arguments.integer("seed") { recipe.seed = UInt64(seed) }
    try TrainingOptions.apply(arguments, to: &recipe)
    return recipe
  }

  /// What a resumed run must share: base, data and everything in the recipe but its budget.
  var identity: String {
    var shared = recipe
    shared.budget = .steps(0)
    return SHA256.hash(Array("\(baseSHA256)\n\(data.hash)\n\(shared)".utf8))
  }

  private func trainer() throws -> Trainer {
    try data.trainer(engine, recipe, context, directory: directory, identity: identity)
  }

  /// Whether the run that is to be resumed was killed when its adapter was registered already; then its checkpoint goes.
  static func isFinished(_ arguments: Arguments, _ console: Console) throws -> Bool {
    let registry = try ModelRegistry(home: .standard())
    let name = arguments.text("name") ?? defaultName(arguments)
    guard let adapter = try registry.adapters().first(where: { $0.name == name }) else { return false }
    try? FileManager.default.removeItem(atPath: Checkpoint.path(in: adapter.directory))
    console.print("\(name) is finished; serve it with gemfill adapter promote \(name)")
    let card = try AdapterCard(directory: adapter.directory)
    console.emit(json: card.json)
    return true
  }

  mutating func run(resume: Bool) throws -> ExitCode {
    if !resume, FileManager.default.fileExists(atPath: Checkpoint.path(in: directory)) {
      throw Failure(
        "\(directory) holds an interrupted run; continue it with --resume, choose another --name, or delete the folder"
      )
    }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let trainer = try trainer()
    console.note(
      "training \(name): \(data.fileCount) files, \(data.byteCount / 1_000) kB, "
        + "\(trainer.adapter.parameterCount / 1_000) k trained values over \(engine.model.parameterCount / 1_000) k"
    )
    if let checkpointSeconds { trainer.checkpointInterval = checkpointSeconds }
    if let measurementSeconds { trainer.measurementInterval = measurementSeconds }
    if resume, !FileManager.default.fileExists(atPath: Checkpoint.path(in: directory)) {
      console.note("there is no checkpoint yet; \(name) begins anew")
    }
    let (report, losses, best) = try train(trainer, resume: resume)
    console.endProgress()
    guard report.finished else {
      console.note(
        "stopped at step \(report.last.step); continue with gemfill train … --name \(name) --resume")
      console.emit(json: ["finished": false, "name": .string(name), "steps": .int(report.last.step)])
      return .interrupted
    }
    try finish(trainer, report, losses)
    best.close(final: report.adapterLossPerByte, console)
    return .done
  }

  /// Trains and keeps a record of it. A failure leaves the last checkpoint, the curve so far and the best adapter.
  private func train(
    _ trainer: Trainer, resume: Bool
  ) throws -> (report: TrainingReport, losses: [Double], best: BestAdapter) {
    removeAbandoned()
    let record = TrainingRecord(directory: directory, name: name, resume: resume)
    var best = BestAdapter(directory: directory + "/best", resume: resume)
    let report: TrainingReport
    do {
      report = try trainer.run(resume: resume, isCancelled: { Interrupt.isRequested }) { progress in
        try record.append(progress)
        if let loss = progress.heldOutLossPerByte, loss < best.loss {
          try best.write(trainer.adapter, card(trainer.adapter, progress, record.losses), loss: loss)
        }
        console.progress(line(progress))
      }
    } catch {
      try? record.draw()
      throw Failure("\(error)\(best.note ?? "")")
    }
    // What it has learnt matters more than the record of it.
    do { try record.close(report) } catch { console.warn("\(error)") }
    return (report, record.losses, best)
  }

  /// Removes the beginnings of files that a killed run has left.
  private func removeAbandoned() {
    let names = [
      "metrics.jsonl", TrainingRecord.curveName, "adapter_model.safetensors", "adapter_config.json",
      "card.json",
      AdapterCard.contentHashesName,
    ]
    for name in names {
      AtomicFile.removeAbandoned(beside: directory + "/" + name)
      AtomicFile.removeAbandoned(beside: directory + "/best/" + name)
    }
  }

  private func line(_ p: TrainingProgress) -> String {
    String(
      format: "%@ step %d  loss %.3f%@  %.0f tokens/s  %d:%02d left", Console.bar(p.fraction), p.step, p.loss,
      p.heldOutLossPerByte.map { String(format: "  held out %.4f", $0) } ?? "", p.tokensPerSecond,
      Int(p.remaining) / 60, Int(p.remaining) % 60)
  }

  private func finish(_ trainer: Trainer, _ report: TrainingReport, _ losses: [Double]) throws {
    let adapter = trainer.adapter
    try adapter.write(
      to: directory, baseModelName: URL(fileURLWithPath: basePath).lastPathComponent, dropout: recipe.dropout)
    var card = card(adapter, report.last, losses)
    card.recipe = TrainingOptions.card(recipe, report)
    var metrics = JSONObject()
    metrics["base_validation_loss_per_byte"] = report.baseLossPerByte.map { .double($0) } ?? .null
    metrics["adapter_validation_loss_per_byte"] = report.adapterLossPerByte.map { .double($0) } ?? .null
    metrics["tokens_per_second"] = .double(report.last.tokensPerSecond)
    metrics["data_sha256"] = .string(data.hash)
    let figures = try data.measure(trainer, engine, recipe, context)
    if !figures.isEmpty { metrics["held_out"] = .object(figures) }
    if !data.contentHashes.isEmpty {
      metrics["content_hashes"] = .string(AdapterCard.contentHashesName)
      let lines = data.contentHashes.map { $0 + "\n" }.joined()
      try AtomicFile.write(Array(lines.utf8), to: directory + "/" + AdapterCard.contentHashesName)
    }
    card.metrics = metrics
    try card.write(to: directory)
    _ = try registry.register(directory: directory)
    try? FileManager.default.removeItem(atPath: Checkpoint.path(in: directory))
    if let base = report.baseLossPerByte, let tuned = report.adapterLossPerByte {
      console.print(
        String(format: "held-out files: %.4f nats per byte with the base, %.4f with %@", base, tuned, name))
    }
    for note in Self.notes(adapter, report) { console.note(note) }
    for (figure, value) in figures {
      console.print("held-out \(figure): \(String(decoding: value.serialized(), as: UTF8.self))")
    }
    console.print(
      "\(name): \(report.last.step) steps, \(report.last.tokens) tokens, "
        + "\(Int(report.last.elapsed)) s; serve it with gemfill adapter promote \(name)")
    console.emit(json: card.json)
  }

  private static func notes(_ adapter: TrainableAdapter, _ report: TrainingReport) -> [String] {
    var notes: [String] = []
    if let step = report.keptStep {
      notes.append("kept the state of step \(step), whose held-out loss was lowest")
    }
    if report.scaleFactor != 1 {
      notes.append("held-out loss is lowest at \(report.scaleFactor) of the scale: alpha is \(adapter.alpha)")
    }
    if adapter.hasMagnitudes || !adapter.tokens.isEmpty {
      notes.append(
        "\(adapter.hasMagnitudes ? "DoRA is" : "token rows are") not loaded by every server; "
          + "gemfill model export --adapter writes a merged model for those")
    }
    return notes
  }

  /// Where the adapter comes from, without figures.
  private func card(_ adapter: TrainableAdapter, _ progress: TrainingProgress, _ losses: [Double])
    -> AdapterCard
  {
    var card = AdapterCard(
      name: name, baseName: URL(fileURLWithPath: basePath).lastPathComponent, baseSHA256: baseSHA256)
    card.dataPath = data.path
    card.dataCommit = data.commit
    card.contextShare = data.contextShare
    card.carvingHash = data.settingsHash
    card.seed = recipe.seed
    card.parent = context.parent?.name
    if recipe.objective.name != .sft { card.objective = recipe.objective.json }
    card.promptOrder = PromptOrder.suffixFirst.rawValue
    card.rank = adapter.rank
    card.alpha = adapter.alpha
    card.fimTokens = engine.format.marks.json
    card.targetModules = adapter.targets.map(\.rawValue)
    card.steps = progress.step
    card.tokens = progress.tokens
    card.losses = Self.sampled(losses)
    card.created = ISO8601DateFormatter().string(from: Date())
    return card
  }

  /// At most 200 losses, evenly taken, the last one included.
  private static func sampled(_ losses: [Double]) -> [Double] {
    let step = max(1, (losses.count + 199) / 200)
    return losses.indices.filter { $0 % step == 0 || $0 == losses.count - 1 }.map { losses[$0] }
  }
}
