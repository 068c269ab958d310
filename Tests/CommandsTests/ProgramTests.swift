import Synchronization
import Testing
import Weights

@testable import Commands

/// Collects what a command writes.
final class Recorder: Sendable {
  private let streams = Mutex((output: [UInt8](), error: [UInt8]()))

  var output: String { streams.withLock { String(decoding: $0.output, as: UTF8.self) } }
  var error: String { streams.withLock { String(decoding: $0.error, as: UTF8.self) } }

  func console(
    json: Bool = false, quiet: Bool = false, terminal: Bool = false,
    now: @escaping @Sendable () -> Double = { 0 }
  ) -> Console {
    Console(
      json: json, quiet: quiet, outputIsTerminal: terminal, errorIsTerminal: terminal, usesColour: true,
      output: { bytes in self.streams.withLock { $0.output += bytes } },
      error: { bytes in self.streams.withLock { $0.error += bytes } }, now: now)
  }
}

private struct FineCommand: Command {
  static let name = "fine"
  static let summary = "Works."
  static let positionals = [Positional("PATH", optional: true, help: "A path.")]
  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    console.print("text")
    console.note("a note")
    console.emit(json: .string("data"))
    return .done
  }
}

private struct BrokenCommand: Command {
  static let name = "broken"
  static let summary = "Fails."
  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    console.progress("half way")
    throw Failure("it broke\nin two lines")
  }
}

private struct StoppedCommand: Command {
  static let name = "stopped"
  static let summary = "Is cancelled."
  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    throw CancellationError()
  }
}

private struct GroupCommand: Command {
  static let name = "group"
  static let summary = "Has subcommands."
  static let subcommands: [any Command.Type] = [FineCommand.self, BrokenCommand.self]
}

struct ProgramTests {
  private func run(_ words: [String], _ recorder: Recorder, json: Bool = false, quiet: Bool = false) async
    -> ExitCode
  {
    await Gemfill.run(
      words, recorder.console(json: json, quiet: quiet),
      commands: [FineCommand.self, BrokenCommand.self, StoppedCommand.self, GroupCommand.self])
  }

  @Test func dataGoesToOutputAndTalkToError() async {
    let recorder = Recorder()
    #expect(await run(["fine"], recorder) == .done)
    #expect(recorder.output == "text\n")
    #expect(recorder.error == "a note\n")
  }

  @Test func jsonModePutsOneValueOnOutput() async {
    let recorder = Recorder()
    #expect(await run(["fine", "--json", "--quiet"], recorder, json: true, quiet: true) == .done)
    #expect(recorder.output == "\"data\"\n")
    #expect(recorder.error.isEmpty)
  }

  @Test func anErrorIsOneLineAndExitsWithOne() async {
    let recorder = Recorder()
    #expect(await run(["broken"], recorder) == .failed)
    #expect(recorder.output.isEmpty)
    #expect(recorder.error == "half way\ngemfill: it broke in two lines\n")
  }

  @Test func cancellationExitsWith130() async {
    #expect(await run(["stopped"], Recorder()) == .interrupted)
    #expect(ExitCode.interrupted.rawValue == 130)
  }

  struct Wrong: CustomTestStringConvertible {
    let words: [String]
    let expected: String
    var testDescription: String { words.joined(separator: " ") }
  }

  @Test(arguments: [
    Wrong(words: [], expected: "gemfill: missing command; see 'gemfill --help'\n"),
    Wrong(
      words: ["fien"],
      expected: "gemfill: unknown command 'fien'; did you mean 'fine'?; see 'gemfill --help'\n"),
    Wrong(
      words: ["group"], expected: "gemfill: 'group' needs one of: fine, broken; see 'gemfill group --help'\n"),
    Wrong(
      words: ["group", "x"],
      expected: "gemfill: 'group' has no 'x'; it needs one of: fine, broken; see 'gemfill group --help'\n"),
    Wrong(
      words: ["group", "fine", "--no"],
      expected: "gemfill: unknown option '--no'; see 'gemfill group fine --help'\n"),
  ])
  func wrongUsageIsOneLineAndExitsWithTwo(_ wrong: Wrong) async {
    let recorder = Recorder()
    #expect(await run(wrong.words, recorder) == .usage)
    #expect(recorder.output.isEmpty)
    #expect(recorder.error == wrong.expected)
  }

  @Test func helpIsDerivedFromDeclarations() async {
    let recorder = Recorder()
    #expect(await run(["group", "fine", "--help"], recorder) == .done)
    #expect(recorder.output.contains("Usage: gemfill group fine [OPTIONS] [PATH]"))
    #expect(recorder.output.contains("--json"))
    let overview = Recorder()
    #expect(await run(["--help"], overview) == .done)
    #expect(overview.output.contains("  broken   Fails."))
    let group = Recorder()
    #expect(await run(["group", "--help"], group) == .done)
    #expect(group.output.contains("Usage: gemfill group fine|broken"))
  }

  @Test func realCommandsHaveDistinctNamesAndSummaries() {
    let names = Gemfill.commands.map { $0.name }
    #expect(Set(names).count == names.count)
    #expect(Gemfill.commands.allSatisfy { $0.summary.hasSuffix(".") })
  }
}

struct ConsoleTests {
  @Test func terminalRewritesItsProgressLineAndDataClearsIt() {
    let recorder = Recorder()
    let console = recorder.console(terminal: true)
    console.progress("one")
    console.progress("two")
    console.print("data")
    #expect(recorder.error == "\r\u{1B}[Kone\r\u{1B}[Ktwo\r\u{1B}[K")
    #expect(recorder.output == "data\n")
  }

  @Test func pipeGetsProgressAtMostEveryFiveSeconds() {
    let recorder = Recorder()
    let clock = Mutex(0.0)
    let console = recorder.console(now: { clock.withLock { $0 } })
    for second in 0...10 {
      clock.withLock { $0 = Double(second) }
      console.progress("at \(second)")
    }
    #expect(recorder.error == "at 0\nat 5\nat 10\n")
  }

  @Test func quietSilencesNotesButNotWarnings() {
    let recorder = Recorder()
    let console = recorder.console(quiet: true)
    console.note("note")
    console.progress("progress")
    console.warn("careful")
    #expect(recorder.error == "warning: careful\n")
  }

  @Test func coloursAppearOnTerminalsOnly() {
    #expect(Recorder().console(terminal: true).styled("x", .bold) == "\u{1B}[1mx\u{1B}[0m")
    #expect(Recorder().console().styled("x", .bold) == "x")
  }

  @Test func tablesAlignColumns() {
    let lines = Console.layOut(
      [["name", "count"], ["é", "7"], ["longer", "1234567"], ["short"]], alignment: [.left, .right])
    #expect(lines == ["name      count", "é             7", "longer  1234567", "short"])
  }

  @Test func barsStayWithinTheirWidth() {
    #expect(Console.bar(0.5, width: 4) == "[##..]")
    #expect(Console.bar(7, width: 4) == "[####]")
    #expect(Console.bar(.nan, width: 4) == "[....]")
  }
}
