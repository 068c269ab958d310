import Carving
import Corpus
import Foundation
import Generation
import Registry
import Syntax
import Training
import Weights

/// What one training run learns from: code that is carved anew in every epoch, examples carved earlier, or their tokens.
struct TrainingData {
  /// What the run learns from, for the card.
  let path: String
  /// The commits whose files these are, joined by ':', each with "-dirty" behind it where the files differ; empty where there
  /// is none.
  let commit: String
  /// SHA-256 over all contents and settings.
  let hash: String
  /// Hash of the carving settings; empty where they are not known.
  let settingsHash: String
  /// Share of the examples that carry pieces of other files.
  let contextShare: Double
  /// SHA-256 of every file that is learnt from, sorted; empty where they are not known.
  let contentHashes: [String]
  /// Files that are learnt from; 0 where it is not known.
  let fileCount: Int
  /// Bytes of these files, of the middles of examples carved earlier, or of tokens.
  let byteCount: Int
  let kind: Kind

  /// Where the sequences come from.
  enum Kind {
    /// Carves an epoch; the first is there already.
    case carved(CarvingRun, first: [FIMExample], heldOut: [FIMExample])
    /// The same examples in every epoch.
    case examples([FIMExample], heldOut: [FIMExample])
    /// Token shards, by the path of their index.
    case shards(String)
    /// Verdicts on answers.
    case preferences(PreferenceSet, heldOut: [PreferenceExample])
  }

  /// Most held-out examples: enough for a figure, few enough to cost seconds.
  static let heldOutLimit = 96

  /// Reads a dataset, or lists, checks and carves the first epoch of paths.
  ///
  /// - Throws: `UsageError`, `Failure`, and what reading and carving throw.
  init(_ arguments: Arguments, seed: UInt64, home: Home, console: Console) throws {
    let paths = arguments.positionals("PATH")
    if let dataset = arguments.text("dataset") {
      guard paths.isEmpty else { throw UsageError("give PATH or --dataset, not both") }
      for option in ["weights", "prior", "at", "no-context"] where arguments.flag(option) {
        throw UsageError("--\(option) is for carving; a dataset is carved already")
      }
      self = TokenShardSet.isShards(dataset) ? try Self(shards: dataset) : try Self(dataset: dataset)
      return
    }
    guard !paths.isEmpty else { throw UsageError("give a PATH, or --dataset F.jsonl") }
    try self.init(carving: paths, arguments, seed: seed, home: home, console: console)
  }

  /// A trainer over this data.
  ///
  /// - Parameter measures: whether it measures the loss on files that are never trained on.
  /// - Throws: `TrainingError.shard` for shards of another vocabulary than the engine's.
  func trainer(
    _ engine: Engine, _ recipe: TrainingRecipe, _ context: ObjectiveContext, directory: String,
    identity: String, measures: Bool = true
  ) throws -> Trainer {
    if recipe.objective.name != .sft {
      return try objectiveTrainer(
        engine, recipe, context, directory: directory, identity: identity, measures: measures)
    }
    let start = try context.start(engine.model)
    switch kind {
    case .preferences: throw UsageError("verdicts are learnt with --objective kto, apo-zero or dpo")
    case .carved(let run, let first, let heldOut):
      return try Trainer(
        model: engine.model, format: engine.format, recipe: recipe, directory: directory, identity: identity,
        carve: { $0 == 0 ? first : try run.examples(epoch: $0) }, heldOut: measures ? heldOut : [],
        start: start)
    case .examples(let examples, let heldOut):
      return try Trainer(
        model: engine.model, format: engine.format, recipe: recipe, directory: directory, identity: identity,
        carve: { _ in examples }, heldOut: measures ? heldOut : [], start: start)
    case .shards(let path):
      let validation = measures ? try Self.holes(beside: path, engine.format) : []
      return try Trainer(
        model: engine.model, recipe: recipe, directory: directory, identity: identity,
        source: TokenShardSet(path: path, format: engine.format), heldOut: validation, start: start)
    }
  }

  /// How much an epoch has to learn from.
  struct Sample {
    /// Examples of an epoch.
    var examples: Int
    /// Mean over those that were tokenised; what is left out for its length counts 0.
    var tokensPerExample: Double
    /// How many were tokenised.
    var tokenised: Int
  }

  /// Most examples that are tokenised for an estimate.
  private static let sampleSize = 400

  /// Tokenises examples that are evenly taken from the first epoch.
  ///
  /// - Parameters:
  ///   - format: says which token shards fit.
  ///   - recipe: which examples are too long.
  func sample(_ format: PromptFormat, _ recipe: TrainingRecipe) throws -> Sample {
    let examples: [FIMExample]
    switch kind {
    case .carved(_, let first, _): examples = first
    case .examples(let all, _): examples = all
    case .shards(let path):
      let set = try TokenShardSet(path: path, format: format)
      return Sample(
        examples: set.count, tokensPerExample: Double(set.tokenCount) / Double(max(1, set.count)),
        tokenised: 0)
    case .preferences(let set, _):
      let tokens = set.examples.reduce(0) { sum, example in
        sum + example.sequences(format, limit: .max).reduce(0) { $0 + $1.tokens.count }
      }
      return Sample(
        examples: set.examples.count, tokensPerExample: Double(tokens) / Double(max(1, set.examples.count)),
        tokenised: set.examples.count)
    }
    let encoder = ExampleEncoder(format: format, recipe: recipe)
    let step = max(1, examples.count / Self.sampleSize)
    var (tokens, count) = (0, 0)
    for index in stride(from: 0, to: examples.count, by: step) {
      var random = encoder.random(for: examples[index], epoch: 0)
      tokens += encoder.sequence(examples[index], random: &random)?.tokens.count ?? 0
      count += 1
    }
    return Sample(
      examples: examples.count, tokensPerExample: Double(tokens) / Double(max(1, count)), tokenised: count)
  }

  // MARK: Datasets

  private init(shards path: String) throws {
    let info = try TokenShardSet.info(path: path)
    self.init(
      path: path, hash: try SHA256.hash(file: TokenShardSet.file(at: path) ?? path), kind: .shards(path),
      fileCount: 0, byteCount: 0, contextShare: info.contextShare, settingsHash: info.carvingHash)
  }

  private init(dataset: String) throws {
    let all = try ExampleFile.read(dataset)
    let beside = CarveRequest.path(of: DataSplit.validation.rawValue, beside: dataset)
    var (train, validation) = (all, [FIMExample]())
    if FileManager.default.fileExists(atPath: beside) {
      validation = try ExampleFile.read(beside)
    } else {
      train = all.filter { !ValidationSplit.holds($0.path) }
      validation = all.filter { ValidationSplit.holds($0.path) }
      if train.isEmpty { (train, validation) = (all, []) }
    }
    self.init(
      path: dataset, hash: try SHA256.hash(file: dataset),
      kind: .examples(train, heldOut: Self.chosen(validation)), fileCount: Set(train.map(\.path)).count,
      byteCount: train.reduce(0) { $0 + $1.middle.utf8.count }, contextShare: Self.contextShare(train),
      contentHashes: Set(train.map(\.contentHash)).subtracting([""]).sorted())
  }

  // MARK: Carving

  private init(
    carving paths: [String], _ arguments: Arguments, seed: UInt64, home: Home, console: Console
  ) throws {
    let catalog = LanguageCatalog.standard()
    let state: CarveRequest.State =
      switch arguments.text("at") {
      case nil: .disk
      case "split": .split
      case let name?: .commit(name)
      }
    let trees = try paths.map { try CarveSource.tree($0, at: state, catalog: catalog) }
    var chosen = try ChosenSettings(arguments, home: home)
    let prior = try TeamPrior.learn(
      arguments, state: state, over: chosen, seed: seed, catalog: catalog, console: console)
    if let prior { chosen.settings = prior.prior.settings(from: chosen.settings) }
    var options = CarvingRun.Options()
    options.seed = seed
    options.holdsOutValidation = true
    options.context = arguments.flag("no-context") ? nil : chosen.context
    options.hygiene = chosen.hygiene
    let run = CarvingRun(trees: trees, settings: chosen.settings, options: options, catalog: catalog)
    let (first, validation) = (ExampleList(), ExampleList())
    let report = try run.write(to: [CarvingOutput(.train, first), CarvingOutput(.validation, validation)])
    let trained = report.files.filter { $0.split == .train }
    let hashes = Set(trained.map(\.hash.hex)).sorted()
    let all = report.files.map { "\($0.path) \($0.hash.hex)\n" }.sorted().joined()
    self.init(
      path: paths.joined(separator: ":"),
      hash: SHA256.hash(Array((all + chosen.settings.hash + "\(String(describing: options.context))").utf8)),
      kind: .carved(run, first: first.examples, heldOut: Self.chosen(validation.examples)),
      fileCount: trained.count, byteCount: trained.reduce(0) { $0 + $1.bytes },
      contextShare: Self.contextShare(first.examples), contentHashes: hashes,
      commit: trees.compactMap { Self.commit(of: $0) }.joined(separator: ":"),
      settingsHash: chosen.settings.hash)
  }

  /// Under which name a tree's files are on record; nil where there is no history.
  static func commit(of tree: any SourceTree) -> String? {
    if let commit = tree.origin.commit { return commit }
    guard let folder = tree as? FolderTree, let history = GitHistory(root: folder.place) else { return nil }
    return try? history.commitName(of: folder)
  }

  /// Holes of held-out files, evenly taken.
  private static func chosen(_ validation: [FIMExample]) -> [FIMExample] {
    let holes = validation.filter { $0.kind != .plain && $0.kind != .empty }
    let step = max(1, holes.count / heldOutLimit)
    return holes.indices.filter { $0 % step == 0 }.prefix(heldOutLimit).map { holes[$0] }
  }

  private static func contextShare(_ examples: [FIMExample]) -> Double {
    examples.isEmpty ? 0 : Double(examples.count { !$0.context.isEmpty }) / Double(examples.count)
  }

  init(
    path: String, hash: String, kind: Kind, fileCount: Int, byteCount: Int, contextShare: Double,
    contentHashes: [String] = [], commit: String = "", settingsHash: String = ""
  ) {
    self.path = path
    self.hash = hash
    self.kind = kind
    self.fileCount = fileCount
    self.byteCount = byteCount
    self.contextShare = contextShare
    self.contentHashes = contentHashes
    self.commit = commit
    self.settingsHash = settingsHash
  }
}
