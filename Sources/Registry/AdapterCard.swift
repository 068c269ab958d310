import Foundation
import Weights

/// Where an adapter comes from: kept as `card.json` in its folder.
public struct AdapterCard: Sendable, Equatable {
  /// The adapter's name.
  public var name: String
  /// File name of the base model that it was trained on.
  public var baseName: String
  /// SHA-256 of that file.
  public var baseSHA256: String
  /// The repository or dataset that it learnt from.
  public var dataPath = ""
  /// The commit of that repository; empty when it has none.
  public var dataCommit = ""
  /// The seed of carving and training.
  public var seed: UInt64 = 0
  /// The prompt order in which it serves best: "psm" or "spm".
  public var promptOrder = "spm"
  /// Share of the examples that carried snippets of other files; 0 for an adapter that has never seen any.
  public var contextShare = 0.0
  /// Hash of the carving settings; empty where they are not known.
  public var carvingHash = ""
  /// The marks of the prompt parts with which it was trained: `source`, and id and piece of each; nil in older cards.
  public var fimTokens: JSONObject?
  /// What training lowered, with its settings; nil for imitation and in older cards.
  public var objective: JSONObject?
  /// LoRA rank.
  public var rank = 0
  /// LoRA alpha.
  public var alpha = 0.0
  /// Names of the adapted layers.
  public var targetModules: [String] = []
  /// Further settings of training, by the names of its options.
  public var recipe = JSONObject()
  /// Optimiser steps.
  public var steps = 0
  /// Tokens seen in training.
  public var tokens = 0
  /// Training losses over time, first to last.
  public var losses: [Double] = []
  /// When it was made, ISO 8601 in UTC.
  public var created = ""
  /// The adapter that training continued from.
  public var parent: String?
  /// For an adapter that was merged out of others: `method`, its settings, `parents` with name, weight and SHA-256 of each,
  /// and how much the rank has retained; nil for one that was trained.
  public var merge: JSONObject?
  /// Figures of an evaluation, as the evaluation names them.
  public var metrics = JSONObject()

  /// A card with what every adapter must say.
  public init(name: String, baseName: String, baseSHA256: String) {
    self.name = name
    self.baseName = baseName
    self.baseSHA256 = baseSHA256
  }

  /// The file beside the card that lists the SHA-256 of every file that was learnt from: whether one is among them can be
  /// looked up, and a run without it un-learns it.
  public static let contentHashesName = "content-hashes.txt"

  /// The card's file in an adapter's folder.
  public static func path(in directory: String) -> String { directory + "/card.json" }

  /// Reads the card of the adapter in `directory`.
  ///
  /// - Throws: `RegistryError.files` when there is none, `.badCard` when a field is missing or has the wrong type.
  public init(directory: String) throws(RegistryError) {
    let path = Self.path(in: directory)
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw .files(path: path, reason: "the adapter has no readable card; import it with --base")
    }
    guard bytes.count <= 4 << 20 else {
      throw .badCard(path: path, field: "the file", problem: "is too large")
    }
    let json: JSONValue
    do { json = try JSONValue(parsing: [UInt8](bytes)) } catch {
      throw .badCard(path: path, field: "the file", problem: "is \(error)")
    }
    self = try Self(json, path: path)
  }

  private init(_ json: JSONValue, path: String) throws(RegistryError) {
    func text(_ key: String) throws(RegistryError) -> String {
      guard let value = json[key]?.stringValue else {
        throw .badCard(path: path, field: "'\(key)'", problem: "is missing or no text")
      }
      return value
    }
    self.init(
      name: try text("name"), baseName: try text("base_name"),
      baseSHA256: try text("base_sha256").lowercased())
    guard baseSHA256.utf8.count == 64, baseSHA256.allSatisfy(\.isHexDigit) else {
      throw .badCard(path: path, field: "'base_sha256'", problem: "is no SHA-256")
    }
    dataPath = json["data_path"]?.stringValue ?? ""
    dataCommit = json["data_commit"]?.stringValue ?? ""
    seed = json["seed"]?.stringValue.flatMap { UInt64($0) } ?? 0
    promptOrder = json["prompt_order"]?.stringValue ?? promptOrder
    contextShare = json["context_share"]?.doubleValue.map { min(max($0, 0), 1) } ?? 0
    carvingHash = json["carving_hash"]?.stringValue ?? ""
    fimTokens = json["fim_tokens"]?.objectValue
    objective = json["objective"]?.objectValue
    rank = json["rank"]?.intValue ?? 0
    alpha = json["alpha"]?.doubleValue ?? 0
    targetModules = json["target_modules"]?.arrayValue?.compactMap(\.stringValue) ?? []
    recipe = json["recipe"]?.objectValue ?? JSONObject()
    steps = json["steps"]?.intValue ?? 0
    tokens = json["tokens"]?.intValue ?? 0
    losses = json["losses"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    created = json["created"]?.stringValue ?? ""
    parent = json["parent"]?.stringValue
    merge = json["merge"]?.objectValue
    metrics = json["metrics"]?.objectValue ?? JSONObject()
  }

  /// The card as JSON. The seed is text because JSON readers round large numbers.
  public var json: JSONValue {
    var card: JSONValue = [
      "name": .string(name), "base_name": .string(baseName), "base_sha256": .string(baseSHA256),
      "data_path": .string(dataPath), "data_commit": .string(dataCommit), "seed": .string(String(seed)),
      "prompt_order": .string(promptOrder), "context_share": .double(contextShare),
      "carving_hash": .string(carvingHash), "fim_tokens": fimTokens.map { .object($0) } ?? .null,
      "objective": objective.map { .object($0) } ?? .null,
      "rank": .int(rank), "alpha": .double(alpha),
      "target_modules": .array(targetModules.map { .string($0) }), "recipe": .object(recipe),
      "steps": .int(steps), "tokens": .int(tokens),
      "losses": .array(losses.map { .double($0) }), "created": .string(created),
      "parent": parent.map { .string($0) } ?? .null, "metrics": .object(metrics),
    ]
    if let merge { card["merge"] = .object(merge) }
    return card
  }

  /// Writes the card into `directory`, whole or not at all.
  public func write(to directory: String) throws(RegistryError) {
    let path = Self.path(in: directory)
    do { try AtomicFile.write(json.serialized(pretty: true), to: path) } catch {
      throw .files(path: path, reason: "\(error)")
    }
  }
}
