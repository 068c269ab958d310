import Foundation

/// What a command line says about how PyTorch does the work.
struct TorchOptions: Sendable {
  /// Whether PyTorch is to train, here or from an exported folder.
  let isAsked: Bool
  /// Processes on each machine; nil for one per GPU, or one.
  var processes: Int?
  /// Machines.
  var nodes = 1
  /// Address and port at which several machines meet.
  var meeting: String?
  /// The other keys of a recipe's `engine`.
  var sharding = "ddp"
  var baseType = "auto"
  var packing = false
  var compile = false

  /// Declarations for `gemfill train`.
  static let all = [
    Option.choice(
      "engine", ["native", "torch"], help: "Who trains: Gemfill, or PyTorch with PEFT (default native)."),
    Option.integer(
      "nproc", "N", in: 1...1_024,
      help: "torch: processes on this machine (default: one for each GPU, or one)."),
    Option.integer("nnodes", "M", in: 1...4_096, help: "torch: machines; this one is the first (default 1)."),
    Option.text(
      "master", "HOST:PORT", help: "torch: where several machines meet (default: this host, port 29500)."),
    Option.choice(
      "sharding", ["ddp", "fsdp"], help: "torch: the base whole in every process, or spread (default ddp)."),
    Option.choice(
      "base-type", ["auto", "f32", "bf16", "nf4"],
      help: "torch: form of the base (default: bf16 on CUDA, else f32; nf4 needs CUDA and bitsandbytes)."),
    Option.flag("packing", help: "torch: one packed row per pass instead of padded rows of like length."),
    Option.flag("compile", help: "torch: compile the model first."),
    Option.text(
      "export-bundle", "DIR", help: "Write a folder that trains on another machine with PyTorch, and stop."),
  ]

  init(_ arguments: Arguments) throws(UsageError) {
    isAsked = arguments.text("engine") == "torch" || arguments.flag("export-bundle")
    for option in Self.all where !["engine", "export-bundle"].contains(option.name) {
      if arguments.flag(option.name), !isAsked { throw UsageError("--\(option.name) needs --engine torch") }
    }
    if isAsked { try Self.refuseNativeOnly(arguments) }
    processes = arguments.integer("nproc")
    nodes = arguments.integer("nnodes") ?? 1
    meeting = arguments.text("master")
    if let meeting {
      guard nodes > 1 else { throw UsageError("--master needs --nnodes") }
      let port = meeting.split(separator: ":", omittingEmptySubsequences: false).last.flatMap { UInt16($0) }
      guard meeting.contains(":"), let port, port > 0 else {
        throw UsageError("--master '\(meeting)' is not HOST:PORT")
      }
    }
    sharding = arguments.text("sharding") ?? sharding
    baseType = arguments.text("base-type") ?? baseType
    packing = arguments.flag("packing")
    compile = arguments.flag("compile")
  }

  /// What the native engine alone can do.
  private static func refuseNativeOnly(_ arguments: Arguments) throws(UsageError) {
    let options = [
      "dry-run", "token-rows", "patience", "choose-scale", "preferences", "from-log", "reward-command",
      "teacher",
      "continue",
    ]
    for option in options where arguments.flag(option) {
      throw UsageError("--\(option) is of the native engine; leave --engine torch and --export-bundle away")
    }
    if let objective = arguments.text("objective"), objective != "sft" {
      throw UsageError("--objective \(objective) is of the native engine; PyTorch trains with sft here")
    }
  }
}
