import Foundation
import Gemma
import Generation
import Registry
import Weights

/// An adapter that `scripts/torch/train.py` made, with the recipe that it was made from.
struct TorchResult {
  /// The folder with the recipe.
  let folder: String
  /// The folder with the adapter.
  var directory: String { folder + "/result" }

  private var recipePath: String { folder + "/recipe.json" }

  /// Whether `path` is a folder in which such an adapter is, or is going to be.
  static func isBundle(_ path: String) -> Bool {
    RegularFile.isRegular(path + "/recipe.json") && !RegularFile.isRegular(path + "/adapter_config.json")
  }

  /// Checks that the adapter is whole and what the recipe asked for, and that it fits the base.
  ///
  /// - Parameter base: the base's file; nil looks for it among the known models.
  /// - Throws: `Failure`, `RegistryError`, `WeightsError`, `GemmaError`.
  func check(base: String?, _ registry: ModelRegistry) throws {
    guard RegularFile.isRegular(directory + "/adapter_config.json") else {
      throw Failure("\(directory) holds no finished adapter; train first, see README.md in \(folder)")
    }
    let recipe = try recipe()
    let card = try AdapterCard(directory: directory)
    try checkCard(card, recipe)
    let adapter = try PEFTAdapter(directory: directory, variants: .read)
    guard adapter.rank == card.rank, Set(adapter.targetModules) == Set(card.targetModules) else {
      throw Failure(
        "\(directory)/adapter_config.json has rank \(adapter.rank) on \(adapter.targetModules.sorted()), the card "
          + "says \(card.rank) on \(card.targetModules.sorted()); train again")
    }
    let path = try base ?? knownBase(card, registry)
    let hash = try registry.sha256(ofModel: path)
    guard hash == card.baseSHA256 else {
      throw RegistryError.otherBase(
        adapter: card.name, trainedOn: card.baseName, trainedOnSHA256: card.baseSHA256,
        given: URL(fileURLWithPath: path).lastPathComponent, givenSHA256: hash)
    }
    let source = try ModelSource(path: path)
    let format = try PromptFormat(source.tokenizer(), model: path)
    guard card.fimTokens.map({ JSONValue.object($0) }) == .object(format.marks.json) else {
      throw Failure(
        "\(directory)/card.json: was trained with other FIM tokens than those of \(path); export and train again"
      )
    }
    if adapter.modules.allSatisfy({ $0.magnitude == nil }) {
      // Shapes, and whether every value is a number.
      _ = try LoRAAdapter(adapter, path: directory, configuration: source.configuration)
    }
  }

  private func recipe() throws -> JSONValue {
    let json = try JSONValue(file: recipePath)
    guard json["format"]?.stringValue == TorchRecipe.format else {
      throw Failure("\(recipePath): is no recipe of this version (\(TorchRecipe.format)); export again")
    }
    return json
  }

  /// The card must be of this recipe and of these bytes.
  private func checkCard(_ card: AdapterCard, _ recipe: JSONValue) throws {
    func refuse(_ what: String, _ found: String, _ wanted: String) -> Failure {
      Failure(
        "\(directory)/card.json: \(what) is \(found), the recipe says \(wanted); the result is of another recipe"
      )
    }
    let wanted = recipe["card"]
    let hash = wanted?["base_sha256"]?.stringValue ?? ""
    guard card.baseSHA256 == hash else {
      throw refuse("base_sha256", "\(card.baseSHA256.prefix(12))…", "\(hash.prefix(12))…")
    }
    let data = (card.metrics["data_sha256"]?.stringValue ?? "", wanted?["data_sha256"]?.stringValue ?? "")
    guard data.0 == data.1 else {
      throw refuse("data_sha256", "\(data.0.prefix(12))…", "\(data.1.prefix(12))…")
    }
    guard .object(card.fimTokens ?? JSONObject()) == wanted?["fim_tokens"] else {
      throw refuse("fim_tokens", "something else", "otherwise")
    }
    let targets = (recipe["targets"]?.arrayValue ?? []).compactMap(\.stringValue)
    guard card.rank == recipe["rank"]?.intValue, Set(card.targetModules) == Set(targets) else {
      throw refuse(
        "the adapter", "rank \(card.rank) on \(card.targetModules.sorted().joined(separator: ", "))",
        "rank \(recipe["rank"]?.intValue ?? 0) on \(targets.sorted().joined(separator: ", "))")
    }
    let weights = directory + "/adapter_model.safetensors"
    guard try SHA256.hash(file: weights) == card.metrics["adapter_sha256"]?.stringValue else {
      throw Failure("\(weights): is not the file that the card describes; was it copied whole?")
    }
  }

  /// The base among those that are known here.
  private func knownBase(_ card: AdapterCard, _ registry: ModelRegistry) throws -> String {
    if let model = try registry.models().first(where: { $0.sha256 == card.baseSHA256 }) { return model.path }
    if let embedded = try? EmbeddedBase.path(), try registry.sha256(ofModel: embedded) == card.baseSHA256 {
      return embedded
    }
    throw Failure(
      "\(folder): its base \(card.baseName) (sha256 \(card.baseSHA256.prefix(12))…) is not known here; "
        + "name it with --base")
  }
}
