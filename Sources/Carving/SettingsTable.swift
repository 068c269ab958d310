/// Numbers in named tables: the form in which settings are read and written, strict about names.
indirect enum SettingsTable: Equatable, Codable {
  case number(Double)
  case table([String: SettingsTable])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .table(try value.decode([String: SettingsTable].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .number(let number):
      if let whole = Int(exactly: number) { try value.encode(whole) } else { try value.encode(number) }
    case .table(let members): try value.encode(members)
    }
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
        reason: "must be an object of named numbers")
    }
    self.members = members
    self.place = place
  }

  /// - Throws: for a name that is none of `names`.
  func allow(_ names: [String]) throws(CarvingError) {
    guard let unknown = members.keys.sorted().first(where: { !names.contains($0) }) else { return }
    throw .settings(
      path: "", key: place + unknown,
      reason: "no such setting; known here: \(names.sorted().joined(separator: ", "))")
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
        reason: "must be a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))")
    }
    value = number
  }

  func read(_ name: String, into value: inout Int, in range: ClosedRange<Int>) throws(CarvingError) {
    var number = Double(value)
    try read(name, into: &number, in: Double(range.lowerBound)...Double(range.upperBound))
    guard let whole = Int(exactly: number) else {
      throw .settings(path: "", key: place + name, reason: "must be a whole number")
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

  private static func text(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? String(number)
  }
}
