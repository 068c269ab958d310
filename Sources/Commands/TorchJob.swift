import Foundation
import Gemma
import Generation
import Registry
import Training
import Weights

/// `gemfill train --engine torch` and `--export-bundle`: the same data and recipe, trained by PyTorch.
struct TorchJob {
  private let console: Console
  private let registry: ModelRegistry
  private let basePath: String
  private let name: String
  private let recipe: TrainingRecipe
  private let data: TrainingData
  private let options: TorchOptions
  private let source: ModelSource
  private let format: PromptFormat
  private let card: AdapterCard
  private let bundle: String?

  init(_ arguments: Arguments, _ options: TorchOptions, _ console: Console) throws {
    self.console = console
    self.options = options
    bundle = arguments.text("export-bundle")
    if bundle != nil, arguments.flag("resume") {
      throw UsageError("--export-bundle begins anew; leave --resume away")
    }
    registry = try ModelRegistry(home: .standard())
    recipe = try TrainingJob.recipe(arguments)
    name = arguments.text("name") ?? TrainingJob.defaultName(arguments)
    try ModelRegistry.check(name: name)
    let wanted = name
    if try registry.adapters().contains(where: { $0.name == wanted }) {
      throw Failure("adapter \(name) exists; choose another --name, or gemfill adapter remove \(name)")
    }
    basePath = try registry.resolveBase(arguments.text("base"))
    source = try ModelSource(path: basePath)
    format = try PromptFormat(source.tokenizer(), model: basePath)
    console.progress("reading the code")
    data = try TrainingData(arguments, seed: recipe.seed, home: registry.home, console: console)
    var card = AdapterCard(
      name: name, baseName: URL(fileURLWithPath: basePath).lastPathComponent,
      baseSHA256: try registry.sha256(ofModel: basePath))
    card.dataPath = data.path
    card.dataCommit = data.commit
    card.contextShare = data.contextShare
    card.carvingHash = data.settingsHash
    card.seed = recipe.seed
    card.promptOrder = PromptOrder.suffixFirst.rawValue
    card.fimTokens = format.marks.json
    self.card = card
  }

  /// Trains, or writes the folder to train with elsewhere.
  func run(resume: Bool) throws -> ExitCode {
    if let bundle { return try export(to: bundle) }
    let python = try TorchPython.find(home: registry.home)
    let directory = registry.home.adapter(name)
    let work = directory + "/torch"
    let hasCheckpoint = FileManager.default.fileExists(atPath: Checkpoint.path(in: work))
    if !resume, FileManager.default.fileExists(atPath: Checkpoint.path(in: directory)) || hasCheckpoint {
      throw Failure(
        "\(directory) holds an interrupted run; continue it with --resume, choose another --name, or delete the folder"
      )
    }
    if resume, !hasCheckpoint {
      throw Failure("\(work) holds no checkpoint of PyTorch; start without --resume")
    }
    // What a run that never came to a checkpoint has left may be another base.
    if !resume { try? FileManager.default.removeItem(atPath: work + "/base") }
    try prepare(work, isWhole: false)
    console.note("training \(name) with PyTorch \(python.version)")
    switch try TorchEngine(python: python, options: options, console: console).run(in: work, resume: resume) {
    case .stopped(let step):
      console.note(
        "stopped at step \(step); continue with gemfill train … --engine torch --name \(name) --resume")
      console.emit(json: ["finished": false, "name": .string(name), "steps": .int(step)])
      return .interrupted
    case .finished:
      try adopt(TorchResult(folder: work), into: directory)
      return .done
    }
  }

  /// Writes what `train.py` needs into `folder`; what an interrupted run has left there is what it was.
  ///
  /// - Parameter isWhole: whether the folder must do without anything that lies elsewhere.
  private func prepare(_ folder: String, isWhole: Bool) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
    console.progress("writing the dataset")
    let sets = try data.writeShards(to: folder + "/data", format: format, recipe: recipe, copies: isWhole)
    func place(_ name: String) -> String { name.hasPrefix("/") ? name : "data/" + name }
    // The first norms of DoRA need the base's weights, which PyTorch has.
    if !recipe.hasMagnitudes {
      try TrainableAdapter(recipe.adapterSettings, configuration: source.configuration, seed: recipe.seed)
        .write(to: folder + "/initial", baseModelName: card.baseName)
    }
    let places = TorchRecipe.Places(
      base: try prepareBase(folder + "/base", isWhole: isWhole), train: sets.train.map(place),
      heldOut: sets.heldOut.map(place), initial: recipe.hasMagnitudes ? nil : "initial")
    let json = TorchRecipe(
      recipe: recipe, options: options, places: places, card: card, dataSHA256: data.hash
    ).json
    try AtomicFile.write(json.serialized(pretty: true) + [0x0A], to: folder + "/recipe.json")
    console.endProgress()
  }

  /// The base as transformers reads it: a folder stays where it is unless it is to be taken along.
  private func prepareBase(_ target: String, isWhole: Bool) throws -> String {
    if source.directory != nil, !isWhole { return URL(fileURLWithPath: basePath).standardizedFileURL.path }
    // Written whole or not at all.
    guard !FileManager.default.fileExists(atPath: target) else { return "base" }
    var conversion = ModelConversion(
      source: source, format: source.directory != nil ? nil : isWhole ? .bf16 : .f32)
    conversion.progress = { share in
      try ModelCommand.checkInterrupt()
      console.progress("exporting the base \(Console.bar(share))")
    }
    _ = try ModelFolder(conversion: conversion).write(to: target, console)
    return "base"
  }

  /// Makes a finished run's adapter a candidate; only adapter, card, metrics and recipe stay.
  private func adopt(_ result: TorchResult, into directory: String) throws {
    try result.check(base: basePath, registry)
    let files = FileManager.default
    for (folder, name) in [
      (result.directory, "adapter_model.safetensors"), (result.directory, "card.json"),
      (result.folder, "metrics.jsonl"), (result.folder, "recipe.json"),
      (result.directory, "adapter_config.json"),
    ] {
      let target = directory + "/" + name
      if files.fileExists(atPath: target) { try files.removeItem(atPath: target) }
      try files.moveItem(atPath: folder + "/" + name, toPath: target)
    }
    _ = try registry.register(directory: directory)
    try? files.removeItem(atPath: result.folder)
    let card = try AdapterCard(directory: directory)
    if let base = card.metrics["base_validation_loss_per_byte"]?.doubleValue,
      let tuned = card.metrics["adapter_validation_loss_per_byte"]?.doubleValue
    {
      console.print(
        String(format: "held-out files: %.4f nats per byte with the base, %.4f with %@", base, tuned, name))
    }
    console.print(
      "\(name): \(card.steps) steps, \(card.tokens) tokens; serve it with gemfill adapter promote \(name)")
    console.emit(json: card.json)
  }

  // MARK: Bundles

  /// Writes a folder that trains on another machine: dataset, recipe, base, scripts, requirements, how to, and a notebook.
  private func export(to folder: String) throws -> ExitCode {
    let files = FileManager.default
    let target = URL(fileURLWithPath: folder).path
    guard !files.fileExists(atPath: target) else {
      throw Failure("\(folder) exists already; choose another place with --export-bundle")
    }
    let part = target + ".part-\(getpid())"
    defer { try? files.removeItem(atPath: part) }
    try prepare(part, isWhole: true)
    let scripts = try TorchPython.scriptsFolder()
    do {
      try files.createDirectory(atPath: part + "/scripts", withIntermediateDirectories: true)
      for name in try files.contentsOfDirectory(atPath: scripts).sorted() where name.hasSuffix(".py") {
        try files.copyItem(atPath: scripts + "/" + name, toPath: part + "/scripts/" + name)
      }
      for name in ["requirements.txt", "requirements-cuda.txt"] {
        try files.copyItem(atPath: scripts + "/" + name, toPath: part + "/" + name)
      }
      for name in ["README.md", "train.ipynb"] {
        try files.copyItem(atPath: scripts + "/bundle/" + name, toPath: part + "/" + name)
      }
      try files.moveItem(atPath: part, toPath: target)
    } catch {
      throw Failure("\(folder) cannot be made: \(error.localizedDescription)")
    }
    console.emit(json: ["bundle": .string(folder), "name": .string(name)])
    console.print(
      "\(folder) trains \(name) wherever PyTorch runs (see its README.md); "
        + "gemfill adapter import \(folder) then brings the adapter back")
    return .done
  }
}
