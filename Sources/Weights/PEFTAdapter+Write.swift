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

    /// Factors `a`, [rank, inputs], and `b`, [outputs, rank], row-major, for the layer at `modulePath`.
    public init(modulePath: String, inputs: Int, outputs: Int, a: [Float], b: [Float]) {
      self.modulePath = modulePath
      self.inputs = inputs
      self.outputs = outputs
      self.a = a
      self.b = b
    }
  }

  /// Writes an adapter that PEFT, transformers, vLLM and llama.cpp's converter read: plain LoRA, one rank, one alpha.
  ///
  /// The folder is made if it is missing. The configuration, without which nobody reads the folder, comes last.
  ///
  /// - Precondition: every module's factors have `rank` as their common extent.
  public static func write(
    _ modules: [OutputModule], rank: Int, alpha: Double, baseModelName: String?, to directory: String
  ) throws(WeightsError) {
    guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
      throw .unwritable(path: directory, reason: systemReason())
    }
    var tensors: [OutputTensor] = []
    for module in modules.sorted(by: { $0.modulePath < $1.modulePath }) {
      let name = "base_model.model." + module.modulePath
      tensors.append(
        OutputTensor(name: name + ".lora_A.weight", shape: [rank, module.inputs], floats: module.a))
      tensors.append(
        OutputTensor(name: name + ".lora_B.weight", shape: [module.outputs, rank], floats: module.b))
    }
    try SafetensorsFile.write(tensors, to: directory + "/adapter_model.safetensors")
    let names = Set(
      modules.map { $0.modulePath.split(separator: ".").last.map(String.init) ?? $0.modulePath })
    let configuration = configuration(
      rank: rank, alpha: alpha, targetModules: names.sorted(), baseModelName: baseModelName)
    try AtomicFile.write(configuration.serialized(pretty: true), to: directory + "/adapter_config.json")
  }

  private static func configuration(
    rank: Int, alpha: Double, targetModules: [String], baseModelName: String?
  ) -> JSONValue {
    [
      "alpha_pattern": [:],
      "base_model_name_or_path": baseModelName.map { .string($0) } ?? .null,
      "bias": "none",
      "fan_in_fan_out": false,
      "inference_mode": true,
      "init_lora_weights": true,
      "lora_alpha": Int(exactly: alpha).map { .int($0) } ?? .double(alpha),
      "lora_dropout": 0.0,
      "modules_to_save": nil,
      "peft_type": "LORA",
      "r": .int(rank),
      "rank_pattern": [:],
      "target_modules": .array(targetModules.map { .string($0) }),
      "task_type": "CAUSAL_LM",
      "use_dora": false,
      "use_rslora": false,
    ]
  }
}
