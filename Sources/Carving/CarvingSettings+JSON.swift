import Foundation
import Weights

extension CarvingSettings: Codable {
  /// Reads settings; what is missing keeps its measured default.
  ///
  /// - Throws: `CarvingError.settings` for unknown names and for numbers that make no sense.
  public init(from decoder: any Decoder) throws {
    try self.init(SettingsTable(from: decoder))
  }

  /// Writes all settings.
  public func encode(to encoder: any Encoder) throws {
    try table.encode(to: encoder)
  }

  /// Reads a settings file.
  ///
  /// - Throws: `CarvingError.settings` with path and key, `.unreadable` when there is no such file.
  public static func read(_ path: String) throws(CarvingError) -> CarvingSettings {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    do {
      return try JSONDecoder().decode(CarvingSettings.self, from: data)
    } catch CarvingError.settings(_, let key, let reason) {
      throw .settings(path: path, key: key, reason: reason)
    } catch {
      throw .settings(path: path, key: "{}", reason: "is not a JSON object of named numbers")
    }
  }

  /// Writes a settings file with every number in it; the file appears whole or not at all.
  public func write(to path: String) throws(CarvingError) {
    do {
      try AtomicFile.write(json, to: path)
    } catch {
      throw .unwritable(path: path, reason: "\(error)")
    }
  }

  /// SHA-256 of the settings, in hexadecimal: equal settings have equal hashes, however their file was written.
  public var hash: String { SHA256.hash(json) }

  /// The settings file.
  var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Numbers and names always have a text.
    return ((try? encoder.encode(table)).map(Array.init) ?? []) + [0x0A]
  }
}

// MARK: - Names

extension CarvingSettings {
  private static let lineNames = ["1", "2-5", "6-15", "16-30"]
  private static let inLineNames = ["1-7", "8-15", "16-31", "32-63", "64+"]

  /// The names of all settings, such as `caps.nodeBytes`.
  static let paths = measured.table.paths

  private var table: SettingsTable {
    func named(_ names: [String], _ values: [Double]) -> SettingsTable {
      .table(Dictionary(uniqueKeysWithValues: zip(names, values.map { SettingsTable.number($0) })))
    }
    let lengths = self.lengths.map { kind, lengths in
      (
        kind.rawValue,
        SettingsTable.table([
          "lines": named(Self.lineNames, lengths.lines),
          "inLineBytes": named(Self.inLineNames, lengths.inLine),
        ])
      )
    }
    return .table([
      "classes": named(classes.keys.map(\.rawValue), Array(classes.values)),
      "plainShare": .number(plainShare), "lengths": .table(Dictionary(uniqueKeysWithValues: lengths)),
      "units": named(units.keys.map(\.rawValue), Array(units.values)),
      "triggers": named(triggers.keys.map(\.rawValue), Array(triggers.values)),
      "modifiers": named(
        ["midToken", "closerInside", "danglingSuffix", "indentOnly"],
        [modifiers.midToken, modifiers.closerInside, modifiers.danglingSuffix, modifiers.indentOnly]),
      "caps": named(
        [
          "smallestNode", "nodeBytes", "blockBytes", "blockLines", "spanBytes", "commentShare", "stringShare",
          "afterComment",
        ],
        [
          Double(caps.smallestNode), Double(caps.nodeBytes), Double(caps.blockBytes), Double(caps.blockLines),
          Double(caps.spanBytes), caps.commentShare, caps.stringShare, caps.afterComment,
        ]),
      "windowBytes": .number(Double(windowBytes)), "bytesPerExample": .number(Double(bytesPerExample)),
      "examplesPerFile": .number(Double(examplesPerFile)),
      "recencyHalfLifeDays": .number(recencyHalfLifeDays), "testShare": .number(testShare),
      "testsMayFill": .number(testsMayFill),
    ])
  }

  /// - Throws: `CarvingError.settings` with an empty path.
  init(_ table: SettingsTable) throws(CarvingError) {
    self.init()
    let reader = try SettingsReader(table)
    try reader.allow([
      "classes", "plainShare", "lengths", "units", "triggers", "modifiers", "caps", "windowBytes",
      "bytesPerExample", "examplesPerFile", "recencyHalfLifeDays", "testShare", "testsMayFill",
    ])
    try Self.shares(&classes, of: Self.classes, in: reader.table("classes"))
    try Self.shares(&units, of: Unit.allCases, in: reader.table("units"))
    try Self.shares(&triggers, of: Trigger.allCases, in: reader.table("triggers"))
    try readLengths(reader.table("lengths"))
    try readModifiers(reader.table("modifiers"))
    try readCaps(reader.table("caps"))
    try reader.read("plainShare", into: &plainShare, in: 0...1)
    try reader.read("windowBytes", into: &windowBytes, in: 200...1_000_000)
    try reader.read("bytesPerExample", into: &bytesPerExample, in: 1...1_000_000)
    try reader.read("examplesPerFile", into: &examplesPerFile, in: 1...100_000)
    try reader.read("recencyHalfLifeDays", into: &recencyHalfLifeDays, in: 1...1_000_000)
    try reader.read("testShare", into: &testShare, in: 0...1)
    try reader.read("testsMayFill", into: &testsMayFill, in: 0...1)
  }

  private static func shares<Name: Hashable & RawRepresentable<String>>(
    _ shares: inout [Name: Double], of names: [Name], in reader: SettingsReader?
  ) throws(CarvingError) {
    guard let reader else { return }
    var values = names.map { shares[$0] ?? 0 }
    try reader.shares(names.map(\.rawValue), into: &values)
    shares = Dictionary(uniqueKeysWithValues: zip(names, values))
  }

  private mutating func readLengths(_ reader: SettingsReader?) throws(CarvingError) {
    guard let reader else { return }
    try reader.allow(Self.classes.map(\.rawValue))
    for kind in Self.classes {
      guard let own = try reader.table(kind.rawValue) else { continue }
      try own.allow(["lines", "inLineBytes"])
      var lengths = self.lengths[kind] ?? .any
      if let lines = try own.table("lines") { try lines.shares(Self.lineNames, into: &lengths.lines) }
      if let inLine = try own.table("inLineBytes") {
        try inLine.shares(Self.inLineNames, into: &lengths.inLine)
      }
      self.lengths[kind] = lengths
    }
  }

  private mutating func readModifiers(_ reader: SettingsReader?) throws(CarvingError) {
    guard let reader else { return }
    try reader.allow(["midToken", "closerInside", "danglingSuffix", "indentOnly"])
    try reader.read("midToken", into: &modifiers.midToken, in: 0...1)
    try reader.read("closerInside", into: &modifiers.closerInside, in: 0...1)
    try reader.read("danglingSuffix", into: &modifiers.danglingSuffix, in: 0...1)
    try reader.read("indentOnly", into: &modifiers.indentOnly, in: 0...1)
  }

  private mutating func readCaps(_ reader: SettingsReader?) throws(CarvingError) {
    guard let reader else { return }
    try reader.allow([
      "smallestNode", "nodeBytes", "blockBytes", "blockLines", "spanBytes", "commentShare", "stringShare",
      "afterComment",
    ])
    try reader.read("smallestNode", into: &caps.smallestNode, in: 1...1_000)
    try reader.read("nodeBytes", into: &caps.nodeBytes, in: 16...100_000)
    try reader.read("blockBytes", into: &caps.blockBytes, in: 16...100_000)
    try reader.read("blockLines", into: &caps.blockLines, in: 2...1_000)
    try reader.read("spanBytes", into: &caps.spanBytes, in: 1...100_000)
    try reader.read("commentShare", into: &caps.commentShare, in: 0...1)
    try reader.read("stringShare", into: &caps.stringShare, in: 0...1)
    try reader.read("afterComment", into: &caps.afterComment, in: 0...100)
    guard caps.smallestNode <= caps.nodeBytes else {
      throw .settings(
        path: "", key: "caps.smallestNode",
        reason:
          "is \(caps.smallestNode), larger than caps.nodeBytes, so that no node fits; lower it to at most \(caps.nodeBytes)"
      )
    }
  }
}
