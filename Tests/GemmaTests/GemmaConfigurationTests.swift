import Testing
import Weights

@testable import Gemma

@Suite struct GemmaConfigurationTests {
  private func configuration(_ text: String) throws -> GemmaConfiguration {
    let json = try JSONValue(parsing: text)
    var keys: [String: JSONValue] = [:]
    for (key, value) in try #require(json.objectValue) { keys[key] = value }
    return try GemmaConfiguration(json: keys, path: "config.json")
  }

  private let required =
    #""hidden_size": 64, "num_hidden_layers": 12, "intermediate_size": 96, "vocab_size": 320"#

  @Test func absentKeysTakeTheClassDefaults() throws {
    let c = try configuration(#"{"model_type": "gemma3_text", \#(required)}"#)
    #expect(c.layers.allSatisfy { $0.headCount == 8 && $0.keyValueHeadCount == 4 && $0.headDim == 256 })
    #expect(c.layers.map(\.isGlobal) == (0..<12).map { $0 == 5 || $0 == 11 })
    #expect(c.layers[0].rotary == .init(base: 1e4) && c.layers[5].rotary == .init(base: 1e6))
  }

  @Test func aMultimodalFileHoldsTheTextModelInside() throws {
    let c = try configuration(
      #"{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", \#(required), "head_dim": 32, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}}"#
    )
    #expect(c.layers[0].headDim == 32)
    #expect(c.layers[0].rotary.factor == 1 && c.layers[5].rotary.factor == 8)
  }

  @Test(arguments: [
    ("another family", #"{"model_type": "llama", "hidden_size": 64}"#, "model_type"),
    ("no size", #"{"model_type": "gemma3_text", "num_hidden_layers": 2}"#, "hidden_size"),
    ("a huge size", #"{"model_type": "gemma3_text", "hidden_size": 1e18}"#, "hidden_size"),
    (
      "heads that do not divide",
      #"{"model_type": "gemma3_text", "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "num_attention_heads": 3, "num_key_value_heads": 2}"#,
      "num_key_value_heads"
    ),
    (
      "unknown scaling",
      #"{"model_type": "gemma3_text", "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "rope_scaling": {"rope_type": "yarn"}}"#,
      "rope_scaling"
    ),
  ])
  func aConfigurationThatCannotBeServedNamesTheKey(name: String, text: String, key: String) throws {
    let error = #expect(throws: GemmaError.self) { try configuration(text) }
    #expect(error?.description.contains(key) == true, "\(name): \(error?.description ?? "no error")")
  }
}
