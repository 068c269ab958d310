import Testing

@testable import Weights

@Suite("PEFT adapter")
struct PEFTAdapterTests {
  private static let path = "model.layers.0.self_attn.q_proj"

  private static func tensor(_ suffix: String, _ shape: [Int]) -> OutputTensor {
    OutputTensor(
      name: "base_model.model." + path + suffix, shape: shape, floats: numbers(shape.reduce(1, *)))
  }
  private static let a = tensor(".lora_A.weight", [2, 6])
  private static let b = tensor(".lora_B.weight", [5, 2])

  /// An adapter whose configuration has the given members in addition to, or in place of, the usual ones.
  private func adapter(
    _ folder: TemporaryFolder, _ members: [(String, JSONValue)] = [], tensors: [OutputTensor] = [a, b],
    variants: PEFTAdapter.Variants = .refused
  ) throws -> PEFTAdapter {
    var configuration: JSONValue = [
      "peft_type": "LORA", "r": 2, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none",
    ]
    for (key, value) in members { configuration[key] = value }
    _ = try folder.file("adapter_config.json", configuration.serialized())
    try SafetensorsFile.write(tensors, to: folder.path + "/adapter_model.safetensors")
    return try PEFTAdapter(directory: folder.path, variants: variants)
  }

  private func write(_ folder: TemporaryFolder) throws {
    let modules = [Self.path, "model.layers.0.mlp.down_proj"].map { path in
      PEFTAdapter.OutputModule(modulePath: path, inputs: 6, outputs: 5, a: numbers(12), b: numbers(10))
    }
    try PEFTAdapter.write(modules, rank: 2, alpha: 8, baseModelName: "base", to: folder.path + "/adapter")
  }

  @Test func readsWhatItWrites() throws {
    let folder = try TemporaryFolder()
    try write(folder)
    let adapter = try PEFTAdapter(directory: folder.path + "/adapter")
    #expect(adapter.rank == 2 && adapter.alpha == 8 && adapter.baseModelName == "base")
    #expect(adapter.targetModules == ["down_proj", "q_proj"])
    #expect(adapter.modules.map(\.modulePath) == ["model.layers.0.mlp.down_proj", Self.path])
    #expect(adapter.modules[0].scale == 4)
    #expect(adapter.modules[0].a.floats() == numbers(12) && adapter.modules[0].b.shape == [5, 2])
  }

  @Test func readsVariantsAsItWritesThem() throws {
    let folder = try TemporaryFolder()
    func module(_ path: String, rank: Int, alpha: Double) -> PEFTAdapter.OutputModule {
      PEFTAdapter.OutputModule(
        modulePath: path, inputs: 6, outputs: 5, a: numbers(6 * rank), b: numbers(5 * rank), alpha: alpha,
        magnitude: numbers(5))
    }
    let paths = ["model.layers.0.mlp.down_proj", Self.path, "model.layers.1.self_attn.q_proj"]
    try PEFTAdapter.write(
      [
        module(paths[0], rank: 3, alpha: 8), module(paths[1], rank: 2, alpha: 8),
        module(paths[2], rank: 2, alpha: 2),
      ], rank: 2, alpha: 8, baseModelName: "base", isRankStabilized: true, dropout: 0.1,
      tokenRows: .init(tokens: [69, 67], rows: numbers(12)), to: folder.path + "/adapter")
    let read = try PEFTAdapter(directory: folder.path + "/adapter", variants: .read)
    #expect(read.rank == 2 && read.alpha == 8 && read.isRankStabilized && read.dropout == 0.1)
    #expect(read.modules.map(\.modulePath) == paths)
    #expect(read.modules.map { $0.a.shape[0] } == [3, 2, 2])
    #expect(read.modules.map(\.alpha) == [8, 8, 2])
    #expect(
      read.modules.map(\.scale) == [
        Float(8 / 3.0.squareRoot()), Float(8 / 2.0.squareRoot()), Float(2 / 2.0.squareRoot()),
      ])
    #expect(read.modules.allSatisfy { $0.magnitude?.floats() == numbers(5) })
    #expect(read.tokenRows?.tokens == [69, 67] && read.tokenRows?.rows.floats() == numbers(12))
    let json = try JSONValue(parsing: folder.bytes("adapter/adapter_config.json"))
    #expect(json["rank_pattern"] == ["down_proj": 3])
    #expect(json["alpha_pattern"] == ["model.layers.1.self_attn.q_proj": 2])
    // Who cannot apply these must not overlook them.
    #expect(throws: WeightsError.self) { try PEFTAdapter(directory: folder.path + "/adapter") }
  }

  @Test func scalesFollowTheConfiguration() throws {
    let folder = try TemporaryFolder()
    func scale(_ members: (String, JSONValue)...) throws -> Float {
      try adapter(folder, members).modules[0].scale
    }
    #expect(try scale() == 4)
    #expect(try scale(("use_rslora", true)) == 8 / Float(2).squareRoot())
    #expect(try scale(("alpha_pattern", ["q_proj": 3])) == 1.5)
    #expect(try scale(("alpha_pattern", ["proj": 3])) == 4)
    #expect(try scale(("r", 7), ("rank_pattern", ["self_attn.q_proj": 2])) == 4)
  }

  @Test(
    arguments: [
      ("peft_type", "IA3"), ("r", 0), ("r", 1_000_000), ("r", "2"), ("r", 4), ("lora_alpha", nil),
      ("target_modules", [1]), ("target_modules", 3), ("use_dora", true), ("bias", "all"),
      ("lora_bias", true),
      ("modules_to_save", ["lm_head"]), ("trainable_token_indices", [67]), ("fan_in_fan_out", true),
      ("rank_pattern", ["q_proj": 3]), ("rank_pattern", ["q_proj": -1]), ("rank_pattern", ["(a+)+$": 2]),
      ("alpha_pattern", ["q_proj": "x"]), ("alpha_pattern", 3),
    ] as [(String, JSONValue)])
  func refuses(key: String, value: JSONValue) throws {
    let folder = try TemporaryFolder()
    _ = try adapter(folder)
    #expect(throws: WeightsError.self) { try adapter(folder, [(key, value)]) }
  }

  @Test func refusesFactorsThatDoNotFit() throws {
    let folder = try TemporaryFolder()
    let (a, b) = (Self.a, Self.b)
    let sets = [
      [], [a], [b], [Self.tensor(".lora_A.weight", [3, 6]), b], [a, Self.tensor(".lora_B.weight", [2, 5])],
      [Self.tensor(".lora_A.weight", [12]), b], [a, b, Self.tensor(".lora_magnitude_vector", [5])],
      [a, b, OutputTensor(name: "other", shape: [1], floats: [1])],
    ]
    for tensors in sets {
      #expect(throws: WeightsError.self) { try adapter(folder, tensors: tensors) }
    }
  }

  private static let magnitude = tensor(".lora_magnitude_vector", [5])
  private static let rows = OutputTensor(
    name: "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta", shape: [2, 6],
    floats: numbers(12))

  @Test func readsMagnitudesAndTokenRowsForThoseWhoAskForThem() throws {
    let folder = try TemporaryFolder()
    let (a, b) = (Self.a, Self.b)
    let magnitudes = try adapter(
      folder, [("use_dora", true)], tensors: [a, b, Self.magnitude], variants: .read)
    #expect(magnitudes.modules[0].magnitude?.floats() == numbers(5) && magnitudes.tokenRows == nil)
    for indices in [[69, 67], ["embed_tokens": [69, 67]]] as [JSONValue] {
      let rows = try adapter(
        folder, [("trainable_token_indices", indices)], tensors: [a, b, Self.rows], variants: .read)
      #expect(rows.tokenRows?.tokens == [69, 67] && rows.tokenRows?.rows.floats() == numbers(12))
      #expect(rows.modules.count == 1 && rows.modules[0].magnitude == nil)
    }
  }

  @Test func refusesMagnitudesAndTokenRowsThatDoNotFit() throws {
    let folder = try TemporaryFolder()
    let (a, b) = (Self.a, Self.b)
    let cases: [([(String, JSONValue)], [OutputTensor])] = [
      ([("use_dora", true)], [a, b]),
      ([("use_dora", true)], [a, b, Self.tensor(".lora_magnitude_vector", [4])]),
      ([], [a, b, Self.magnitude]), ([], [a, b, Self.rows]),
      ([("trainable_token_indices", [67, 68])], [a, b]),
      ([("trainable_token_indices", [67])], [a, b, Self.rows]),
      ([("trainable_token_indices", [67, 67])], [a, b, Self.rows]),
      ([("trainable_token_indices", [67, -1])], [a, b, Self.rows]),
      ([("trainable_token_indices", ["lm_head": [67, 68]])], [a, b, Self.rows]),
    ]
    for (members, tensors) in cases {
      #expect(throws: WeightsError.self) {
        try adapter(folder, members, tensors: tensors, variants: .read)
      }
    }
  }

  @Test func damageNeverCrashes() throws {
    let folder = try TemporaryFolder()
    try write(folder)
    let target = try TemporaryFolder()
    let names = ["adapter_config.json", "adapter_model.safetensors"]
    for name in names {
      for other in names { _ = try target.file(other, try folder.bytes("adapter/" + other)) }
      for damaged in mutations(of: try folder.bytes("adapter/" + name), count: 500, seed: 23) {
        _ = try target.file(name, damaged)
        do throws(WeightsError) {
          for module in try PEFTAdapter(directory: target.path).modules { _ = module.a.floats() }
        } catch {
          #expect("\(error)".contains("adapter_"))
        }
      }
    }
  }
}
