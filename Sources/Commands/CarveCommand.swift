import Syntax

/// `gemfill carve`: examples for training out of repositories, and a look at what is in them.
struct CarveCommand: Command {
  static let name = "carve"
  static let summary = "Carve fill-in-the-middle examples out of repositories."
  static let discussion = """
    Takes what git would not ignore and people wrote; .gemfillignore beside .gitignore keeps more out. Without --out,
    --preview, --explain and --prior, prints the statistics. The same seed and history give the same examples.
    Settings come from config.json in Gemfill's home and .gemfill.json at the repository's root, under "carving"; flags
    win. See docs/carving.md.
    """
  static let positionals = [Positional("PATH", repeats: true, help: "Repository, folder or file.")]
  static let options = writing + looking + choosing + sampling

  private static let writing = [
    Option.text(
      "out", "F.jsonl", help: "Write the examples here, whole or not at all, and a data card beside it."),
    Option.choice(
      "format", ["jsonl", "hf", "tokens"],
      help: "JSON lines (default), Hugging Face prompt/completion lines, or token ids for a base."),
    Option.choice(
      "order", ["psm", "spm"],
      help: "Order of prompts with --format hf: prefix first (default) or suffix first."),
    Option.text(
      "base", "NAME|PATH",
      help: "Base of --hardness and of --format hf and tokens (default: the embedded base)."),
    Option.flag(
      "splits",
      help: "Also write F.validation and F.test: held-out files, and what commits after the split inserted."),
    Option.text(
      "older", "DIR", help: "With --splits: train on this older release, test on what PATH adds to it."),
    Option.text(
      "at", "COMMIT",
      help:
        "Carve this commit's files (HEAD~3, a tag, digits); 'split' is the one at 90 % of the history. With --splits, "
        + "FROM..TO tests on the commits up to TO."),
  ]
  private static let looking = [
    Option.integer(
      "preview", "N", in: 1...10_000,
      help: "Show N examples with class, place, modifiers, difficulty and context."),
    Option.flag(
      "stats",
      help:
        "Print tables: files, languages, classes, lengths, modifiers, context, licences, what was left out."),
    Option.text(
      "explain", "FILE", repeats: true,
      help: "Say what became of every part of a file in PATH; once for each file."),
    Option.flag("skipped", help: "List every path that was left out, with the reason."),
  ]
  private static let choosing = [
    Option.text("languages", "a,b", help: "Only these languages (default: all)."),
    Option.text(
      "deny-licence", "ID", repeats: true,
      help: "Leave out files under this SPDX licence; 'AGPL-' stands for a family."),
    Option.text(
      "decontaminate", "PATH", repeats: true, help: "Leave out files that repeat text of this file or folder."
    ),
    Option.text("shard", "I/N", help: "Only the I-th of N parts of the files, by content hash, from 1."),
    Option.integer(
      "limit", "N", in: 1...100_000_000,
      help:
        "At most N training examples, chosen at random; validation shrinks in proportion, the test does not."),
  ]
  private static let sampling = [
    Option.integer("seed", "S", help: "Seed of all choices (default 1)."),
    Option.integer("epoch", "E", help: "Epoch: another one gives other holes in the same files (default 0)."),
    Option.flag(
      "prior", help: "Learn the weights from the repository's own history, print its histogram, and use them."
    ),
    Option.text("save-weights", "F.json", help: "Write the settings with the weights that --prior learnt."),
    Option.text(
      "weights", "F.json", help: "Settings file, or data card, that wins over the repository's own."),
    Option.flag(
      "hardness",
      help:
        "Score every example with the base and prefer those that are neither easy nor noise; slow, cached."),
    Option.flag("no-context", help: "Give no example pieces of other files."),
    Option.flag("no-cache", help: "Neither read nor keep what an earlier run found out."),
    Option.integer("threads", "N", in: 1...256, help: "Threads (default: one per core)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let catalog = LanguageCatalog.standard()
    let request = try CarveRequest(arguments, catalog)
    if catalog.names.isEmpty {
      console.warn("no grammars found; run scripts/grammars, or name their folder in GEMFILL_GRAMMARS")
    }
    let places = OutputPlaces(request, saveWeights: arguments.text("save-weights"))
    try places.check()
    return try await withTaskExecutorPreference(CommandThread()) {
      try await CarveJob(request, arguments, catalog, console).run(places)
    }
  }
}
