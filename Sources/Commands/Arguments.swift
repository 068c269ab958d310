import Carving

/// The checked words of one command line.
public struct Arguments: Sendable {
  private let declared: [String: Option]
  private let declaredPositionals: Set<String>
  private var values: [String: [String]] = [:]
  private var words: [String: [String]] = [:]
  /// Words after `--`.
  public private(set) var trailing: [String] = []

  /// Checks `words` against what `command` declares.
  ///
  /// - Throws: `UsageError` naming the offending word.
  public init(_ words: [String], for command: any Command.Type) throws(UsageError) {
    let options = command.options + Option.common
    declared = Dictionary(options.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    declaredPositionals = Set(command.positionals.map(\.name))
    var plain: [String] = []
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        if command.takesTrailing { trailing = Array(rest) } else { plain += rest }
        break
      }
      if word.hasPrefix("--") {
        try takeLong(String(word.dropFirst(2)), &rest)
      } else if word.hasPrefix("-"), word.count > 1, !Self.looksNegative(word) {
        try takeShort(word.dropFirst(), &rest, options)
      } else {
        plain.append(word)
      }
    }
    if !flag("help") { try place(plain, command.positionals) }
  }

  /// Whether a flag was given.
  public func flag(_ name: String) -> Bool { !texts(name).isEmpty }

  /// The last value of an option, or nil.
  public func text(_ name: String) -> String? { texts(name).last }

  /// All values of a repeating option.
  public func texts(_ name: String) -> [String] {
    precondition(declared[name] != nil, "option --\(name) was not declared")
    return values[name] ?? []
  }

  /// All values of an option, split at commas.
  public func list(_ name: String) -> [String] {
    texts(name).flatMap { $0.split(separator: ",").map(String.init) }
  }

  /// A whole number that was checked against its bounds.
  public func integer(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

  /// A decimal number that was checked against its bounds.
  public func number(_ name: String) -> Double? { text(name).flatMap { Double($0) } }

  /// A time in seconds.
  public func seconds(_ name: String) -> Double? { text(name).flatMap(Self.parseSeconds) }

  /// A positional word; nil when an optional one is absent.
  public func positional(_ name: String) -> String? { positionals(name).first }

  /// A positional word that `place` has checked to be present.
  public func required(_ name: String) -> String { positionals(name).first ?? "" }

  /// All words of a repeating positional.
  public func positionals(_ name: String) -> [String] {
    precondition(declaredPositionals.contains(name), "positional \(name) was not declared")
    return words[name] ?? []
  }

  /// Seconds in `200ms`, `5s`, `20m`, `2h`, `30d`, `1h30m`; a bare number counts seconds. Nil when malformed.
  public static func parseSeconds(_ text: String) -> Double? {
    let units: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400]
    if let bare = decimal(text[...]) { return bare <= longestSeconds ? bare : nil }
    var total = 0.0
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let value = decimal(digits), let scale = units[String(unit)] else { return nil }
      total += value * scale
    }
    return text.isEmpty || !(total <= longestSeconds) ? nil : total
  }

  /// About 30 years: more is a slip of the finger, and far below what a clock can hold.
  private static let longestSeconds = 1e9

  private static func decimal(_ text: Substring) -> Double? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
    return Double(text)
  }

  private static func looksNegative(_ word: String) -> Bool { Double(word) != nil }

  private mutating func takeLong(_ body: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let option = declared[name] else { throw unknown("--" + name) }
    try take(option, as: "--" + name, inline: parts.count == 2 ? String(parts[1]) : nil, &rest)
  }

  private mutating func takeShort(
    _ letters: Substring, _ rest: inout ArraySlice<String>, _ options: [Option]
  ) throws(UsageError) {
    var letters = letters
    while let letter = letters.popFirst() {
      guard let option = options.first(where: { $0.short == letter }) else { throw unknown("-\(letter)") }
      if case .flag = option.value {
        values[option.name, default: []].append("")
      } else {
        let inline = letters.isEmpty ? nil : String(letters.first == "=" ? letters.dropFirst() : letters)
        return try take(option, as: "-\(letter)", inline: inline, &rest)
      }
    }
  }

  private mutating func take(
    _ option: Option, as shown: String, inline: String?, _ rest: inout ArraySlice<String>
  ) throws(UsageError) {
    if case .flag = option.value {
      guard inline == nil else { throw UsageError("\(shown) takes no value") }
      values[option.name, default: []].append("")
      return
    }
    guard let value = inline ?? rest.popFirst(), inline != nil || value != "--" else {
      throw UsageError("\(shown) needs a value: \(shown) \(option.placeholder)")
    }
    try check(value, option.value, shown)
    if !option.repeats, values[option.name] != nil { throw UsageError("\(shown) was given twice") }
    values[option.name, default: []].append(value)
  }

  private func check(_ value: String, _ kind: Option.Value, _ shown: String) throws(UsageError) {
    switch kind {
    case .flag, .text:
      break
    case .integer(let bounds):
      guard let number = Int(value) else { throw UsageError("\(shown): '\(value)' is not a whole number") }
      guard bounds.contains(number) else {
        throw UsageError("\(shown): \(number) is out of range; \(Self.describe(bounds))")
      }
    case .number(let bounds):
      guard let number = Double(value), number.isFinite else {
        throw UsageError("\(shown): '\(value)' is not a number")
      }
      guard bounds.contains(number) else {
        throw UsageError(
          "\(shown): \(value) is out of range; from \(bounds.lowerBound) to \(bounds.upperBound) is allowed")
      }
    case .duration:
      guard Self.parseSeconds(value) != nil else {
        throw UsageError("\(shown): '\(value)' is not a time; write for example 200ms, 5s, 20m, 2h or 30d")
      }
    case .choice(let allowed):
      guard allowed.contains(value) else {
        throw UsageError("\(shown): '\(value)' is not one of \(allowed.joined(separator: ", "))")
      }
    }
  }

  private static func describe(_ bounds: ClosedRange<Int>) -> String {
    bounds.upperBound == Int.max
      ? "at least \(bounds.lowerBound) is allowed"
      : "from \(bounds.lowerBound) to \(bounds.upperBound) is allowed"
  }

  private func unknown(_ shown: String) -> UsageError {
    let names = declared.keys.map { "--" + $0 }
    return UsageError("unknown option '\(shown)'" + Spelling.hint(shown, among: names))
  }

  private mutating func place(_ plain: [String], _ positionals: [Positional]) throws(UsageError) {
    var rest = plain[...]
    for (index, positional) in positionals.enumerated() {
      if positional.repeats {
        let reserved = positionals[(index + 1)...].filter { !$0.isOptional }.count
        let count = max(0, rest.count - reserved)
        words[positional.name] = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
      } else if let word = rest.popFirst() {
        words[positional.name] = [word]
      }
      if !positional.isOptional, words[positional.name, default: []].isEmpty {
        throw UsageError("missing \(positional.name): \(positional.help)")
      }
    }
    if let extra = rest.first { throw UsageError("unexpected word '\(extra)'") }
  }
}
