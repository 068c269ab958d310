import Numerics
import Testing
import Weights

@testable import Gemma

@Suite struct GenerationsTests {
  /// Weights in 8 and 4 bits, evaluated in pieces and at once.
  @Test(arguments: Fixture.families)
  func everyGenerationIsTheSameInPieces(family: String) throws {
    let model = try Fixture.model(family)
    let whole = try Fixture.logits(model)
    for chunk in [1, 3, 8] {
      #expect(worst(whole, try Fixture.logits(model, chunk: chunk)) < 2e-4, "chunks of \(chunk)")
    }
  }

  /// A model of random weights as wide as the kernels want it, with everything that Gemma 4 E or a mixture has.
  private func gemma4(experts: Bool) -> GemmaConfiguration {
    var c = GemmaConfiguration(
      generation: .gemma4, hiddenSize: 64, vocabularySize: 160, maxPositions: 128,
      layers: (0..<4).map { index in
        let isGlobal = index % 2 == 1
        var layer = LayerDescription(
          headCount: 2, keyValueHeadCount: 1, headDim: isGlobal ? 64 : 32, intermediateSize: 96,
          attentionScale: 1, rotary: .init(base: 1e4, fraction: isGlobal ? 0.25 : 1))
        layer.window = isGlobal ? nil : 6
        layer.normsQueriesAndKeys = true
        layer.normsValues = true
        layer.hasOutputNorms = true
        layer.hasScalar = true
        layer.valuesAreKeys = experts && isGlobal
        if experts { layer.experts = .init(count: 4, active: 2, intermediateSize: 32) }
        if !experts && index >= 2 { layer.sharesKeysOf = index - 2 }
        return layer
      })
    c.finalLogitCap = 30
    if !experts { c.perLayerInput = .init(size: 32, vocabularySize: 160) }
    return c
  }

  @Test(arguments: [true, false], [WeightPrecision.q8_0, .q4_0])
  func quantisedGemma4StaysCloseToItsFloats(experts: Bool, precision: WeightPrecision) throws {
    let shape = gemma4(experts: experts)
    let ids: [Int32] = (0..<24).map { Int32($0 * 11 % 160) }
    func logits(_ precision: WeightPrecision) throws -> [Float] {
      let session = InferenceSession(try .random(shape, precision: precision), capacity: 32, chunk: 5)
      return try withExtendedLifetime(session) {
        Array(UnsafeBufferPointer(start: try session.append(ids, logits: .all), count: 24 * 160))
      }
    }
    let exact = try logits(.float32)
    let rounded = try logits(precision)
    let norm = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let error =
      zip(exact, rounded).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() / norm
    // A router that chooses another expert makes a jump.
    #expect(error < (precision == .q4_0 ? 1 : experts ? 0.15 : 0.1), "\(error)")
    #expect(error > 0)
  }

  @Test func layersThatShareKeysHoldNone() throws {
    var alone = gemma4(experts: false)
    let shared = KVPagePool(alone, format: .float32)
    for index in alone.layers.indices { alone.layers[index].sharesKeysOf = nil }
    let own = KVPagePool(alone, format: .float32)
    #expect(shared.layout.pageBytes * 2 == own.layout.pageBytes)
  }

  @Test func aSoftCapBoundsTheLogits() throws {
    var shape = gemma4(experts: false)
    shape.finalLogitCap = 0.5
    let session = InferenceSession(try .random(shape, precision: .float32), capacity: 8)
    let logits = try session.append([1, 2, 3], logits: .last)
    let row = withExtendedLifetime(session) { Array(UnsafeBufferPointer(start: logits, count: 160)) }
    #expect(row.allSatisfy { abs($0) <= 0.5 } && row.contains { abs($0) > 0.1 })
  }

  @Test func theQuantileFunctionInvertsTheNormalDistribution() {
    #expect(abs(GemmaConfiguration.normalQuantile(0.5)) < 1e-12)
    #expect(abs(GemmaConfiguration.normalQuantile(0.95) - 1.6448536269514722) < 1e-12)
    #expect(abs(GemmaConfiguration.normalQuantile(0.001) + 3.090232306167813) < 1e-10)
  }

  @Test func publishedSizesHaveTheirShapes() throws {
    func configuration(_ text: String) throws -> GemmaConfiguration {
      let members = try #require(try JSONValue(parsing: text).objectValue)
      return try GemmaConfiguration(
        json: Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }), path: "config.json")
    }
    // Gemma 3 27B says little more than this.
    let large = try configuration(
      """
      {"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504,
       "num_attention_heads": 32, "num_key_value_heads": 16, "num_hidden_layers": 62, "head_dim": 128, "sliding_window": 1024,
       "query_pre_attn_scalar": 168, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}}
      """)
    #expect(large.vocabularySize == 262_208 && large.maxPositions == 131_072)
    #expect(large.layers.count { $0.isGlobal } == 10 && large.layers[61].window == 1_024)
    #expect(
      large.layers[5].rotary == .init(base: 1e6, factor: 8) && large.layers[0].rotary == .init(base: 1e4))
    #expect(large.layers[0].attentionScale == 1 / Float(168).squareRoot())
    let code = try configuration(
      """
      {"model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384, "num_attention_heads": 8, "num_key_value_heads": 1,
       "num_hidden_layers": 18, "head_dim": 256, "hidden_act": "gelu", "vocab_size": 256000}
      """)
    #expect(code == GemmaConfiguration.comparisonShapes["codegemma-2b"])
    let small = try configuration(
      """
      {"model_type": "gemma4", "text_config": {"model_type": "gemma4_text", "hidden_size": 1536, "intermediate_size": 6144,
       "num_attention_heads": 8, "num_key_value_heads": 1, "num_hidden_layers": 35, "num_kv_shared_layers": 20,
       "use_double_wide_mlp": true, "final_logit_softcapping": 30.0, "global_head_dim": 512,
       "layer_types": [\((1...35).map { $0 % 5 == 0 ? "\"full_attention\"" : "\"sliding_attention\"" }.joined(separator: ","))]}}
      """)
    #expect(small.layers[34].sharesKeysOf == 14 && small.layers[33].sharesKeysOf == 13)
    #expect(small.layers[14].intermediateSize == 6_144 && small.layers[15].intermediateSize == 12_288)
    #expect(small.layers[4].headDim == 512 && small.layers[4].rotary.rotatedPairs(headDim: 512) == 64)
    #expect(small.perLayerInput == .init(size: 256, vocabularySize: 262_144))
  }
}
