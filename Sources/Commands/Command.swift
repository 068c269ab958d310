import Weights

/// One subcommand of `gemfill`.
///
/// To write a command, add one file `Sources/Commands/<Name>Command.swift` and one line to `Gemfill.commands`
/// in `Gemfill.swift`. Everything that the user may type is declared as data; help, usage errors and value checks
/// are derived from it:
///
///     struct CarveCommand: Command {
///       static let name = "carve"
///       static let summary = "Carve fill-in-the-middle examples out of repositories."
///       static let positionals = [Positional("PATH", repeats: true, help: "Repository or folder.")]
///       static let options = [
///         Option.text("out", "F.jsonl", help: "Write the examples here."),
///         Option.integer("limit", "N", in: 1...1_000_000, help: "Stop after N examples."),
///         Option.flag("stats", help: "Print counts per class and language."),
///       ]
///       static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
///         let limit = arguments.integer("limit")                    // checked and in range, or nil
///         for path in arguments.positionals("PATH") {
///           if Interrupt.isRequested { return .interrupted }        // Ctrl-C: save work, then leave
///           console.progress("carving \(path)")                     // stderr; silent with --quiet
///         }
///         console.print("text for people")                          // stdout; silent with --json
///         console.emit(json: ["examples": 3])                      // stdout; silent without --json
///         return .done
///       }
///     }
///
/// Contract: stdout is data, stderr is talk. With `--json` exactly one object goes to stdout. Throw `UsageError`
/// for wrong usage (exit 2, one line); any other error ends in one line on stderr and exit 1, so errors must
/// describe what, where and what to do. `--help`, `--json` and `--quiet` exist for every command.
/// A command with `subcommands` never runs itself; its first word chooses one of them.
/// Asking `Arguments` for a name that was not declared is a programming error and stops the program.
public protocol Command: Sendable {
  /// The word that the user types.
  static var name: String { get }
  /// One sentence for the list of commands.
  static var summary: String { get }
  /// Further paragraphs for `--help`; may be empty.
  static var discussion: String { get }
  /// Words without dashes, in order.
  static var positionals: [Positional] { get }
  /// Options beyond `--help`, `--json` and `--quiet`.
  static var options: [Option] { get }
  /// Commands chosen by the first word.
  static var subcommands: [any Command.Type] { get }
  /// Whether words after `--` are allowed, as in `gemfill lsp wrap -- SERVER ARGS`.
  static var takesTrailing: Bool { get }
  /// Does the work. Runs in a task that Ctrl-C cancels.
  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode
}

extension Command {
  /// Nothing more to say.
  public static var discussion: String { "" }
  /// No words.
  public static var positionals: [Positional] { [] }
  /// No options of its own.
  public static var options: [Option] { [] }
  /// No subcommands.
  public static var subcommands: [any Command.Type] { [] }
  /// Refuses words after `--` as options; they count as positionals.
  public static var takesTrailing: Bool { false }
  /// Refuses to run: a command with subcommands never runs itself.
  public static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    throw UsageError("'\(name)' needs one of: \(subcommands.map { $0.name }.joined(separator: ", "))")
  }
}

/// How a command ended, as the process's exit code.
public enum ExitCode: Int32, Sendable {
  /// Everything asked for was done.
  case done = 0
  /// It failed, or the answer is negative; one line on stderr says why.
  case failed = 1
  /// The command line was wrong.
  case usage = 2
  /// Stopped by a signal with work saved.
  case interrupted = 130
}

/// Wrong usage: the message is one line without the program's name.
public struct UsageError: Error, CustomStringConvertible {
  /// What is wrong and what to type instead.
  public let description: String

  /// Creates an error from its line.
  public init(_ description: String) { self.description = description }
}

/// A negative result or a failure that has no better type: the message is one line.
public struct Failure: Error, CustomStringConvertible {
  /// What failed, where, and what to do.
  public let description: String

  /// Creates an error from its line.
  public init(_ description: String) { self.description = description }
}

/// A word without dashes.
public struct Positional: Sendable {
  /// Name in capitals, as shown in usage.
  public let name: String
  /// Whether the command works without it.
  public let isOptional: Bool
  /// Whether several may follow; only the last positional may repeat.
  public let repeats: Bool
  /// One sentence.
  public let help: String

  /// Declares a positional word.
  public init(_ name: String, optional: Bool = false, repeats: Bool = false, help: String) {
    self.name = name
    self.isOptional = optional
    self.repeats = repeats
    self.help = help
  }

  var usage: String {
    let core = name + (repeats ? "..." : "")
    return isOptional ? "[\(core)]" : core
  }
}

/// An option declared as data.
public struct Option: Sendable {
  /// What follows the name.
  public enum Value: Sendable {
    /// Nothing.
    case flag
    /// Any text.
    case text
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    /// A decimal number within bounds.
    case number(ClosedRange<Double>)
    /// A time such as `200ms`, `5s`, `20m`, `2h`, `30d`.
    case duration
    /// One of a few words.
    case choice([String])
  }

  /// Long name without dashes.
  public let name: String
  /// One-letter name.
  public let short: Character?
  /// What follows.
  public let value: Value
  /// How the value is called in help.
  public let placeholder: String
  /// Whether the option may be given several times.
  public let repeats: Bool
  /// One sentence; names the default where there is one.
  public let help: String

  /// An option without a value.
  public static func flag(_ name: String, short: Character? = nil, help: String) -> Option {
    Option(name: name, short: short, value: .flag, placeholder: "", repeats: false, help: help)
  }

  /// An option with any text.
  public static func text(
    _ name: String, _ placeholder: String, short: Character? = nil, repeats: Bool = false, help: String
  ) -> Option {
    Option(name: name, short: short, value: .text, placeholder: placeholder, repeats: repeats, help: help)
  }

  /// An option with a whole number.
  public static func integer(
    _ name: String, _ placeholder: String, in bounds: ClosedRange<Int> = 0...Int.max, short: Character? = nil,
    help: String
  ) -> Option {
    Option(
      name: name, short: short, value: .integer(bounds), placeholder: placeholder, repeats: false, help: help)
  }

  /// An option with a decimal number.
  public static func number(
    _ name: String, _ placeholder: String, in bounds: ClosedRange<Double>, help: String
  ) -> Option {
    Option(
      name: name, short: nil, value: .number(bounds), placeholder: placeholder, repeats: false, help: help)
  }

  /// An option with a time.
  public static func duration(_ name: String, _ placeholder: String, help: String) -> Option {
    Option(name: name, short: nil, value: .duration, placeholder: placeholder, repeats: false, help: help)
  }

  /// An option with one of a few words.
  public static func choice(_ name: String, _ words: [String], help: String) -> Option {
    Option(
      name: name, short: nil, value: .choice(words), placeholder: words.joined(separator: "|"),
      repeats: false,
      help: help)
  }

  /// Options that every command has.
  public static let common: [Option] = [
    .flag("json", help: "Print one JSON object on stdout; everything else goes to stderr."),
    .flag("quiet", short: "q", help: "Print no progress and no notes."),
    .flag("help", short: "h", help: "Print this help."),
  ]
}
