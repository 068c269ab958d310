import Testing

@testable import Commands

private struct SampleCommand: Command {
  static let name = "sample"
  static let summary = "A command for tests."
  static let positionals = [
    Positional("QUERY", help: "What to look for."),
    Positional("PATH", optional: true, repeats: true, help: "Where."),
  ]
  static let options = [
    Option.integer("limit", "N", in: 1...100, short: "n", help: "At most N."),
    Option.number("share", "X", in: 0...1, help: "A share."),
    Option.duration("budget", "TIME", help: "At most this long."),
    Option.text("adapter", "NAME", repeats: true, help: "Use it."),
    Option.text("out", "F", help: "Write here."),
    Option.choice("by", ["day", "kind"], help: "Group."),
    Option.flag("stats", short: "s", help: "Count."),
  ]
  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode { .done }
}

private struct WrapCommand: Command {
  static let name = "wrap"
  static let summary = "Takes trailing words."
  static let takesTrailing = true
  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode { .done }
}

struct ArgumentsTests {
  private func parse(_ words: String...) throws -> Arguments { try Arguments(words, for: SampleCommand.self) }

  @Test func valuesMayFollowOrBeJoined() throws {
    for words in [["-n", "7"], ["-n7"], ["-n=7"], ["--limit", "7"], ["--limit=7"], ["-sn7"]] {
      #expect(try Arguments(["q"] + words, for: SampleCommand.self).integer("limit") == 7)
    }
  }

  @Test func optionsAndWordsMixInAnyOrder() throws {
    let arguments = try parse("--stats", "query", "--by", "day", "a", "--adapter=x,y", "b", "--adapter", "z")
    #expect(arguments.required("QUERY") == "query")
    #expect(arguments.positionals("PATH") == ["a", "b"])
    #expect(arguments.list("adapter") == ["x", "y", "z"])
    #expect(arguments.text("by") == "day")
    #expect(arguments.flag("stats") && !arguments.flag("json"))
  }

  @Test func wordsAfterTwoDashesAreNeverOptions() throws {
    #expect(try parse("--", "--limit", "-n").positionals("PATH") == ["-n"])
    let wrap = try Arguments(["--json", "--", "server", "--stdio"], for: WrapCommand.self)
    #expect(wrap.trailing == ["server", "--stdio"] && wrap.flag("json"))
  }

  @Test func negativeNumbersAndSingleDashAreWords() throws {
    #expect(try parse("-5", "-").positionals("PATH") == ["-"])
  }

  @Test func helpNeedsNoPositionals() throws {
    #expect(try parse("--help").flag("help"))
  }

  struct Wrong: CustomTestStringConvertible {
    let words: [String]
    let expected: String
    var testDescription: String { words.joined(separator: " ") }
  }

  @Test(arguments: [
    Wrong(words: [], expected: "missing QUERY"),
    Wrong(words: ["q", "--limt", "3"], expected: "unknown option '--limt'; did you mean '--limit'?"),
    Wrong(words: ["q", "--zzzzzz"], expected: "unknown option '--zzzzzz'"),
    Wrong(words: ["q", "-x"], expected: "unknown option '-x'"),
    Wrong(words: ["q", "--limit"], expected: "--limit needs a value: --limit N"),
    Wrong(words: ["q", "--limit", "0"], expected: "from 1 to 100"),
    Wrong(words: ["q", "--limit", "99999999999999999999"], expected: "not a whole number"),
    Wrong(words: ["q", "--share", "nan"], expected: "not a number"),
    Wrong(words: ["q", "--share", "1.5"], expected: "out of range"),
    Wrong(words: ["q", "--budget", "5 minutes"], expected: "not a time"),
    Wrong(words: ["q", "--by", "week"], expected: "not one of day, kind"),
    Wrong(words: ["q", "--stats=yes"], expected: "--stats takes no value"),
    Wrong(words: ["q", "--out", "a", "--out", "b"], expected: "given twice"),
  ])
  func wrongUsageNamesTheWord(_ wrong: Wrong) throws {
    let error = #expect(throws: UsageError.self) { try Arguments(wrong.words, for: SampleCommand.self) }
    #expect(error?.description.contains(wrong.expected) == true, "\(error?.description ?? "")")
  }

  @Test func unexpectedWordIsRefusedWhereNothingRepeats() {
    let error = #expect(throws: UsageError.self) { try Arguments(["extra"], for: WrapCommand.self) }
    #expect(error?.description == "unexpected word 'extra'")
  }

  @Test func timesHaveUnits() {
    #expect(Arguments.parseSeconds("200ms") == 0.2)
    #expect(Arguments.parseSeconds("5s") == 5)
    #expect(Arguments.parseSeconds("1h30m") == 5_400)
    #expect(Arguments.parseSeconds("30d") == 2_592_000)
    #expect(Arguments.parseSeconds("2.5") == 2.5)
    for text in ["", "s", "5x", "-5s", "5s5", "1..2s", "٣s", "inf", "1e400s"] {
      #expect(Arguments.parseSeconds(text) == nil, "\(text)")
    }
  }
}
