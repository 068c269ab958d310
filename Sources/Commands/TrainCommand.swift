import Training

/// `gemfill train`, also `fim-train`: a LoRA adapter from repositories.
struct TrainCommand: Command {
  static let name = "train"
  static let summary = "Train a LoRA adapter on the code of repositories."
  static let discussion = """
    Carves fill-in-the-middle examples out of PATH (anew in every epoch), trains LoRA factors on the linear layers over
    the frozen quantised base, and registers the adapter. 5 % of the files, chosen by a hash of their paths, are never
    trained on and give the held-out loss. A checkpoint is written every minute and at Ctrl-C; --resume continues it. The
    adapter's folder also gets metrics.jsonl, an event file for TensorBoard and the curve loss.svg.
    With --objective kto, apo-zero or dpo it learns from verdicts on answers, with the bare base as reference; with grpo from
    rewards of its own answers, with distill from a larger model too. docs/objectives.md says more.
    """
  static let positionals = [
    Positional("PATH", optional: true, repeats: true, help: "Repository or folder (or --dataset).")
  ]
  static let options =
    ownOptions + TrainingOptions.all + ObjectiveOptions.all + TorchOptions.all
  private static let ownOptions = [
    Option.text("base", "NAME|PATH", help: "Base model (default: the embedded base)."),
    Option.text("name", "ADAPTER", help: "Name of the adapter (default: the folder's name)."),
    Option.duration("budget", "TIME", help: "Wall-clock time such as 4m (default 4m)."),
    Option.integer("steps", "N", in: 1...10_000_000, help: "Optimiser steps instead of a time."),
    Option.number("epochs", "X", in: 0.01...1_000, help: "Passes over the examples instead of a time."),
    Option.text(
      "dataset", "F",
      help: "Train on examples carved earlier instead of PATH: JSON lines, or an index of token shards."),
    Option.text(
      "at", "COMMIT", help: "Train on this commit's files; 'split' is the commit at 90 % of the history."),
    Option.text("weights", "F.json", help: "Settings of carving that win over the repository's own."),
    Option.flag("prior", help: "Carve with the weights of the repository's own history."),
    Option.flag("no-context", help: "Give no example pieces of other files."),
    Option.integer("rank", "R", in: 1...256, help: "LoRA rank (default 16)."),
    Option.number("learning-rate", "X", in: 1e-7...1, help: "Peak learning rate (default 0.005)."),
    Option.number(
      "context-weight", "W", in: 0...1, help: "Loss weight of text around the hole (default 0.2)."),
    Option.number("end-weight", "W", in: 0...100, help: "Loss weight of the end token (default 3)."),
    Option.integer(
      "batch-tokens", "N", in: 256...1_048_576, help: "Tokens per optimiser step (default 4096)."),
    Option.integer("seed", "S", in: 0...Int.max, help: "Seed of carving and training (default 1)."),
    Option.duration("checkpoint", "TIME", help: "Time between two checkpoints (default 1m)."),
    Option.duration(
      "measure", "TIME", help: "Least time between two measurements of the held-out loss (default 1m)."),
    Option.flag("resume", help: "Continue the interrupted run of this name."),
    Option.flag("dry-run", help: "Carve, measure three steps, print time, memory and cost, and stop."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    guard
      [arguments.text("budget"), arguments.text("steps"), arguments.text("epochs")].compactMap({ $0 }).count
        < 2
    else { throw UsageError("--budget, --steps and --epochs exclude each other") }
    let torch = try TorchOptions(arguments)
    if torch.isAsked { return try TorchJob(arguments, torch, console).run(resume: arguments.flag("resume")) }
    if arguments.flag("resume"), try TrainingJob.isFinished(arguments, console) { return .done }
    var job = try TrainingJob(arguments, console)
    if arguments.flag("dry-run") { return try job.dryRun() }
    return try job.run(resume: arguments.flag("resume"))
  }
}
