import Gemma
import Registry
import Training
import Weights

/// `recipe.json`, which `scripts/torch/recipe.py` reads and describes.
struct TorchRecipe {
  /// Where base, data and first factors lie: names below the recipe's folder, or absolute paths.
  struct Places {
    var base: String
    var train: [String]
    var heldOut: String?
    /// Nil where PyTorch draws the first factors by the seed.
    var initial: String?
  }

  static let format = "gemfill-recipe-1"

  let recipe: TrainingRecipe
  let options: TorchOptions
  let places: Places
  /// What is known of base and data before training.
  let card: AdapterCard
  let dataSHA256: String

  var json: JSONValue {
    var card = card.json.objectValue ?? JSONObject()
    card["data_sha256"] = .string(dataSHA256)
    func number(_ value: Float) -> JSONValue { .double(Double(value)) }
    return [
      "format": .string(Self.format),
      "base": .string(places.base),
      "train": .array(places.train.map { .string($0) }),
      "held_out": places.heldOut.map { .string($0) } ?? .null,
      "initial": places.initial.map { .string($0) } ?? .null,
      "budget": budget,
      "rank": .int(recipe.rank),
      "alpha": number(recipe.alpha),
      "targets": .array(recipe.targets.map { .string($0.rawValue) }),
      "rslora": .bool(recipe.isRankStabilized),
      "dora": .bool(recipe.hasMagnitudes),
      "dropout": number(recipe.dropout),
      "learning_rate": number(recipe.learningRate),
      "b_rate_factor": number(recipe.factorBRate),
      "schedule": .string(recipe.schedule.rawValue),
      "warm_up": .double(recipe.warmUp),
      "floor": .double(recipe.finalRate),
      "beta1": number(recipe.beta1),
      "beta2": number(recipe.beta2),
      "epsilon": number(AdamWOptimizer().epsilon),
      "weight_decay": number(recipe.weightDecay),
      "maximum_norm": number(recipe.maximumNorm),
      "batch_tokens": .int(recipe.batchTokens),
      "micro_batch_tokens": .int(recipe.microBatchTokens),
      "context_weight": number(recipe.contextWeight),
      "context_share": .double(recipe.contextShare),
      "end_weight": number(recipe.endWeight),
      "seed": .int(Int(clamping: recipe.seed)),
      "engine": [
        "base_type": .string(options.baseType), "sharding": .string(options.sharding),
        "packing": .bool(options.packing), "recompute": .bool(recipe.recomputes),
        "compile": .bool(options.compile),
      ],
      "card": .object(card),
    ]
  }

  private var budget: JSONValue {
    switch recipe.budget {
    case .seconds(let seconds): ["seconds": .double(seconds)]
    case .steps(let steps): ["steps": .int(steps)]
    case .epochs(let epochs): ["epochs": .double(epochs)]
    }
  }
}
