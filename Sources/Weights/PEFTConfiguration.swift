/// What `adapter_config.json` says, checked.
struct PEFTConfiguration {
  let rank: Int
  let alpha: Double
  let targetModules: [String]
  let baseModelName: String?
  /// The tokens whose rows of the embedding are replaced, in the order of the stored rows.
  let tokenIndices: [Int]
  /// Every module has a trained magnitude.
  let usesDoRA: Bool
  /// Scales are alpha / √rank instead of alpha / rank.
  let isRankStabilized: Bool
  /// The dropout of training.
  let dropout: Double
  private let ranks: [(pattern: String, rank: Int)]
  private let alphas: [(pattern: String, alpha: Double)]

  static let maximumRank = 4096

  init(path: String, variants: PEFTAdapter.Variants = .refused) throws(WeightsError) {
    let json = try JSONValue(file: path)
    func malformed(_ key: String, _ problem: String) -> WeightsError {
      .malformed(path: path, place: "'\(key)'", problem: problem)
    }
    guard json["peft_type"]?.stringValue == "LORA" else {
      throw .unsupported(
        path: path, place: "'peft_type'", problem: "not LORA", remedy: "only LoRA adapters can be used")
    }
    guard let rank = json["r"]?.intValue, (1...Self.maximumRank).contains(rank) else {
      throw malformed("r", "not a rank from 1 to \(Self.maximumRank)")
    }
    guard let alpha = json["lora_alpha"]?.doubleValue else { throw malformed("lora_alpha", "not a number") }
    switch json["target_modules"] {
    case .string(let name): targetModules = [name]
    case .array(let elements):
      targetModules = elements.compactMap(\.stringValue)
      guard targetModules.count == elements.count else {
        throw malformed("target_modules", "not a list of names")
      }
    case nil, .null: targetModules = []
    case .bool, .int, .double, .object: throw malformed("target_modules", "not a list of names")
    }
    try Self.refuseVariants(
      json, path, but: variants == .read ? ["use_dora", "trainable_token_indices"] : [])
    usesDoRA = json["use_dora"]?.boolValue ?? false
    tokenIndices = try Self.tokenIndices(json, path)
    self.rank = rank
    self.alpha = alpha
    baseModelName = json["base_model_name_or_path"]?.stringValue
    isRankStabilized = json["use_rslora"]?.boolValue ?? false
    dropout = json["lora_dropout"]?.doubleValue.map { min(max($0, 0), 1) } ?? 0
    var ranks: [(String, Int)] = []
    for (pattern, value) in try Self.pattern("rank_pattern", json, path) {
      guard let rank = value.intValue, (1...Self.maximumRank).contains(rank) else {
        throw malformed("rank_pattern", "'\(pattern)' has no rank from 1 to \(Self.maximumRank)")
      }
      ranks.append((pattern, rank))
    }
    var alphas: [(String, Double)] = []
    for (pattern, value) in try Self.pattern("alpha_pattern", json, path) {
      guard let alpha = value.doubleValue else {
        throw malformed("alpha_pattern", "'\(pattern)' is not a number")
      }
      alphas.append((pattern, alpha))
    }
    self.ranks = ranks
    self.alphas = alphas
  }

  /// The rank of the module at `path`.
  func rank(of path: String) -> Int {
    ranks.first { Self.matches($0.pattern, path) }?.rank ?? rank
  }

  /// The numerator of the scale of the module at `path`.
  func alpha(of path: String) -> Double {
    alphas.first { Self.matches($0.pattern, path) }?.alpha ?? alpha
  }

  /// The factor of the module at `path`.
  func scale(of path: String) -> Float {
    let alpha = alpha(of: path)
    let rank = Double(rank(of: path))
    return Float(isRankStabilized ? alpha / rank.squareRoot() : alpha / rank)
  }

  /// Whether the pattern is the end of the path, at a border of names.
  private static func matches(_ pattern: String, _ path: String) -> Bool {
    path == pattern || path.hasSuffix("." + pattern)
  }

  /// The members of a pattern table, whose keys must be plain names: PEFT would take them as regular expressions.
  private static func pattern(_ key: String, _ json: JSONValue, _ path: String) throws(WeightsError)
    -> JSONObject
  {
    guard let value = json[key], !value.isNull else { return JSONObject() }
    guard let table = value.objectValue else {
      throw .malformed(path: path, place: "'\(key)'", problem: "not an object")
    }
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.".utf8)
    guard table.keys.allSatisfy({ $0.utf8.allSatisfy(allowed.contains) }) else {
      throw .unsupported(
        path: path, place: "'\(key)'", problem: "a regular expression as a key",
        remedy: "name the modules plainly")
    }
    return table
  }

  /// A list, or an object whose only member is that of the embedding.
  private static func tokenIndices(_ json: JSONValue, _ path: String) throws(WeightsError) -> [Int] {
    guard var value = json["trainable_token_indices"], !value.isNull else { return [] }
    if let members = value.objectValue {
      guard members.count <= 1, members.keys.allSatisfy({ $0.hasSuffix("embed_tokens") }) else {
        throw .unsupported(
          path: path, place: "'trainable_token_indices'", problem: "rows of other modules than embed_tokens",
          remedy: "merge the adapter into its base with PEFT")
      }
      value = members.members.first?.value ?? []
    }
    let indices = (value.arrayValue ?? []).compactMap(\.intValue)
    guard let elements = value.arrayValue, indices.count == elements.count, indices.allSatisfy({ $0 >= 0 }),
      Set(indices).count == indices.count
    else {
      throw .malformed(
        path: path, place: "'trainable_token_indices'", problem: "not a list of different token ids")
    }
    return indices
  }

  private static func refuseVariants(
    _ json: JSONValue, _ path: String, but allowed: [String]
  ) throws(WeightsError) {
    let flags = [
      "use_dora", "lora_bias", "fan_in_fan_out", "use_qalora", "use_bdlora", "alora_invocation_tokens",
      "modules_to_save", "trainable_token_indices", "target_parameters", "layer_replication", "arrow_config",
    ]
    for flag in flags where !allowed.contains(flag) {
      guard let value = json[flag], !value.isNull, value != false, value != [], value != [:] else { continue }
      throw .unsupported(
        path: path, place: "'\(flag)'", problem: "this variant of LoRA is not applied here",
        remedy: "train plain LoRA, or merge the adapter into its base with PEFT")
    }
    guard let bias = json["bias"], !bias.isNull, bias != "none" else { return }
    throw .unsupported(
      path: path, place: "'bias'", problem: "trained biases", remedy: "train with bias \"none\"")
  }
}
