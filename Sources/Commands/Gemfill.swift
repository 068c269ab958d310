import Carving
import Foundation

/// The program behind the three executables.
public enum Gemfill {
  /// Version that `--version` and the language server report.
  public static let version = "0.1.0"

  /// All subcommands in the order of the loop; one line each.
  static let commands: [any Command.Type] = [
    CarveCommand.self,
    TrainCommand.self,
    EvalCommand.self,
    LSPCommand.self,
    CompleteCommand.self,
    SearchCommand.self,
    StatsCommand.self,
    ModelCommand.self,
    AdapterCommand.self,
    VerifyCommand.self,
    BenchCommand.self,
    DoctorCommand.self,
  ]

  /// Runs the process's command line, with `prefix` put before it, and exits.
  public static func main(program: String = "gemfill", prefix: [String] = []) async -> Never {
    let words = prefix + CommandLine.arguments.dropFirst()
    let console = Console(
      json: words.prefix { $0 != "--" }.contains("--json"),
      quiet: words.prefix { $0 != "--" }.contains { $0 == "--quiet" || $0 == "-q" })
    let work = Task { await run(words, console, program: program, fixedWords: prefix.count) }
    Interrupt.install { work.cancel() }
    exit(await work.value.rawValue)
  }

  /// Chooses the command, checks its words and runs it. Every error ends as one line on `console`.
  static func run(
    _ words: [String], _ console: Console, program: String = "gemfill", fixedWords: Int = 0,
    commands: [any Command.Type] = Gemfill.commands
  ) async -> ExitCode {
    do {
      if fixedWords == 0, let first = words.first, ["--version", "-V"].contains(first) {
        console.write(bytes: Array("gemfill \(version)\n".utf8))
        return .done
      }
      guard let choice = try choose(words, among: commands, program: program) else {
        console.write(bytes: Array(Help.overview(commands).utf8))
        return .done
      }
      let shownPath = [program] + choice.path.dropFirst(fixedWords)
      let arguments = try Arguments(choice.rest, for: choice.command)
      if arguments.flag("help") {
        console.write(bytes: Array(Help.page(choice.command, path: shownPath).utf8))
        return .done
      }
      let status = try await choice.command.run(arguments, console)
      console.endProgress()
      return status
    } catch let error as UsageError {
      let shown = ([program] + commandPath(words, commands).dropFirst(fixedWords)).joined(separator: " ")
      console.fail("\(error); see '\(shown) --help'", program: program)
      return .usage
    } catch is CancellationError {
      console.endProgress()
      return .interrupted
    } catch {
      console.fail("\(error)", program: program)
      return Interrupt.isRequested ? .interrupted : .failed
    }
  }

  private struct Choice {
    let command: any Command.Type
    let path: [String]
    let rest: [String]
  }

  /// Nil when the overview was asked for.
  private static func choose(
    _ words: [String], among commands: [any Command.Type], program: String
  ) throws(UsageError) -> Choice? {
    var rest = words[...]
    var path: [String] = []
    var level = commands
    while true {
      guard let word = rest.popFirst() else {
        if path.isEmpty { throw UsageError("missing command") }
        throw UsageError("'\(path.joined(separator: " "))' needs one of: \(names(level))")
      }
      guard let command = level.first(where: { $0.name == word }) else {
        let isHelp = ["--help", "-h", "help"].contains(word)
        if path.isEmpty {
          if isHelp { return nil }
          throw UsageError("unknown command '\(word)'" + Spelling.hint(word, among: level.map { $0.name }))
        }
        throw UsageError(
          "'\(path.joined(separator: " "))' has no '\(word)'; it needs one of: \(names(level))")
      }
      path.append(word)
      let asksHelp = rest.first.map { ["--help", "-h"].contains($0) } ?? false
      if command.subcommands.isEmpty || asksHelp {
        return Choice(command: command, path: path, rest: Array(rest))
      }
      level = command.subcommands
    }
  }

  private static func names(_ commands: [any Command.Type]) -> String {
    commands.map { $0.name }.joined(separator: ", ")
  }

  /// The words at the start that name commands.
  private static func commandPath(_ words: [String], _ commands: [any Command.Type]) -> [String] {
    var path: [String] = []
    var level = commands
    for word in words {
      guard let command = level.first(where: { $0.name == word }) else { break }
      path.append(word)
      level = command.subcommands
    }
    return path
  }
}
