import Carving
import Evaluation
import Foundation
import Gemma
import Generation
import Registry
import Syntax
import Training
import Weights

/// What an objective needs beside data and recipe: a judge, a teacher, factors to start from.
struct ObjectiveContext {
  /// Judges answers; nil unless rewards are learnt from.
  let reward: (any RewardFunction)?
  /// Teaches; nil unless a model is distilled.
  let teacher: Engine?
  private let catalog = LanguageCatalog.standard()
  /// The adapter to start from.
  let parent: ModelRegistry.Adapter?

  /// Reads what the options name, and says in `settings` what it is.
  ///
  /// - Throws: `Failure`, `RegistryError`, and what loading a model throws.
  init(
    _ arguments: Arguments, _ settings: inout ObjectiveSettings, registry: ModelRegistry, engine: Engine,
    baseSHA256: String, basePath: String
  ) throws {
    reward = settings.name == .grpo ? Self.reward(arguments) : nil
    if settings.name == .distill {
      let path = try registry.resolveBase(arguments.text("teacher"))
      let loaded = try Engine.load(path: path, caching: .on(fallback: registry.home.cache))
      guard loaded.tokenizer.sha256 == engine.tokenizer.sha256 else {
        throw Failure("\(path): has another vocabulary than \(basePath); a teacher must share it")
      }
      settings.further = try registry.sha256(ofModel: path)
      teacher = loaded
    } else {
      teacher = nil
    }
    if let name = arguments.text("continue") {
      let adapter = try registry.adapter(named: name)
      try ModelRegistry.check(
        adapter, baseName: URL(fileURLWithPath: basePath).lastPathComponent, baseSHA256: baseSHA256)
      try engine.format.marks.check(
        adapter: name, card: AdapterCard(directory: adapter.directory).fimTokens)
      settings.further += " from " + (try SHA256.hash(file: adapter.directory + "/adapter_model.safetensors"))
      parent = adapter
    } else {
      parent = nil
    }
  }

  /// Fresh copies of the parent's factors; nil without one.
  func start(_ model: GemmaModel) throws -> TrainableAdapter? {
    try parent.map { try TrainableAdapter(model: model, directory: $0.directory) }
  }

  /// Whether a teacher's text is learnt: it parses, and is near to what stood there or sure of itself.
  func isWorthLearning(_ text: [UInt8], in example: FIMExample, probability: Double) -> Bool {
    let rollout = Rollout(example: example, completion: text, isFinished: true)
    let parses = BuiltInReward(name: .parses, catalog: catalog)
    guard catalog.language(forPath: example.path) == nil || parses.scores([rollout])[0] == 1 else {
      return false
    }
    return probability > 0.6 || TextMetrics.editSimilarity(text, Array(example.middle.utf8)) >= 0.5
  }

  private static func reward(_ arguments: Arguments) -> any RewardFunction {
    if let program = arguments.text("reward-command") {
      return CommandReward(program: program, timeout: arguments.seconds("reward-timeout") ?? 30)
    }
    let name = arguments.text("reward").flatMap(RewardName.init) ?? .parses
    return BuiltInReward(name: name, catalog: LanguageCatalog.standard())
  }
}

extension ObjectiveSettings {
  /// What a card says of it.
  var json: JSONObject {
    var object = JSONObject([("name", .string(name.rawValue))])
    if name != .sft, name != .distill { object["beta"] = .double(beta) }
    switch name {
    case .dpo:
      object["sft_weight"] = .double(imitationWeight)
      object["normalizes_length"] = .bool(normalizesLength)
    case .grpo:
      object["reward"] = .string(further)
      object["clip"] = .double(clip)
      object["group"] = .int(policy.groupSize)
    case .distill:
      object["teacher_sha256"] = .string(further)
      object["teaches"] = teachesTexts ? "texts" : "logits"
    case .sft, .kto, .apoZero: break
    }
    if name.learnsPreferences { object["reference"] = "base" }
    return object
  }
}
