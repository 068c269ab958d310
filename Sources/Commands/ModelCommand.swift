import Foundation
import Registry
import Weights

/// `gemfill model`: the base models that adapters are trained on and served with.
struct ModelCommand: Command {
  static let name = "model"
  static let summary = "List, add, show, quantize, export and remove base models; learn their shortlists."
  static let discussion = """
    A model is a GGUF file (F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q5_1, Q5_0, Q4_K, Q4_1, Q4_0) or a folder with
    config.json, safetensors and tokenizer.model or tokenizer.json. Wherever NAME is asked for, a path does as well;
    'gemfill-base' is the model that comes with Gemfill.
    """
  static let subcommands: [any Command.Type] = [
    ModelListCommand.self, ModelAddCommand.self, ModelShowCommand.self, ModelQuantizeCommand.self,
    ModelExportCommand.self, ModelRemoveCommand.self, ModelLogitsCommand.self,
    ModelShortlistCommand.self,
  ]

  static let embeddedName = "gemfill-base"
  static let namePositional = Positional("NAME", help: "A registered model, or the path of one.")

  static func open() throws -> ModelRegistry { try ModelRegistry(home: Home.standard()) }

  /// The path of the model that a command's NAME means.
  static func path(_ name: String, _ registry: ModelRegistry) throws -> String {
    if name == embeddedName, try !registry.models().contains(where: { $0.name == name }) {
      return try EmbeddedBase.path()
    }
    return try registry.resolveBase(name)
  }

  /// What new files are called: the name itself, or for a path its last component without `.gguf`.
  static func shortName(_ name: String) -> String {
    let last = URL(fileURLWithPath: name).lastPathComponent
    return last.hasSuffix(".gguf") ? String(last.dropLast(5)) : last
  }

  /// Throws when the user has asked to stop.
  static func checkInterrupt() throws {
    if Interrupt.isRequested { throw CancellationError() }
  }

  static func size(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
}

private struct ModelListCommand: Command {
  static let name = "list"
  static let summary = "List all models."

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let registry = try ModelCommand.open()
    var rows: [(name: String, path: String, hash: String)] = []
    if let path = try? EmbeddedBase.path() {
      rows.append((ModelCommand.embeddedName, path, try registry.sha256(ofModel: path)))
    }
    rows += try registry.models().map { ($0.name, $0.path, $0.sha256) }
    console.emit(json: [
      "models": .array(
        rows.map { ["name": .string($0.name), "path": .string($0.path), "sha256": .string($0.hash)] })
    ])
    guard !rows.isEmpty else {
      console.print("No models; 'gemfill model add PATH' adds one.")
      return .done
    }
    console.table(["name", "sha256", "path"], rows.map { [$0.name, $0.hash.prefix(12) + "…", $0.path] })
    return .done
  }
}

private struct ModelAddCommand: Command {
  static let name = "add"
  static let summary = "Check a model and make it known under a name; its files stay where they are."
  static let positionals = [
    Positional("PATH", help: "GGUF file, or folder with config.json and safetensors.")
  ]
  static let options = [Option.text("name", "NAME", help: "Name to give it (default: the file's).")]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let path = arguments.required("PATH")
    let name = arguments.text("name") ?? ModelCommand.shortName(path)
    let registry = try ModelCommand.open()
    guard FileManager.default.fileExists(atPath: path) else {
      throw Failure("\(path) does not exist; give the path of a GGUF file or a model folder")
    }
    let source = try ModelSource(path: path)
    try source.check()
    if source.vocabulary == nil {
      console.warn(
        "\(path) has neither tokenizer.model nor tokenizer.json; completion and training need one of them there"
      )
    } else if source.vocabulary?.fim.prefix == nil {
      console.warn("the vocabulary of \(path) has no fill-in-the-middle tokens; completion needs them")
    }
    let model = try registry.addModel(name: name, path: path)
    console.emit(json: [
      "name": .string(model.name), "path": .string(model.path), "sha256": .string(model.sha256),
    ])
    console.print("added \(model.name)")
    return .done
  }
}

private struct ModelShowCommand: Command {
  static let name = "show"
  static let summary = "Show what a model consists of."
  static let positionals = [ModelCommand.namePositional]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let registry = try ModelCommand.open()
    let name = arguments.required("NAME")
    let path = try ModelCommand.path(name, registry)
    let source = try ModelSource(path: path)
    try source.check()
    let hash = try registry.sha256(ofModel: path)
    let adapters = try registry.adapters().filter { $0.baseSHA256 == hash }.map(\.name)
    let formats = try source.bytesByFormat()
    let c = source.configuration
    let fim = source.vocabulary?.fim
    let first = c.layers[0]
    let window = c.layers.lazy.compactMap(\.window).first
    console.emit(json: [
      "name": .string(name), "path": .string(path), "sha256": .string(hash),
      "architecture": .string(c.generation.rawValue), "parameters": .int(source.parameterCount),
      "layers": .int(c.layerCount),
      "hidden_size": .int(c.hiddenSize), "intermediate_size": .int(first.intermediateSize),
      "heads": .int(first.headCount), "key_value_heads": .int(first.keyValueHeadCount),
      "head_dim": .int(first.headDim), "vocabulary": .int(c.vocabularySize), "context": .int(c.maxPositions),
      "window": window.map { .int($0) } ?? .null,
      "bytes": .object(JSONObject(formats.map { ($0.format.rawValue, .int($0.bytes)) })),
      "fim_tokens": [fim?.prefix, fim?.middle, fim?.suffix].contains(nil)
        ? .null
        : .array([fim?.prefix, fim?.middle, fim?.suffix].map { .int(Int($0 ?? 0)) }),
      "adapters": .array(adapters.map { .string($0) }),
    ])
    console.table(
      [name, c.generation.rawValue],
      [
        ["path", path], ["sha256", hash],
        ["weights", String(format: "%.1f million", Double(source.parameterCount) / 1e6)],
        [
          "stored",
          formats.map { "\($0.format.rawValue) \(ModelCommand.size($0.bytes))" }.joined(separator: ", "),
        ],
        [
          "layers",
          "\(c.layerCount), \(c.layers.count { $0.isGlobal }) of them global"
            + (window.map { ", window \($0)" } ?? ""),
        ],
        ["widths", "\(c.hiddenSize) residual, \(first.intermediateSize) inner"],
        ["heads", "\(first.headCount) on \(first.keyValueHeadCount), \(first.headDim) wide"],
        [
          "vocabulary",
          "\(c.vocabularySize)"
            + (source.vocabulary.map { ", encodes as \($0.convention.rawValue) does" } ?? "")
            + (fim?.prefix == nil ? ", no fill-in-the-middle tokens" : ""),
        ],
        ["context", "\(c.maxPositions) tokens"],
        ["adapters", adapters.isEmpty ? "-" : adapters.joined(separator: ", ")],
      ])
    return .done
  }
}

private struct ModelRemoveCommand: Command {
  static let name = "remove"
  static let summary = "Forget a model; its files are deleted only if they lie in Gemfill's home."
  static let positionals = [Positional("NAME", help: "A registered model.")]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let name = arguments.required("NAME")
    try ModelCommand.open().removeModel(name)
    console.emit(json: ["removed": .string(name)])
    console.print("removed \(name)")
    return .done
  }
}
