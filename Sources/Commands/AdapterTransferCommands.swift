import Foundation
import Registry
import Weights

/// `gemfill adapter import`.
struct AdapterImportCommand: Command {
  static let name = "import"
  static let summary = "Copy a PEFT or llama.cpp adapter into Gemfill's home."
  static let positionals = [
    Positional(
      "PATH",
      help: "Folder with adapter_config.json and safetensors, a bundle of gemfill train, or a GGUF file.")
  ]
  static let options = [
    Option.text("name", "NAME", help: "Name to give it (default: the card's, the folder's or the file's)."),
    Option.text("base", "NAME|GGUF", help: "Base that it was trained on; needed without card.json."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let registry = try AdapterCommand.open()
    let base = try arguments.text("base").map { try ModelCommand.path($0, registry) }
    var path = arguments.required("PATH")
    let isBundle = TorchResult.isBundle(path)
    if isBundle {
      let result = TorchResult(folder: path)
      try result.check(base: base, registry)
      path = result.directory
    }
    let adapter =
      path.hasSuffix(".gguf")
      ? try importGGUF(path, name: arguments.text("name"), base: base, registry)
      : try registry.importAdapter(from: path, name: arguments.text("name"), base: isBundle ? nil : base)
    console.emit(json: AdapterCommand.json(adapter))
    console.print("imported \(adapter.name), a candidate for \(adapter.baseName)")
    return .done
  }

  /// The home holds PEFT folders: the file is rewritten as one first.
  private static func importGGUF(
    _ path: String, name: String?, base: String?, _ registry: ModelRegistry
  ) throws -> ModelRegistry.Adapter {
    guard let base else {
      throw UsageError("--base is required: a GGUF file does not say what it was trained on")
    }
    let source = try AdapterSource(path: path)
    try source.check(ModelSource(path: base).configuration)
    let name = name ?? ModelCommand.shortName(path)
    let temporary = NSTemporaryDirectory() + "/gemfill-import-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    try source.writePEFT(baseModelName: URL(fileURLWithPath: base).lastPathComponent, to: temporary)
    return try registry.importAdapter(from: temporary, name: name, base: base)
  }
}

/// `gemfill adapter export`.
struct AdapterExportCommand: Command {
  static let name = "export"
  static let summary = "Copy an adapter out, in the form that peft and vLLM read or in that of llama.cpp."
  static let positionals = [Positional("NAME", help: "The adapter.")]
  static let options = [
    Option.choice("format", ["peft", "gguf"], help: "Form of the export (default: peft)."),
    Option.text("base", "NAME|PATH", help: "Its base, for gguf (default: the one it was trained on)."),
    Option.text("out", "PATH", help: "New folder or file (default: ./NAME or ./NAME.gguf)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let name = arguments.required("NAME")
    let isGGUF = arguments.text("format") == "gguf"
    let target = arguments.text("out") ?? name + (isGGUF ? ".gguf" : "")
    let registry = try AdapterCommand.open()
    if isGGUF {
      guard !FileManager.default.fileExists(atPath: target) else {
        throw Failure("\(target) exists already; choose another place with --out")
      }
      let adapter = try registry.adapter(named: name)
      let base = try ModelSource(path: basePath(adapter, arguments.text("base"), registry))
      try AdapterSource(path: adapter.directory).writeGGUF(base.configuration, name: name, to: target)
    } else {
      try registry.exportAdapter(name, to: target)
    }
    console.emit(json: [
      "name": .string(name), "format": isGGUF ? "gguf" : "peft",
      isGGUF ? "path" : "directory": .string(target),
    ])
    console.print("exported \(name) to \(target)")
    return .done
  }

  /// The named base, or the one among the known models that the adapter was trained on.
  private static func basePath(
    _ adapter: ModelRegistry.Adapter, _ name: String?, _ registry: ModelRegistry
  ) throws -> String {
    if let name { return try ModelCommand.path(name, registry) }
    if let known = try registry.models().first(where: { $0.sha256 == adapter.baseSHA256 }) {
      return known.path
    }
    let embedded = try ModelCommand.path(ModelCommand.embeddedName, registry)
    guard try registry.sha256(ofModel: embedded) == adapter.baseSHA256 else {
      throw Failure("\(adapter.name): its base \(adapter.baseName) is not known here; name it with --base")
    }
    return embedded
  }
}
