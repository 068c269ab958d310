/// Help pages derived from declarations.
enum Help {
  /// The list of commands.
  static func overview(_ commands: [any Command.Type]) -> String {
    """
    Gemfill: private code completion that learns your own repository.

    Usage: gemfill COMMAND [OPTIONS]

    Commands:
    \(columns(commands.map { ($0.name, $0.summary) }))

    'gemfill COMMAND --help' explains a command; 'gemfill --version' prints the version.
    Every command takes --json and --quiet. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    """
  }

  /// The page of one command.
  static func page(_ command: any Command.Type, path: [String]) -> String {
    var usage = path
    if command.subcommands.isEmpty {
      usage.append("[OPTIONS]")
      usage += command.positionals.map(\.usage)
      if command.takesTrailing { usage.append("[-- WORDS...]") }
    } else {
      usage.append(command.subcommands.map { $0.name }.joined(separator: "|"))
    }
    var sections = [command.summary, "Usage: " + usage.joined(separator: " ")]
    if !command.discussion.isEmpty { sections.append(command.discussion) }
    if !command.subcommands.isEmpty {
      let rows = command.subcommands.map { sub in
        (([sub.name] + sub.positionals.map(\.usage)).joined(separator: " "), sub.summary)
      }
      sections.append("Commands:\n" + columns(rows))
    }
    if !command.positionals.isEmpty {
      sections.append("Arguments:\n" + columns(command.positionals.map { ($0.usage, $0.help) }))
    }
    sections.append("Options:\n" + columns((command.options + Option.common).map { (spelling($0), $0.help) }))
    return sections.joined(separator: "\n\n") + "\n"
  }

  private static func spelling(_ option: Option) -> String {
    let short = option.short.map { "-\($0), " } ?? ""
    let value = option.placeholder.isEmpty ? "" : " " + option.placeholder
    return short + "--" + option.name + value + (option.repeats ? " [--\(option.name) ...]" : "")
  }

  /// Two columns; a long left cell gets a line of its own.
  private static func columns(_ rows: [(String, String)]) -> String {
    let width = min(28, rows.map(\.0.count).max() ?? 0)
    return rows.map { left, right in
      left.count > width
        ? "  \(left)\n" + String(repeating: " ", count: width + 4) + right
        : "  " + left + String(repeating: " ", count: width - left.count + 2) + right
    }.joined(separator: "\n")
  }
}
