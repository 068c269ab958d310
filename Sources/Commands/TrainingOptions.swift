import Gemma
import Generation
import Training
import Weights

/// The options of `gemfill train` that say what is adapted and how it is optimised.
enum TrainingOptions {
  static let all = [
    Option.text(
      "targets", "NAMES",
      help: "Layers to adapt: some of q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj (default all)."),
    Option.number("alpha", "X", in: 0.01...100_000, help: "LoRA alpha (default: twice the rank)."),
    Option.flag("rslora", help: "Scale by alpha / √rank instead of alpha / rank."),
    Option.flag("dora", help: "Train the norms of the adapted rows too (DoRA); not every server loads it."),
    Option.text(
      "token-rows", "marks|IDS",
      help:
        "Train rows of the embedding too: those of the prompt's marks, or ids; not every server loads them."),
    Option.number("lora-plus", "X", in: 0.01...1_000, help: "Rate of the factors B, in times of that of A."),
    Option.number(
      "dropout", "P", in: 0...0.9, help: "Share of the factors' inputs that is left out at random."),
    Option.choice(
      "schedule", LearningRateSchedule.Shape.allCases.map(\.rawValue),
      help: "How the rate falls behind the warm-up (default cosine)."),
    Option.number("warmup", "X", in: 0...0.9, help: "Share of the run with rising rate (default 0.03)."),
    Option.number("weight-decay", "X", in: 0...10, help: "AdamW's decay of the factors (default 0.05)."),
    Option.number("clip", "X", in: 1e-6...1e6, help: "Largest norm of a step's gradient (default 1)."),
    Option.flag(
      "recompute", help: "Keep only the inputs of layers: less memory, a third more time, same result."),
    Option.integer(
      "patience", "N", in: 1...10_000,
      help: "Stop when N measurements of the held-out loss bring no progress, and keep the best state."),
    Option.integer(
      "measure-every", "N", in: 1...1_000_000, help: "Steps between these measurements (default 25)."),
    Option.flag(
      "choose-scale", help: "Try four scales of the adapter at the end; the best on held-out files stays."),
  ]

  /// Puts what was given into the recipe; `--token-rows` has to wait for the vocabulary.
  static func apply(_ arguments: Arguments, to recipe: inout TrainingRecipe) throws {
    if arguments.flag("targets") { recipe.targets = try targets(arguments.list("targets")) }
    if let alpha = arguments.number("alpha") { recipe.alpha = Float(alpha) }
    recipe.isRankStabilized = arguments.flag("rslora")
    recipe.hasMagnitudes = arguments.flag("dora")
    if let factor = arguments.number("lora-plus") { recipe.factorBRate = Float(factor) }
    if let share = arguments.number("dropout") { recipe.dropout = Float(share) }
    if let shape = arguments.text("schedule").flatMap({ LearningRateSchedule.Shape(rawValue: $0) }) {
      recipe.schedule = shape
    }
    if let share = arguments.number("warmup") { recipe.warmUp = share }
    if let decay = arguments.number("weight-decay") { recipe.weightDecay = Float(decay) }
    if let norm = arguments.number("clip") { recipe.maximumNorm = Float(norm) }
    recipe.recomputes = arguments.flag("recompute")
    recipe.patience = arguments.integer("patience")
    if let steps = arguments.integer("measure-every") { recipe.measuringInterval = steps }
    recipe.choosesScale = arguments.flag("choose-scale")
  }

  private static func targets(_ names: [String]) throws(UsageError) -> [Projection] {
    for name in names where Projection(rawValue: name) == nil {
      throw UsageError(
        "--targets: '\(name)' is none of \(Projection.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let chosen = Projection.allCases.filter { names.contains($0.rawValue) }
    guard !chosen.isEmpty else { throw UsageError("--targets: name a layer at least, such as q_proj,v_proj") }
    return chosen
  }

  /// The tokens of `--token-rows`.
  static func tokenRows(_ arguments: Arguments, _ engine: Engine) throws(UsageError) -> [Int32] {
    guard let text = arguments.text("token-rows") else { return [] }
    if text == "marks" {
      let marks = engine.format.marks
      return [marks.prefix, marks.middle, marks.suffix, marks.fileSeparator].compactMap { $0?.id }.sorted()
    }
    let size = engine.model.configuration.vocabularySize
    var tokens: [Int32] = []
    for word in arguments.list("token-rows") {
      guard let id = Int32(word), id >= 0, Int(id) < size else {
        throw UsageError("--token-rows: '\(word)' is no token id from 0 to \(size - 1)")
      }
      if !tokens.contains(id) { tokens.append(id) }
    }
    guard tokens.count <= 1_024 else { throw UsageError("--token-rows: at most 1024 tokens") }
    return tokens.sorted()
  }

  /// The recipe in an adapter's card: what was trained and how, as far as it is not on the card elsewhere.
  static func card(_ recipe: TrainingRecipe, _ report: TrainingReport) -> JSONObject {
    func number(_ value: Float) -> JSONValue { .double(Double("\(value)") ?? Double(value)) }
    var card = JSONObject()
    card["rslora"] = .bool(recipe.isRankStabilized)
    card["dora"] = .bool(recipe.hasMagnitudes)
    card["token_rows"] = .array(recipe.trainedTokens.map { .int(Int($0)) })
    card["dropout"] = number(recipe.dropout)
    card["learning_rate"] = number(recipe.learningRate)
    card["lora_plus"] = number(recipe.factorBRate)
    card["schedule"] = .string(recipe.schedule.rawValue)
    card["warmup"] = .double(recipe.warmUp)
    card["weight_decay"] = number(recipe.weightDecay)
    card["beta1"] = number(recipe.beta1)
    card["beta2"] = number(recipe.beta2)
    card["clip"] = number(recipe.maximumNorm)
    card["batch_tokens"] = .int(recipe.batchTokens)
    card["context_weight"] = number(recipe.contextWeight)
    card["end_weight"] = number(recipe.endWeight)
    card["kept_step"] = report.keptStep.map { .int($0) } ?? .null
    card["scale_factor"] = .double(report.scaleFactor)
    return card
  }
}
