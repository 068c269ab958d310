import Acceptance
import Completion
import Corpus
import Foundation
import LanguageServer
import Registry
import Syntax

/// `gemfill lsp`, also `fim-lsp`: completions for any editor with a language client.
struct LSPCommand: Command {
  static let name = "lsp"
  static let summary = "Serve completions to an editor over standard input and output."
  static let discussion = """
    Speaks LSP 3.18 with textDocument/inlineCompletion. The editor starts it; docs/editors.md says how. The log goes
    to standard error: one line per request with tokens and times, never text of a file. Without --adapter the live
    adapter of the base is used, and the bare base when there is none.
    """
  static let options = [
    Option.flag("stdio", help: "Talk over standard input and output (the default; accepted for editors)."),
    Option.text("adapter", "NAME", help: "Adapter to use; 'none' for the bare base."),
    Option.text(
      "base", "NAME|PATH", help: "Registered model, GGUF file or model folder (default: the embedded base)."),
    Option.integer("tokens", "N", in: 1...256, help: "Most tokens of an automatic suggestion (default 24)."),
    Option.flag(
      "keep-text",
      help:
        "Keep prompts and suggestions in the acceptance log, for gemfill train --from-log (default: no text)."
    ),
    Option.integer("budget-ms", "MS", in: 10...60_000, help: "Most time of one generation (default 400)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let home = try Home.standard()
    let transport = Transport.standard()
    let base = arguments.text("base")
    let chosen = arguments.text("adapter")
    var limits = CompletionService.Options()
    if let tokens = arguments.integer("tokens") { limits.maxTokens = tokens }
    if let budget = arguments.integer("budget-ms") { limits.timeBudgetMs = budget }
    let catalog = LanguageCatalog.standard()
    let options = limits
    let server = LanguageServer(
      LanguageServer.Configuration(
        version: Gemfill.version,
        suggestions: suggestionLog(home, keepsText: arguments.flag("keep-text"), console),
        catalog: catalog,
        isExcluded: isExcluded,
        writeLog: { line in console.note("\(timestamp()) \(line)") },
        makeService: {
          let model = try await ServingModel.load(base: base, home: home)
          for note in model.notes { console.note("\(timestamp()) \(note)") }
          let adapter = chosen == nil ? model.liveAdapter : chosen == "none" ? nil : chosen
          if let adapter { try await model.prepare(adapter: adapter) }
          let tokenizer = model.engine.tokenizer
          return LanguageServer.Served(
            service: CompletionService(model: model, catalog: catalog, options: options), adapter: adapter,
            modelKey: model.sha256, readsContext: { await model.readsContext(adapter: $0) },
            encode: { tokenizer.encode($0) })
        }))
    console.note("\(timestamp()) start version=\(Gemfill.version) languages=\(catalog.names.count)")
    return await server.run(transport) == 0 ? .done : .failed
  }

  /// The acceptance log; without it completions still work.
  private static func suggestionLog(
    _ home: Home, keepsText: Bool, _ console: Console
  ) -> (any SuggestionLog)? {
    do {
      try FileManager.default.createDirectory(atPath: home.path, withIntermediateDirectories: true)
      return try AcceptanceLog(path: home.acceptanceLog, keepsText: keepsText)
    } catch {
      console.warn("acceptance is not recorded: \(error)")
      return nil
    }
  }

  /// Whether a `.gemfillignore` of the root or of a folder below it names the file.
  @Sendable private static func isExcluded(root: String, path: String) -> Bool {
    var rules = IgnoreRules()
    var folder = ""
    for component in [""] + path.split(separator: "/").dropLast().map(String.init) {
      if !component.isEmpty { folder += (folder.isEmpty ? "" : "/") + component }
      let file = root + "/" + (folder.isEmpty ? "" : folder + "/") + ".gemfillignore"
      guard let bytes = try? RegularFile.read(file, limit: 1 << 20) else { continue }
      rules.add(String(decoding: bytes, as: UTF8.self), folder: folder)
    }
    return rules.ignoresWithParents(path)
  }

  private static func timestamp() -> String { Date().formatted(.iso8601) }
}
