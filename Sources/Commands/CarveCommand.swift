import Carving
import Corpus
import Foundation
import Syntax
import Weights

/// `gemfill carve`: examples for training out of repositories, and a look at what is in them.
struct CarveCommand: Command {
  static let name = "carve"
  static let summary = "Carve fill-in-the-middle examples out of repositories."
  static let discussion = """
    Takes what git would not ignore and people wrote; .gemfillignore beside .gitignore keeps more out. Without --out and
    --preview, prints the statistics. The same seed gives the same examples on any machine. See docs/carving.md.
    """
  static let positionals = [Positional("PATH", repeats: true, help: "Repository, folder or file.")]
  static let options = [
    Option.text("out", "F.jsonl", help: "Write the examples here, one JSON object a line."),
    Option.integer("preview", "N", in: 1...10_000, help: "Show N examples."),
    Option.flag(
      "stats", help: "Print counts: files, left-out files by reason, examples by class and language."),
    Option.integer("seed", "S", help: "Seed of all choices (default 1)."),
    Option.integer("epoch", "E", help: "Epoch: another one gives other holes in the same files (default 0)."),
    Option.integer("limit", "N", in: 1...100_000_000, help: "At most N examples, chosen at random."),
    Option.text("languages", "a,b", help: "Only these languages (default: all)."),
    Option.text(
      "shard", "I/N", help: "Only the I-th of N parts of the files, from 1; parts are chosen by path."),
    Option.flag("skipped", help: "List every path that was left out, with the reason."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let catalog = LanguageCatalog.standard()
    if catalog.names.isEmpty {
      console.warn("no grammars found; run scripts/grammars, or name their folder in GEMFILL_GRAMMARS")
    }
    let seed = UInt64(arguments.integer("seed") ?? 1)
    let shard = try Shard(arguments.text("shard"))
    let options = RepositoryWalker.Options(languages: try languages(arguments.text("languages"), catalog))
    let started = ContinuousClock.now
    var listings: [CorpusListing] = []
    for path in arguments.positionals("PATH") {
      console.progress("reading \(path)")
      listings.append(try RepositoryWalker(root: path, catalog: catalog, options: options).files())
    }
    let files = listings.flatMap(\.files).filter { shard.holds($0.path) }
    warnOfMissingGrammars(files, catalog, console)
    let carver = Carver(
      options: CarveOptions(seed: seed, limit: arguments.integer("limit")), catalog: catalog)
    let examples = carver.examples(from: files, epoch: arguments.integer("epoch") ?? 0) { begun in
      if begun % 16 == 0 { console.progress("carving: \(begun) of \(files.count) files") }
    }
    console.endProgress()
    if Task.isCancelled { return .interrupted }
    let report = CarveReport(
      files: files, listings: listings, examples: examples,
      seconds: (ContinuousClock.now - started) / .seconds(1))
    if let path = arguments.text("out") {
      try ExampleFile.write(examples, to: path)
      console.note("\(examples.count) examples written to \(path)")
    }
    let shown = preview(examples, count: arguments.integer("preview") ?? 0, seed: seed)
    for example in shown { show(example, console) }
    if arguments.flag("skipped") {
      for skipped in listings.flatMap(\.skippedPaths) {
        console.print("\(printable(skipped.path))  \(skipped.reason.rawValue)")
      }
    }
    let isAsked = arguments.flag("stats") || (arguments.text("out") == nil && shown.isEmpty)
    if isAsked && !arguments.flag("skipped") || arguments.flag("stats") { report.print(to: console) }
    console.emit(json: report.json(seed: seed, out: arguments.text("out"), preview: shown))
    return .done
  }

  private static func languages(_ list: String?, _ catalog: LanguageCatalog) throws -> Set<String>? {
    guard let list else { return nil }
    let names = list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    let known = catalog.names + [SourceFile.textLanguage]
    for name in names where !known.contains(name) {
      throw UsageError("no language '\(name)'; known: \(known.joined(separator: ", "))")
    }
    guard !names.isEmpty else { throw UsageError("--languages needs at least one name") }
    return Set(names)
  }

  private static func warnOfMissingGrammars(
    _ files: [SourceFile], _ catalog: LanguageCatalog, _ console: Console
  ) {
    for name in Set(files.map(\.language)).subtracting([SourceFile.textLanguage]).sorted() {
      do throws(SyntaxError) { _ = try catalog.load(name) } catch {
        console.warn("\(error); carving \(name) by indentation")
      }
    }
  }

  private static func preview(_ examples: [FIMExample], count: Int, seed: UInt64) -> [FIMExample] {
    guard count > 0, !examples.isEmpty else { return [] }
    let step = max(1, examples.count / count)
    let first = Int(seed % UInt64(step))
    return stride(from: first, to: examples.count, by: step).prefix(count).map { examples[$0] }
  }

  /// The hole in colour on a terminal, in double brackets elsewhere, with a few lines around it.
  private static func show(_ example: FIMExample, _ console: Console) {
    let before = example.prefix.split(separator: "\n", omittingEmptySubsequences: false).suffix(9)
    let after = example.suffix.split(separator: "\n", omittingEmptySubsequences: false).prefix(5)
    let head = [
      example.path, example.language, "class \(example.kind.rawValue)", example.nodePath,
      "bytes \(example.middleStart)..<\(example.middleEnd)",
    ]
    console.print(console.styled(printable(head.filter { !$0.isEmpty }.joined(separator: "  ")), .bold))
    let hole = printable(example.middle).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    let marked =
      console.outputIsTerminal
      ? hole.map { console.styled($0, .green) }.joined(separator: "\n")
      : "⟦" + hole.joined(separator: "\n") + "⟧"
    console.print(
      printable(before.joined(separator: "\n")) + marked + printable(after.joined(separator: "\n")) + "\n")
  }

  /// Text without the control characters by which a file could command the terminal.
  private static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl =
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
          return isControl && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar
        }))
  }
}

/// One of several parts of a corpus.
struct Shard {
  let index: Int
  let count: Int

  /// Reads `I/N`; nil is the whole.
  init(_ text: String?) throws(UsageError) {
    guard let text else {
      index = 0
      count = 1
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard parts.count == 2, parts[1] >= 1, (1...parts[1]).contains(parts[0]) else {
      throw UsageError("--shard '\(text)' must be I/N with I from 1 to N")
    }
    index = parts[0] - 1
    count = parts[1]
  }

  /// Whether a path belongs to this part; every path belongs to exactly one.
  func holds(_ path: String) -> Bool {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Int((hash >> 16) % UInt64(count)) == index
  }
}
