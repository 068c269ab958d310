import Completion
import Context
import Foundation
import Generation
import Registry
import Syntax
import Weights

/// `gemfill complete FILE:LINE:COLUMN`: one completion, for scripts and for looking into the server's decisions.
struct CompleteCommand: Command {
  static let name = "complete"
  static let summary = "Print the completion at one place of a file."
  static let discussion = """
    LINE and COLUMN count from 1; columns count bytes of UTF-8, so that COLUMN is one more than the bytes before the
    cursor. Prints nothing when there is nothing to show; --explain says why.
    """
  static let positionals = [Positional("FILE:LINE:COLUMN", help: "The place of the cursor.")]
  static let options = [
    Option.text(
      "adapter", "NAME", help: "Adapter to use; 'none' for the bare base (default: the live adapter)."),
    Option.text(
      "base", "NAME|PATH", help: "Registered model, GGUF file or model folder (default: the embedded base)."),
    Option.integer("tokens", "N", in: 1...256, help: "Most tokens (default 64)."),
    Option.choice(
      "context", ["auto", "on", "off"],
      help:
        "Show the model pieces of other files of the repository (default: auto, if the adapter learnt it)."),
    Option.flag(
      "no-ngrams", help: "Leave out the counts of what followed the same tokens in the repository's files."),
    Option.flag("explain", help: "Also say on standard error what was seen, generated, cut away and spent."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let place = try CursorPlace(arguments.required("FILE:LINE:COLUMN"))
    let (text, cursor) = try place.read()
    let model = try await ServingModel.load(base: arguments.text("base"), home: try .standard())
    for note in model.notes { console.note(note) }
    let chosen = arguments.text("adapter")
    let adapter = chosen == nil ? model.liveAdapter : chosen == "none" ? nil : chosen
    if let adapter { try await model.prepare(adapter: adapter) }
    var options = CompletionService.Options()
    options.timeBudgetMs = 10_000
    let catalog = LanguageCatalog.standard()
    let service = CompletionService(model: model, catalog: catalog, options: options)
    var isWanted = arguments.text("context") == "on"
    if arguments.text("context") ?? "auto" == "auto" { isWanted = await model.readsContext(adapter: adapter) }
    let context = isWanted ? place.repositoryContext(catalog: catalog) : nil
    let tokenizer = model.engine.tokenizer
    let mixture =
      arguments.flag("no-ngrams")
      ? nil : await place.repositoryMixture(catalog: catalog) { tokenizer.encode($0) }
    let answer = try await service.complete(
      CompletionRequest(
        document: place.file, path: place.pathInRepository, text: text, cursor: cursor, trigger: .invoked,
        adapter: adapter, maxTokens: arguments.integer("tokens"), context: context, mixture: mixture))
    if !answer.text.isEmpty { console.print(String(decoding: answer.text, as: UTF8.self)) }
    let snippets = Self.described(answer.context, format: model.engine.format)
    if arguments.flag("explain") { explain(answer, snippets, adapter, console) }
    console.emit(json: json(answer, snippets, place, adapter))
    return .done
  }

  /// A snippet in the prompt, with what it costs.
  private struct Described {
    let snippet: ContextSnippet
    let tokens: Int

    var lines: ClosedRange<Int> {
      let count = snippet.text.utf8.count { $0 == 0x0A } + (snippet.text.utf8.last == 0x0A ? 0 : 1)
      return snippet.firstLine...(snippet.firstLine + max(count, 1) - 1)
    }

    var line: String {
      "\(snippet.path):\(lines.lowerBound)-\(lines.upperBound) (\(snippet.source.rawValue)): "
        + "\(snippet.text.utf8.count) bytes, \(tokens) tokens"
    }

    var json: JSONValue {
      [
        "path": .string(snippet.path), "source": .string(snippet.source.rawValue),
        "first_line": .int(lines.lowerBound), "last_line": .int(lines.upperBound),
        "bytes": .int(snippet.text.utf8.count), "tokens": .int(tokens),
      ]
    }
  }

  private static func described(_ snippets: [ContextSnippet], format: PromptFormat) -> [Described] {
    snippets.map { snippet in
      let shown = PromptSnippet(path: snippet.path, text: Array(snippet.text.utf8))
      // Without the begin token, which every prompt has.
      return Described(snippet: snippet, tokens: format.head(path: "", context: [shown]).count - 1)
    }
  }

  private static func explain(
    _ answer: CompletionAnswer, _ snippets: [Described], _ adapter: String?, _ console: Console
  ) {
    let times = answer.latency
    func ms(_ value: Double) -> String { String(format: "%.1f ms", value) }
    console.note("adapter     \(adapter ?? "none")")
    console.note("window      \(answer.prefixBytes) bytes before, \(answer.suffixBytes) behind the cursor")
    for snippet in snippets { console.note("context     \(snippet.line)") }
    let tokens = snippets.reduce(0) { $0 + $1.tokens }
    console.note("context     \(snippets.count) pieces of other files, \(tokens) tokens of the prompt")
    console.note(
      "prompt      \(answer.evaluatedPromptTokens) tokens evaluated, \(answer.reusedPromptTokens) reused")
    console.note(
      "generated   \(answer.tokenCount) tokens, ended by \(answer.end): \(quoted(answer.generated))")
    console.note("shown       \(answer.hidden.map { "nothing: \($0.rawValue)" } ?? quoted(answer.text))")
    console.note("mode        \(answer.singleLine ? "rest of the line only" : "up to the end of the block")")
    console.note(
      "confidence  mean log probability \(String(format: "%.2f", answer.meanLogProbability)), least "
        + String(format: "%.2f", answer.minLogProbability))
    console.note(
      "time        \(ms(times.totalMs)): context \(ms(times.contextMs)), prompt \(ms(times.prefillMs)), "
        + "generation \(ms(times.decodeMs)), policy \(ms(times.postMs))")
  }

  private static func quoted(_ text: [UInt8]) -> String {
    String(decoding: text, as: UTF8.self).debugDescription
  }

  private static func json(
    _ answer: CompletionAnswer, _ snippets: [Described], _ place: CursorPlace, _ adapter: String?
  ) -> JSONValue {
    let times = answer.latency
    return [
      "file": .string(place.file), "line": .int(place.line), "column": .int(place.column),
      "adapter": adapter.map { .string($0) } ?? .null,
      "text": .string(String(decoding: answer.text, as: UTF8.self)),
      "hidden": answer.hidden.map { .string($0.rawValue) } ?? .null,
      "generated": .string(String(decoding: answer.generated, as: UTF8.self)), "end": .string(answer.end),
      "single_line": .bool(answer.singleLine), "tokens": .int(answer.tokenCount),
      "prefix_bytes": .int(answer.prefixBytes), "suffix_bytes": .int(answer.suffixBytes),
      "context": .array(snippets.map(\.json)), "evaluated_prompt_tokens": .int(answer.evaluatedPromptTokens),
      "reused_prompt_tokens": .int(answer.reusedPromptTokens),
      "mean_log_probability": .double(Double(answer.meanLogProbability)),
      "min_log_probability": .double(Double(answer.minLogProbability)),
      "ms": [
        "context": .double(times.contextMs), "prefill": .double(times.prefillMs),
        "decode": .double(times.decodeMs),
        "post": .double(times.postMs), "total": .double(times.totalMs),
      ],
    ]
  }
}

/// `FILE:LINE:COLUMN`, read.
struct CursorPlace {
  let file: String
  let line: Int
  let column: Int

  init(_ text: String) throws(UsageError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count >= 3, let line = Int(parts[parts.count - 2]), let column = Int(parts[parts.count - 1]),
      line >= 1, column >= 1, !parts[0].isEmpty
    else { throw UsageError("'\(text)' is not FILE:LINE:COLUMN with numbers from 1 on") }
    file = parts.dropLast(2).joined(separator: ":")
    self.line = line
    self.column = column
  }

  /// The file's bytes and the cursor's offset in them.
  func read() throws(CursorPlaceError) -> (text: [UInt8], cursor: Int) {
    let limit = CompletionService.Options().maxDocumentBytes
    let text: [UInt8]
    do { text = try RegularFile.read(file, limit: limit) } catch {
      throw error == .tooLarge ? .tooLarge(file, limit: limit) : .unreadable(file)
    }
    var start = 0
    for number in 1..<line {
      guard let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) else {
        throw .noSuchLine(file, line, number)
      }
      start = end + 1
    }
    var end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
    if end > start, text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    guard column - 1 <= end - start else { throw .noSuchColumn(file, line, column, end - start + 1) }
    return (text, start + column - 1)
  }

  /// Path below the folder that holds `.git`, else the file's name.
  var pathInRepository: String {
    let path = absolutePath
    guard let root = repository else { return URL(fileURLWithPath: path).lastPathComponent }
    return String(path.dropFirst(root.count + 1))
  }

  private var absolutePath: String {
    URL(fileURLWithPath: file).standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// The folder that holds `.git`; nil for a file in no repository.
  var repository: String? {
    var folder = URL(fileURLWithPath: absolutePath).deletingLastPathComponent()
    while folder.path != "/" {
      if FileManager.default.fileExists(atPath: folder.appendingPathComponent(".git").path) {
        return folder.path
      }
      folder.deleteLastPathComponent()
    }
    return nil
  }
}

/// Why there is no completion at a place.
enum CursorPlaceError: Error, CustomStringConvertible {
  case unreadable(String)
  case tooLarge(String, limit: Int)
  case noSuchLine(String, Int, Int)
  case noSuchColumn(String, Int, Int, Int)

  var description: String {
    switch self {
    case .unreadable(let file): "\(file): cannot be read as a file"
    case .tooLarge(let file, let limit):
      "\(file): larger than \(limit) bytes, which is more than a completion reads"
    case .noSuchLine(let file, let line, let count):
      "\(file):\(line): the file has \(count) lines; lines count from 1"
    case .noSuchColumn(let file, let line, let column, let last):
      "\(file):\(line):\(column): the line's last column is \(last); columns count bytes from 1"
    }
  }
}
