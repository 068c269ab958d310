/// A LoRA adapter in the form of the PEFT library: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Read are plain LoRA on linear layers, with rank and alpha per module and rank-stabilised scaling. Variants that
/// change what a layer computes (DoRA, trained biases, embeddings or whole modules) are refused, never ignored.
public struct PEFTAdapter: Sendable {
  /// The two factors for one linear layer: its output gains `scale · B(A x)`.
  public struct Module: Sendable {
    /// The layer's path in the base model, such as `model.layers.0.self_attn.q_proj`.
    public let modulePath: String
    /// The first factor.
    public let a: Tensor  // [rank, inputs]
    /// The second factor.
    public let b: Tensor  // [outputs, rank]
    /// What the product is multiplied by: alpha / rank, or alpha / √rank when rank-stabilised.
    public let scale: Float
  }

  /// The folder.
  public let directory: String
  /// The rank of all modules that have none of their own.
  public let rank: Int
  /// The numerator of the scale of all modules that have none of their own.
  public let alpha: Double
  /// The names of the layers that the adapter was made for, as its configuration says.
  public let targetModules: [String]
  /// The base model, as its configuration says.
  public let baseModelName: String?
  /// The adapted layers, sorted by path.
  public let modules: [Module]

  /// Reads and checks the adapter in `directory`.
  public init(directory: String) throws(WeightsError) {
    self.directory = directory
    let configuration = try PEFTConfiguration(path: directory + "/adapter_config.json")
    rank = configuration.rank
    alpha = configuration.alpha
    targetModules = configuration.targetModules
    baseModelName = configuration.baseModelName
    let file = try SafetensorsFile(path: directory + "/adapter_model.safetensors")
    modules = try Self.modules(file, configuration)
  }

  private static let prefix = "base_model.model."
  private static let suffixA = ".lora_A.weight"
  private static let suffixB = ".lora_B.weight"

  private static func modules(
    _ file: SafetensorsFile, _ configuration: PEFTConfiguration
  ) throws(WeightsError) -> [Module] {
    var modules: [Module] = []
    for name in file.tensorNames {
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
    return Module(modulePath: path, a: a, b: b, scale: configuration.scale(of: path))
  }
}
