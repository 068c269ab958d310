import Foundation
import Gemma
import Registry
import Tokenizer
import Weights

/// `gemfill model logits`: what the engine computes, for comparison with other engines.
struct ModelLogitsCommand: Command {
  static let name = "logits"
  static let summary = "Evaluate token ids and write the logits."
  static let positionals = [ModelCommand.namePositional]
  static let options = [
    Option.text("tokens", "1,2,3", help: "Token ids, begin token included; required."),
    Option.text("adapter", "NAME|DIR", help: "Apply an adapter."),
    Option.choice(
      "precision", ["native", "f32", "q8_0", "q4_0"], help: "Form of the weights (default native)."),
    Option.text("out", "F.safetensors", help: "Write all logits here, as 'logits' [tokens, vocabulary]."),
    Option.integer("top", "K", in: 1...1_000, help: "Print the K best next tokens (default 10)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    guard arguments.text("tokens") != nil else { throw UsageError("--tokens is required: --tokens 2,70,15") }
    let words = arguments.list("tokens")
    let tokens = words.compactMap { Int32($0) }
    guard !tokens.isEmpty, tokens.count == words.count else {
      throw UsageError("--tokens: not a list of token ids separated by commas")
    }
    let registry = try ModelCommand.open()
    let path = try ModelCommand.path(arguments.required("NAME"), registry)
    let precision = WeightPrecision(rawValue: arguments.text("precision") ?? "native") ?? .native
    let model = try GemmaModel.load(path: path, precision: precision)
    let session = InferenceSession(model, capacity: tokens.count)
    if let adapter = arguments.text("adapter") {
      let isFolder = FileManager.default.fileExists(atPath: adapter + "/adapter_config.json")
      let directory = isFolder ? adapter : try registry.adapter(named: adapter).directory
      session.adapter = try LoRAAdapter(directory: directory, model: model)
    }
    let vocabularySize = model.configuration.vocabularySize
    // The pointer is into memory of the session.
    let logits = try withExtendedLifetime(session) {
      Array(
        UnsafeBufferPointer(
          start: try session.append(tokens, logits: .all), count: tokens.count * vocabularySize))
    }
    if let out = arguments.text("out") {
      let tensor = OutputTensor(name: "logits", shape: [tokens.count, vocabularySize], floats: logits)
      try SafetensorsFile.write([tensor], to: out)
    }
    try show(Array(logits.suffix(vocabularySize)), arguments, ModelSource(path: path).vocabulary, console)
    return .done
  }

  private static func show(
    _ logits: [Float], _ arguments: Arguments, _ vocabulary: Vocabulary?, _ console: Console
  ) throws {
    func text(_ token: Int) -> String {
      guard let vocabulary, token < vocabulary.count else { return "" }
      return String(decoding: vocabulary.piece(token), as: UTF8.self)
    }
    let best = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(arguments.integer("top") ?? 10)
    console.emit(json: [
      "tokens": .array(arguments.list("tokens").map { .int(Int($0) ?? 0) }),
      "top": .array(
        best.map { ["token": .int($0), "logit": .double(Double(logits[$0])), "piece": .string(text($0))] }),
      "out": arguments.text("out").map { .string($0) } ?? .null,
    ])
    console.table(
      ["token", "logit", "piece"],
      best.map { ["\($0)", String(format: "%.4f", logits[$0]), text($0).debugDescription] },
      alignment: [.right, .right, .left])
  }
}
