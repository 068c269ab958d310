import Foundation
import Registry
import Weights

/// `gemfill adapter`: what was trained and which of it is in use.
struct AdapterCommand: Command {
  static let name = "adapter"
  static let summary = "List, promote, roll back, merge, import, export and remove trained adapters."
  static let discussion = """
    A trained adapter is a candidate. 'promote' makes it the live one of its base model, which completions then
    use; 'rollback' goes back to what was live before.
    """
  static let subcommands: [any Command.Type] = [
    AdapterListCommand.self, AdapterShowCommand.self, AdapterPromoteCommand.self, AdapterRollbackCommand.self,
    AdapterMergeCommand.self, AdapterImportCommand.self, AdapterExportCommand.self, AdapterRemoveCommand.self,
  ]

  static func open() throws -> ModelRegistry { try ModelRegistry(home: Home.standard()) }

  /// The folder or file of an adapter that a command names: a path, or a registered adapter of the base at `base`.
  static func path(_ name: String, base: String, _ registry: ModelRegistry) throws -> String {
    if FileManager.default.fileExists(atPath: name + "/adapter_config.json") || name.hasSuffix(".gguf") {
      return name
    }
    let adapter = try registry.adapter(named: name)
    try ModelRegistry.check(
      adapter, baseName: URL(fileURLWithPath: base).lastPathComponent,
      baseSHA256: try registry.sha256(ofModel: base))
    return adapter.directory
  }

  static func json(_ adapter: ModelRegistry.Adapter) -> JSONValue {
    [
      "name": .string(adapter.name), "state": .string(adapter.state.rawValue),
      "base": .string(adapter.baseName), "base_sha256": .string(adapter.baseSHA256),
      "created": .string(date(adapter.createdAt)), "directory": .string(adapter.directory),
      "parent": adapter.parent.map { .string($0) } ?? .null, "metrics": adapter.metrics,
    ]
  }

  static func date(_ seconds: Int) -> String {
    Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
  }
}

private struct AdapterListCommand: Command {
  static let name = "list"
  static let summary = "List all adapters."

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let adapters = try AdapterCommand.open().adapters()
    console.emit(json: ["adapters": .array(adapters.map(AdapterCommand.json))])
    guard !adapters.isEmpty else {
      console.print("No adapters yet; 'gemfill train PATH' makes one.")
      return .done
    }
    console.table(
      ["name", "state", "base", "created"],
      adapters.map { [$0.name, $0.state.rawValue, $0.baseName, AdapterCommand.date($0.createdAt)] })
    return .done
  }
}

private struct AdapterShowCommand: Command {
  static let name = "show"
  static let summary = "Show where an adapter comes from and what it scored."
  static let positionals = [Positional("NAME", help: "The adapter.")]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let adapter = try AdapterCommand.open().adapter(named: arguments.required("NAME"))
    let card = try AdapterCard(directory: adapter.directory)
    var object = AdapterCommand.json(adapter).objectValue ?? JSONObject()
    object["card"] = card.json
    console.emit(json: .object(object))
    let commits = card.dataCommit.split(separator: ":").map {
      $0.prefix(12) + ($0.hasSuffix("-dirty") ? "-dirty" : "")
    }
    console.table(
      [adapter.name, adapter.state.rawValue],
      [
        ["base", "\(card.baseName) (sha256 \(card.baseSHA256.prefix(12))…)"],
        ["data", card.dataPath + (commits.isEmpty ? "" : " at " + commits.joined(separator: ", "))],
        ["lora", "rank \(card.rank), alpha \(card.alpha), on \(card.targetModules.joined(separator: ", "))"],
        ["training", origin(card)],
        ["loss", losses(card.losses)], ["created", AdapterCommand.date(adapter.createdAt)],
        ["parent", adapter.parent ?? "-"], ["folder", adapter.directory],
      ])
    for (key, value) in card.metrics {
      console.print("\(key): \(String(decoding: value.serialized(), as: UTF8.self))")
    }
    return .done
  }

  private static func origin(_ card: AdapterCard) -> String {
    guard let merge = card.merge else {
      return "\(card.steps) steps, \(card.tokens) tokens, seed \(card.seed), \(card.promptOrder)"
    }
    let parents = (merge["parents"]?.arrayValue ?? []).map { parent in
      String(format: "%g of ", parent["weight"]?.doubleValue ?? 0) + (parent["name"]?.stringValue ?? "?")
    }
    return "merged by \(merge["method"]?.stringValue ?? "?"): " + parents.joined(separator: ", ")
  }

  private static func losses(_ losses: [Double]) -> String {
    guard let first = losses.first, let last = losses.last else { return "-" }
    return String(format: "%.3f at first, %.3f at last", first, last)
  }
}

private struct AdapterPromoteCommand: Command {
  static let name = "promote"
  static let summary = "Make an adapter the live one of its base."
  static let positionals = [Positional("NAME", help: "The adapter.")]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let name = arguments.required("NAME")
    let previous = try AdapterCommand.open().promote(name)
    console.emit(json: ["live": .string(name), "retired": previous.map { .string($0) } ?? .null])
    console.print("\(name) is live" + (previous.map { "; \($0) retired" } ?? ""))
    return .done
  }
}

private struct AdapterRollbackCommand: Command {
  static let name = "rollback"
  static let summary = "Take the latest promotion back."

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let result = try AdapterCommand.open().rollback()
    console.emit(
      json: ["live": result.live.map { .string($0) } ?? .null, "retired": .string(result.retired)])
    console.print("\(result.live ?? "the bare base") is live; \(result.retired) retired")
    return .done
  }
}

private struct AdapterRemoveCommand: Command {
  static let name = "remove"
  static let summary = "Delete an adapter that is not live."
  static let positionals = [Positional("NAME", help: "The adapter.")]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let name = arguments.required("NAME")
    try AdapterCommand.open().remove(name)
    console.emit(json: ["removed": .string(name)])
    console.print("removed \(name)")
    return .done
  }
}
