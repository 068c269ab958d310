import Database
import Foundation
import Weights

/// The models and adapters of one home, and which adapter is live on which base.
///
/// Safe from any thread and process. An adapter is a `candidate` when it is registered, becomes `live` when it is
/// promoted (one per base), and `retired` when another takes its place.
public final class ModelRegistry: Sendable {
  /// What an adapter is good for at present.
  public enum State: String, Sendable, CaseIterable {
    case candidate, live, retired
  }

  /// One registered adapter.
  public struct Adapter: Sendable {
    /// Its name.
    public let name: String
    /// Its folder.
    public let directory: String
    /// File name of its base.
    public let baseName: String
    /// SHA-256 of its base.
    public let baseSHA256: String
    /// Whether it is in use.
    public let state: State
    /// Seconds since 1970.
    public let createdAt: Int
    /// Figures of its evaluation.
    public let metrics: JSONValue
    /// The adapter that it continues.
    public let parent: String?
  }

  /// Where everything is.
  public let home: Home
  let database: SharedConnection
  private let clock: @Sendable () -> Date

  /// Opens or creates the registry of a home.
  public init(home: Home, clock: @escaping @Sendable () -> Date = { Date() }) throws(DatabaseError) {
    self.home = home
    self.clock = clock
    database = try SharedConnection(path: home.registry, schema: RegistrySchema.current)
  }

  var now: Int { Int(clock().timeIntervalSince1970) }

  // MARK: Reading

  /// All adapters, live ones first, then the newest.
  public func adapters() throws(DatabaseError) -> [Adapter] {
    try read("ORDER BY state = 'live' DESC, created_at DESC, name", [])
  }

  /// The adapter of that name.
  ///
  /// - Throws: `RegistryError.unknown`, `DatabaseError`.
  public func adapter(named name: String) throws -> Adapter {
    if let found = try read("WHERE name = ?", [name]).first { return found }
    throw RegistryError.unknown(what: "adapter", name: name, known: try adapters().map(\.name))
  }

  /// The live adapter of a base, if there is one.
  public func liveAdapter(baseSHA256: String) throws(DatabaseError) -> Adapter? {
    try read("WHERE state = 'live' AND base_sha256 = ?", [baseSHA256]).first
  }

  /// Refuses an adapter that was trained on another base than the one given.
  ///
  /// - Throws: `RegistryError.otherBase`.
  public static func check(
    _ adapter: Adapter, baseName: String, baseSHA256: String
  ) throws(RegistryError) {
    guard adapter.baseSHA256 == baseSHA256 else {
      throw .otherBase(
        adapter: adapter.name, trainedOn: adapter.baseName, trainedOnSHA256: adapter.baseSHA256,
        given: baseName,
        givenSHA256: baseSHA256)
    }
  }

  // MARK: Changing

  /// A name that is not taken: `wanted`, or `wanted-2`, `wanted-3`, …
  public func freeName(_ wanted: String) throws(DatabaseError) -> String {
    let taken = Set(try adapters().map(\.name))
    for number in 1... {
      let name = number == 1 ? wanted : "\(wanted)-\(number)"
      if !taken.contains(name), !Self.reservedNames.contains(name),
        !FileManager.default.fileExists(atPath: home.adapter(name))
      {
        return name
      }
    }
    return wanted
  }

  /// Makes a trained adapter known as a candidate. Its folder must hold a card and a readable PEFT adapter.
  ///
  /// - Throws: `RegistryError`, `WeightsError`, `DatabaseError`.
  @discardableResult
  public func register(directory: String) throws -> Adapter {
    let card = try AdapterCard(directory: directory)
    try Self.check(name: card.name)
    _ = try PEFTAdapter(directory: directory, variants: .read)
    try database.transaction { connection in
      let taken = try connection.first("SELECT 1 FROM adapter WHERE name = ?", [card.name]) { _ in true }
      if taken == true { throw RegistryError.taken(what: "adapter", name: card.name) }
      try connection.execute(
        """
        INSERT INTO adapter(name, directory, base_name, base_sha256, state, created_at, metrics, parent)
        VALUES(?, ?, ?, ?, 'candidate', ?, ?, ?)
        """,
        [
          card.name, directory, card.baseName, card.baseSHA256, now,
          String(decoding: JSONValue.object(card.metrics).serialized(), as: UTF8.self), card.parent,
        ])
    }
    return try adapter(named: card.name)
  }

  /// Keeps the figures of an evaluation, in the registry and in the card.
  public func setMetrics(_ metrics: JSONObject, ofAdapter name: String) throws {
    let adapter = try adapter(named: name)
    var card = try AdapterCard(directory: adapter.directory)
    card.metrics = metrics
    try card.write(to: adapter.directory)
    let text = String(decoding: JSONValue.object(metrics).serialized(), as: UTF8.self)
    try database.use { try $0.execute("UPDATE adapter SET metrics = ? WHERE name = ?", [text, name]) }
  }

  /// Makes an adapter the live one of its base; the one that was live retires. Returns that one's name.
  @discardableResult
  public func promote(_ name: String) throws -> String? {
    let adapter = try adapter(named: name)
    return try database.transaction { connection in
      let previous = try connection.first(
        "SELECT name FROM adapter WHERE base_sha256 = ? AND state = 'live'", [adapter.baseSHA256]
      ) { $0.text(0) }
      guard previous != name else { return nil }
      try Self.setLive(name, base: adapter.baseSHA256, connection)
      try connection.execute(
        "INSERT INTO promotion(base_sha256, adapter, previous, at_ms) VALUES(?, ?, ?, ?)",
        [adapter.baseSHA256, name, previous, now * 1_000])
      return previous
    }
  }

  /// What a rollback did.
  public struct Rollback: Sendable, Equatable {
    /// The adapter that is no longer live.
    public let retired: String
    /// The adapter that is live again; nil for the bare base.
    public let live: String?
  }

  /// Takes the latest promotion back. Adapters removed meanwhile are passed over.
  ///
  /// - Throws: `RegistryError.nothingToRollBack`, `DatabaseError`.
  @discardableResult
  public func rollback() throws -> Rollback {
    try database.transaction { connection in
      let latest = try connection.first(
        """
        SELECT p.base_sha256, a.name FROM promotion p
        JOIN adapter a ON a.base_sha256 = p.base_sha256 AND a.state = 'live' ORDER BY p.id DESC
        """
      ) { (base: $0.text(0), live: $0.text(1)) }
      guard let latest else { throw RegistryError.nothingToRollBack }
      var candidate: String? = latest.live
      while let name = candidate {
        let step = try connection.first(
          "SELECT id, previous FROM promotion WHERE base_sha256 = ? AND adapter = ? ORDER BY id DESC",
          [latest.base, name]
        ) { (id: $0.integer(0), previous: $0.optionalText(1)) }
        candidate = step?.previous
        if let step { try connection.execute("DELETE FROM promotion WHERE id = ?", [step.id]) }
        guard let name = candidate else { break }
        let exists = try connection.first("SELECT 1 FROM adapter WHERE name = ?", [name]) { _ in true }
        if exists == true { break }
      }
      try Self.setLive(candidate, base: latest.base, connection)
      return Rollback(retired: latest.live, live: candidate)
    }
  }

  /// Forgets an adapter and deletes its folder when it lies in the home.
  ///
  /// - Throws: `RegistryError.isLive` for one in use.
  public func remove(_ name: String) throws {
    let adapter = try adapter(named: name)
    try database.transaction { connection in
      let state = try connection.first("SELECT state FROM adapter WHERE name = ?", [name]) { $0.text(0) }
      if state == State.live.rawValue { throw RegistryError.isLive(name) }
      try connection.execute("DELETE FROM adapter WHERE name = ?", [name])
    }
    guard adapter.directory == home.adapter(name) else { return }
    do { try FileManager.default.removeItem(atPath: adapter.directory) } catch {
      throw RegistryError.files(
        path: adapter.directory, reason: "cannot be deleted: \(error.localizedDescription)")
    }
  }

  /// Names of what evaluations compare adapters with.
  public static let reservedNames: Set<String> = ["base", "n-gram"]

  /// Refuses names that are not usable as a folder, and those that evaluations give to others.
  public static func check(name: String) throws(RegistryError) {
    guard !reservedNames.contains(name) else { throw .reservedName(name) }
    let isUsable = name.utf8.enumerated().allSatisfy { index, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): index > 0
      default: false
      }
    }
    guard isUsable, (1...64).contains(name.utf8.count) else { throw .badName(name) }
  }

  private static func setLive(_ name: String?, base: String, _ connection: Connection) throws(DatabaseError) {
    try connection.execute(
      "UPDATE adapter SET state = 'retired' WHERE base_sha256 = ? AND state = 'live'", [base])
    guard let name else { return }
    try connection.execute("UPDATE adapter SET state = 'live' WHERE name = ?", [name])
  }

  private func read(
    _ clause: String, _ values: [(any Bindable)?]
  ) throws(DatabaseError) -> [Adapter] {
    let sql = """
      SELECT name, directory, base_name, base_sha256, state, created_at, metrics, parent FROM adapter \(clause)
      """
    return try database.using { connection throws(DatabaseError) in
      try connection.query(sql, values) { row in
        Adapter(
          name: row.text(0), directory: row.text(1), baseName: row.text(2), baseSHA256: row.text(3),
          state: State(rawValue: row.text(4)) ?? .retired, createdAt: row.integer(5),
          metrics: (try? JSONValue(parsing: row.text(6))) ?? .null, parent: row.optionalText(7))
      }
    }
  }
}
