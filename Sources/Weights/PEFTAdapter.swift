/// A LoRA adapter in the form of the PEFT library: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Read are plain LoRA on linear layers, with rank and alpha per module and rank-stabilised scaling; for those who ask for
/// it also DoRA and trained rows of the embedding. Other variants that change what a layer computes (trained biases,
/// embeddings or whole modules) are refused, never ignored.
public struct PEFTAdapter: Sendable {
  /// The two factors for one linear layer: its output gains `scale · B(A x)`.
  public struct Module: Sendable {
    /// The layer's path in the base model, such as `model.layers.0.self_attn.q_proj`.
    public let modulePath: String
    /// The first factor.
    public let a: Tensor  // [rank, inputs]
    /// The second factor.
    public let b: Tensor  // [outputs, rank]
    /// The numerator of its scale.
    public let alpha: Double
    /// What the product is multiplied by: alpha / rank, or alpha / √rank when rank-stabilised.
    public let scale: Float
    /// DoRA (Liu et al. 2024): the norm that each row of `W + scale · BA` is brought to. `[outputs]`
    public let magnitude: Tensor?
  }

  /// Rows of the embedding that replace the base model's.
  public struct TokenRows: Sendable {
    /// The tokens, by row.
    public let tokens: [Int]
    /// Their embeddings. `[tokens, hidden]`
    public let rows: Tensor
  }

  /// Whether DoRA and trained token rows are read or, by those who cannot apply them, refused.
  public enum Variants: Sendable { case refused, read }

  /// The folder.
  public let directory: String
  /// The rank of all modules that have none of their own.
  public let rank: Int
  /// The numerator of the scale of all modules that have none of their own.
  public let alpha: Double
  /// Scales are alpha / √rank instead of alpha / rank.
  public let isRankStabilized: Bool
  /// With which it was trained.
  public let dropout: Double
  /// The names of the layers that the adapter was made for, as its configuration says.
  public let targetModules: [String]
  /// The base model, as its configuration says.
  public let baseModelName: String?
  /// The adapted layers, sorted by path.
  public let modules: [Module]
  /// Trained rows of the embedding.
  public let tokenRows: TokenRows?

  /// Reads and checks the adapter in `directory`.
  public init(directory: String, variants: Variants = .refused) throws(WeightsError) {
    self.directory = directory
    let configuration = try PEFTConfiguration(
      path: directory + "/adapter_config.json", variants: variants)
    rank = configuration.rank
    alpha = configuration.alpha
    isRankStabilized = configuration.isRankStabilized
    dropout = configuration.dropout
    targetModules = configuration.targetModules
    baseModelName = configuration.baseModelName
    let file = try SafetensorsFile(path: directory + "/adapter_model.safetensors")
    modules = try Self.modules(file, configuration)
    tokenRows = try Self.tokenRows(file, configuration)
  }

  private static let prefix = "base_model.model."
  private static let suffixA = ".lora_A.weight"
  private static let suffixB = ".lora_B.weight"
  private static let suffixMagnitude = ".lora_magnitude_vector"
  private static let suffixTokens = "embed_tokens.token_adapter.trainable_tokens_delta"
  /// What PEFT calls the rows of the embedding.
  public static let tokenRowsName = prefix + "model." + suffixTokens

  private static func modules(
    _ file: SafetensorsFile, _ configuration: PEFTConfiguration
  ) throws(WeightsError) -> [Module] {
    var modules: [Module] = []
    for name in file.tensorNames {
      if configuration.usesDoRA, name.hasPrefix(prefix), name.hasSuffix(suffixMagnitude) {
        _ = try file.require(String(name.dropLast(suffixMagnitude.utf8.count)) + suffixA)
        continue
      }
      if !configuration.tokenIndices.isEmpty, name.hasPrefix(prefix), name.hasSuffix(suffixTokens) {
        continue
      }
      guard name.hasPrefix(prefix), name.hasSuffix(suffixA) || name.hasSuffix(suffixB) else {
        throw .unsupported(
          path: file.path, place: "tensor '\(name)'", problem: "not a factor of plain LoRA",
          remedy: "train without DoRA, biases, embeddings and modules_to_save, or merge the adapter")
      }
      let path = String(name.dropFirst(prefix.count).dropLast(suffixA.utf8.count))
      guard name.hasSuffix(suffixA) else {
        // Its partner brings it in; here only the missing one is noticed.
        _ = try file.require(prefix + path + suffixA)
        continue
      }
      modules.append(try module(path, file, configuration))
    }
    guard !modules.isEmpty else {
      throw .malformed(path: file.path, place: "the header", problem: "there are no LoRA factors in the file")
    }
    return modules.sorted { $0.modulePath < $1.modulePath }
  }

  private static func module(
    _ path: String, _ file: SafetensorsFile, _ configuration: PEFTConfiguration
  ) throws(WeightsError) -> Module {
    let a = try file.require(prefix + path + suffixA)
    let b = try file.require(prefix + path + suffixB)
    let rank = configuration.rank(of: path)
    guard a.shape.count == 2, a.shape[0] == rank else {
      throw .wrongShape(path: file.path, tensor: a.name, expected: "[\(rank), inputs]", found: a.shape)
    }
    guard b.shape.count == 2, b.shape[1] == rank else {
      throw .wrongShape(path: file.path, tensor: b.name, expected: "[outputs, \(rank)]", found: b.shape)
    }
    let magnitude =
      configuration.usesDoRA
      ? try file.require(prefix + path + suffixMagnitude, shape: [b.shape[0]]) : nil
    return Module(
      modulePath: path, a: a, b: b, alpha: configuration.alpha(of: path),
      scale: configuration.scale(of: path),
      magnitude: magnitude)
  }

  private static func tokenRows(
    _ file: SafetensorsFile, _ configuration: PEFTConfiguration
  ) throws(WeightsError) -> TokenRows? {
    let tokens = configuration.tokenIndices
    guard !tokens.isEmpty else { return nil }
    guard let name = file.tensorNames.first(where: { $0.hasPrefix(prefix) && $0.hasSuffix(suffixTokens) })
    else { throw .missingTensor(path: file.path, name: tokenRowsName) }
    let rows = try file.require(name)
    guard rows.shape.count == 2, rows.shape[0] == tokens.count else {
      throw .wrongShape(
        path: file.path, tensor: name, expected: "[\(tokens.count), hidden]", found: rows.shape)
    }
    return TokenRows(tokens: tokens, rows: rows)
  }
}
