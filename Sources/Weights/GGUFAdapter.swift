/// A LoRA adapter in the form of llama.cpp: one GGUF file with the factors `NAME.lora_a` and `NAME.lora_b` for each
/// adapted matrix NAME of the base, and one alpha for all.
public struct GGUFAdapter: Sendable {
  /// The two factors for one matrix: its output gains `scale · B(A x)`.
  public struct Module: Sendable {
    /// The name of the base's matrix in GGUF files, such as `blk.0.attn_q.weight`.
    public let tensorName: String
    /// The first factor.
    public let a: Tensor  // [rank, inputs]
    /// The second factor.
    public let b: Tensor  // [outputs, rank]
    /// What the product is multiplied by: alpha / rank, or 1 where alpha is 0.
    public let scale: Float
  }

  /// Where the file lies.
  public let path: String
  /// The family of the base, such as `gemma3`.
  public let architecture: String
  /// The numerator of all scales.
  public let alpha: Double
  /// The adapted matrices, sorted by name.
  public let modules: [Module]

  private static let suffixA = ".lora_a"
  private static let suffixB = ".lora_b"

  /// Reads and checks the file at `path`.
  public init(path: String) throws(WeightsError) {
    try self.init(GGUFFile(path: path))
  }

  /// Reads the adapter in `file`.
  ///
  /// - Throws: `WeightsError.unsupported` when the file is a model or another kind of adapter.
  public init(_ file: GGUFFile) throws(WeightsError) {
    path = file.path
    guard Self.isAdapter(file) else {
      throw .unsupported(
        path: file.path, place: "general.type", problem: "not an adapter",
        remedy: "name a file with general.type 'adapter', such as convert_lora_to_gguf writes")
    }
    guard file.metadata["adapter.type"]?.stringValue == "lora" else {
      throw .unsupported(
        path: file.path, place: "adapter.type", problem: "not lora", remedy: "only LoRA adapters can be used")
    }
    guard file.metadata["adapter.alora.invocation_tokens"] == nil else {
      throw .unsupported(
        path: file.path, place: "adapter.alora.invocation_tokens", problem: "an activated LoRA",
        remedy: "only plain LoRA is applied here")
    }
    guard let architecture = file.architecture else {
      throw .malformed(path: file.path, place: "general.architecture", problem: "missing")
    }
    guard let alpha = file.metadata["adapter.lora.alpha"]?.floatValue, alpha.isFinite, alpha >= 0 else {
      throw .malformed(path: file.path, place: "adapter.lora.alpha", problem: "not a positive number")
    }
    self.architecture = architecture
    self.alpha = alpha
    modules = try Self.modules(file, alpha: alpha)
  }

  /// Whether `file` says that it is an adapter.
  public static func isAdapter(_ file: GGUFFile) -> Bool {
    file.metadata["general.type"]?.stringValue == "adapter"
  }

  private static func modules(_ file: GGUFFile, alpha: Double) throws(WeightsError) -> [Module] {
    var modules: [Module] = []
    for name in file.tensorNames {
      guard name.hasSuffix(suffixA) || name.hasSuffix(suffixB) else {
        throw .unsupported(
          path: file.path, place: "tensor '\(name)'", problem: "not a factor of plain LoRA",
          remedy: "convert an adapter without trained norms, embeddings or biases")
      }
      let tensorName = String(name.dropLast(suffixA.utf8.count))
      let a = try file.require(tensorName + suffixA)
      guard name.hasSuffix(suffixA) else { continue }
      let b = try file.require(tensorName + suffixB)
      guard a.shape.count == 2, a.elementCount > 0, a.shape[0] <= PEFTConfiguration.maximumRank else {
        throw .wrongShape(path: file.path, tensor: a.name, expected: "[rank, inputs]", found: a.shape)
      }
      guard b.shape.count == 2, b.elementCount > 0, b.shape[1] == a.shape[0] else {
        throw .wrongShape(
          path: file.path, tensor: b.name, expected: "[outputs, \(a.shape[0])]", found: b.shape)
      }
      let scale = alpha == 0 ? 1 : alpha / Double(a.shape[0])
      modules.append(Module(tensorName: tensorName, a: a, b: b, scale: Float(scale)))
    }
    guard !modules.isEmpty else {
      throw .malformed(path: file.path, place: "the header", problem: "there are no LoRA factors in the file")
    }
    return modules.sorted { $0.tensorName < $1.tensorName }
  }
}

extension GGUFAdapter {
  /// The factors of one matrix, to be written.
  public struct OutputModule: Sendable {
    let tensorName: String
    let inputs: Int
    let outputs: Int
    let a: [Float]
    let b: [Float]
    let scale: Float

    /// Factors `a`, [rank, inputs], and `b`, [outputs, rank], row-major, and their scale, for the matrix `tensorName`.
    public init(tensorName: String, inputs: Int, outputs: Int, a: [Float], b: [Float], scale: Float) {
      self.tensorName = tensorName
      self.inputs = inputs
      self.outputs = outputs
      self.a = a
      self.b = b
      self.scale = scale
    }

    var rank: Int { inputs > 0 ? a.count / inputs : 0 }
  }

  /// Writes an adapter that llama.cpp loads over a base of the given architecture.
  ///
  /// The file knows one alpha only. Where the modules' scales ask for different ones, the first is written and the rest
  /// is multiplied into the factors B, so that every module computes what it should.
  ///
  /// - Precondition: every module's factors have a common rank of at least 1.
  public static func write(
    _ modules: [OutputModule], architecture: String, name: String, to path: String
  ) throws(WeightsError) {
    var file = GGUFWriter(architecture: architecture)
    file["general.type"] = .string("adapter")
    file["general.name"] = .string(name)
    file["adapter.type"] = .string("lora")
    // A module may be scaled by 0 or less; the common alpha is positive, and the rest goes into B.
    let alpha = modules.first { $0.scale != 0 }.map { abs($0.scale) * Float($0.rank) } ?? 1
    file["adapter.lora.alpha"] = .float32(alpha)
    file["general.file_type"] = .uint32(0)
    for module in modules.sorted(by: { $0.tensorName < $1.tensorName }) {
      let rank = module.rank
      precondition(
        rank > 0 && module.b.count == module.outputs * rank, "the factors of \(module.tensorName) do not fit")
      let factor = alpha == 0 ? 0 : module.scale * Float(rank) / alpha
      let b = factor == 1 ? module.b : module.b.map { $0 * factor }
      file.append(
        OutputTensor(name: module.tensorName + suffixA, shape: [rank, module.inputs], floats: module.a))
      file.append(OutputTensor(name: module.tensorName + suffixB, shape: [module.outputs, rank], floats: b))
    }
    try file.write(to: path)
  }
}
