/// Numbers in named tables: the form in which settings are read and written, strict about names.
indirect enum SettingsTable: Equatable, Codable {
  case number(Double)
  case table([String: SettingsTable])
  /// What no setting may be, as a message shows it.
  case other(String)

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let members = try? value.decode([String: SettingsTable].self) {
      self = .table(members)
    } else if let text = try? value.decode(String.self) {
      self = .other("'\(text.prefix(40))'")
    } else if let truth = try? value.decode(Bool.self) {
      self = .other("\(truth)")
    } else {
      self = .other(value.decodeNil() ? "null" : "a list")
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .number(let number):
      if let whole = Int(exactly: number) { try value.encode(whole) } else { try value.encode(number) }
    case .table(let members): try value.encode(members)
    case .other(let text): try value.encode(text)
    }
  }

  /// The value in a message.
  var shown: String {
    switch self {
    case .number(let number): SettingsReader.text(number)
    case .table: "an object"
    case .other(let text): text
    }
  }

  /// The names of everything below, from the outermost table on, such as `caps.nodeBytes`.
  var paths: [String] {
    guard case .table(let members) = self else { return [] }
    return members.flatMap { name, member in [name] + member.paths.map { name + "." + $0 } }.sorted()
  }
}

/// Reads one table: every name must be known and every number in its range. What is missing keeps its value.
struct SettingsReader {
  /// Where the table stands, such as `lengths.N.`; empty for the outermost.
  let place: String
  private let members: [String: SettingsTable]

  init(_ table: SettingsTable, place: String = "") throws(CarvingError) {
    guard case .table(let members) = table else {
      throw .settings(
        path: "", key: place.isEmpty ? "{}" : String(place.dropLast()),
        reason: "is \(table.shown); must be a JSON object of named numbers")
    }
    self.members = members
    self.place = place
  }

  /// - Throws: for a name that is none of `names`.
  func allow(_ names: [String]) throws(CarvingError) {
    guard let unknown = members.keys.sorted().first(where: { !names.contains($0) }) else { return }
    // A name that is known elsewhere stands in the wrong table.
    let elsewhere = CarvingSettings.paths.first { $0.hasSuffix("." + unknown) || $0 == unknown }
    let near = Spelling.nearest(unknown, among: names).map { place + $0 } ?? elsewhere
    throw .settings(
      path: "", key: place + unknown,
      reason: "no such setting; \(near.map { "did you mean \($0)? " } ?? "")known here: "
        + names.sorted().joined(separator: ", "))
  }

  /// The table under a name.
  func table(_ name: String) throws(CarvingError) -> SettingsReader? {
    guard let found = members[name] else { return nil }
    return try SettingsReader(found, place: place + name + ".")
  }

  func read(_ name: String, into value: inout Double, in range: ClosedRange<Double>) throws(CarvingError) {
    guard let found = members[name] else { return }
    guard case .number(let number) = found, range.contains(number) else {
      throw .settings(
        path: "", key: place + name,
        reason:
          "is \(found.shown); must be a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))"
      )
    }
    value = number
  }

  func read(_ name: String, into value: inout Int, in range: ClosedRange<Int>) throws(CarvingError) {
    var number = Double(value)
    try read(name, into: &number, in: Double(range.lowerBound)...Double(range.upperBound))
    guard let whole = Int(exactly: number) else {
      throw .settings(
        path: "", key: place + name, reason: "is \(Self.text(number)); must be a whole number")
    }
    value = whole
  }

  /// Shares by name: none below zero, and one at least above it.
  func shares(_ names: [String], into values: inout [Double]) throws(CarvingError) {
    try allow(names)
    for (index, name) in names.enumerated() { try read(name, into: &values[index], in: 0...1e9) }
    guard values.contains(where: { $0 > 0 }) else {
      throw .settings(
        path: "", key: String(place.dropLast()), reason: "all shares are zero; raise one of them above it")
    }
  }

  static func text(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? String(number)
  }
}
