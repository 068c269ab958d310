#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension PEFTAdapter {
  /// The trained factors of one linear layer, to be written.
  public struct OutputModule: Sendable {
    let modulePath: String
    let inputs: Int
    let outputs: Int
    let a: [Float]
    let b: [Float]
    let alpha: Double?
    let magnitude: [Float]?

    /// Inner width of the factors.
    var rank: Int { a.count / inputs }

    /// Whether every value of both factors is a number.
    public var isFinite: Bool { a.allSatisfy(\.isFinite) && b.allSatisfy(\.isFinite) }

    /// Factors `a`, [rank, inputs], and `b`, [outputs, rank], row-major, for the layer at `modulePath`; an `alpha` of its own
    /// where it differs from the adapter's, and DoRA's `magnitude`, [outputs].
    public init(
      modulePath: String, inputs: Int, outputs: Int, a: [Float], b: [Float], alpha: Double? = nil,
      magnitude: [Float]? = nil
    ) {
      self.modulePath = modulePath
      self.inputs = inputs
      self.outputs = outputs
      self.a = a
      self.b = b
      self.alpha = alpha
      self.magnitude = magnitude
    }
  }

  /// Rows of the embedding, to be written.
  public struct OutputTokenRows: Sendable {
    let tokens: [Int]
    let rows: [Float]

    /// `rows`, [tokens, hidden], row-major.
    public init(tokens: [Int], rows: [Float]) {
      self.tokens = tokens
      self.rows = rows
    }
  }

  /// Writes an adapter that PEFT reads.
  ///
  /// As long as all modules have one rank and one alpha, and neither magnitudes nor token rows come with them,
  /// transformers, vLLM and llama.cpp's converter read it too. The folder is made if it is missing. The configuration,
  /// without which nobody reads the folder, comes last.
  ///
  /// - Parameters:
  ///   - rank: of most modules; one whose factors have another gets an entry in `rank_pattern`, likewise `alpha`.
  ///   - isRankStabilized: the factors' product is scaled by alpha / √rank instead of alpha / rank.
  ///   - dropout: with which it was trained; serving does not need it.
  /// - Precondition: all modules have magnitudes or none.
  public static func write(
    _ modules: [OutputModule], rank: Int, alpha: Double, baseModelName: String?,
    isRankStabilized: Bool = false, dropout: Double = 0, tokenRows: OutputTokenRows? = nil,
    to directory: String
  ) throws(WeightsError) {
    precondition(Set(modules.map { $0.magnitude != nil }).count <= 1, "magnitudes of some modules only")
    guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
      throw .unwritable(path: directory, reason: systemReason())
    }
    var tensors: [OutputTensor] = []
    for module in modules.sorted(by: { $0.modulePath < $1.modulePath }) {
      let name = "base_model.model." + module.modulePath
      tensors.append(
        OutputTensor(name: name + ".lora_A.weight", shape: [module.rank, module.inputs], floats: module.a))
      tensors.append(
        OutputTensor(name: name + ".lora_B.weight", shape: [module.outputs, module.rank], floats: module.b))
      if let magnitude = module.magnitude {
        tensors.append(
          OutputTensor(name: name + ".lora_magnitude_vector", shape: [module.outputs], floats: magnitude))
      }
    }
    if let tokenRows {
      let width = tokenRows.rows.count / max(1, tokenRows.tokens.count)
      tensors.append(
        OutputTensor(
          name: tokenRowsName, shape: [tokenRows.tokens.count, width], floats: tokenRows.rows))
    }
    try SafetensorsFile.write(tensors, to: directory + "/adapter_model.safetensors")
    var configuration: JSONValue = [
      "alpha_pattern": [:],
      "base_model_name_or_path": baseModelName.map { .string($0) } ?? .null,
      "bias": "none",
      "fan_in_fan_out": false,
      "inference_mode": true,
      "init_lora_weights": true,
      "lora_alpha": number(alpha),
      "lora_dropout": .double(dropout),
      "modules_to_save": nil,
      "peft_type": "LORA",
      "r": .int(rank),
      "rank_pattern": [:],
      "target_modules": .array(Set(modules.map(\.lastName)).sorted().map { .string($0) }),
      "task_type": "CAUSAL_LM",
      "use_dora": .bool(modules.contains { $0.magnitude != nil }),
      "use_rslora": .bool(isRankStabilized),
    ]
    configuration["rank_pattern"] = pattern(modules) { $0.rank == rank ? nil : .int($0.rank) }
    configuration["alpha_pattern"] = pattern(modules) { $0.alpha == alpha ? nil : $0.alpha.map(number) }
    if let tokenRows {
      configuration["trainable_token_indices"] = .array(tokenRows.tokens.map { .int($0) })
    }
    try AtomicFile.write(configuration.serialized(pretty: true), to: directory + "/adapter_config.json")
  }

  private static func number(_ value: Double) -> JSONValue {
    Int(exactly: value).map { .int($0) } ?? .double(value)
  }

  /// The values that differ from the common one: under the last name of the modules where all of this name have it, under
  /// the whole path otherwise.
  private static func pattern(_ modules: [OutputModule], _ own: (OutputModule) -> JSONValue?) -> JSONValue {
    var table = JSONObject()
    for (name, group) in Dictionary(grouping: modules, by: \.lastName).sorted(by: { $0.key < $1.key }) {
      let values = group.map(own)
      if let first = values[0], values.allSatisfy({ $0 == first }) {
        table[name] = first
        continue
      }
      for (module, value) in zip(group, values) {
        if let value { table[module.modulePath] = value }
      }
    }
    return .object(table)
  }
}

extension PEFTAdapter.OutputModule {
  fileprivate var lastName: String {
    modulePath.split(separator: ".").last.map(String.init) ?? modulePath
  }
}
