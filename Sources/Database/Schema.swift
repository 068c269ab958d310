/// What a file holds and how it came to be: numbered steps that are never edited once released.
public struct Schema: Sendable {
  /// What the file is, for messages: "acceptance log".
  public let name: String
  /// Marks files of this kind in SQLite's header.
  public let applicationID: Int32
  /// Step n brings a file from version n to n + 1. Append only.
  public let migrations: [String]

  /// Declares a schema.
  public init(name: String, applicationID: Int32, migrations: [String]) {
    precondition(applicationID != 0, "0 marks files of nobody")
    self.name = name
    self.applicationID = applicationID
    self.migrations = migrations
  }

  /// Refuses files of another kind and of a newer version before anything is written.
  func check(_ connection: Connection) throws(DatabaseError) {
    // One state of the file: another process may create it between two questions.
    try connection.run("BEGIN")
    defer { try? connection.run("COMMIT") }
    let found = try connection.pragma("application_id")
    let version = try connection.pragma("user_version")
    if found == Int(applicationID) {
      if version > migrations.count {
        throw .newer(file: connection.path, found: version, supported: migrations.count)
      }
      return
    }
    let isEmpty = try connection.first("SELECT count(*) FROM sqlite_schema") { $0.integer(0) } == 0
    guard found == 0, version == 0, isEmpty else { throw .foreign(file: connection.path, expected: name) }
  }

  /// Applies what is missing in one transaction; a second process finds the work done.
  func migrate(_ connection: Connection) throws(DatabaseError) {
    guard try connection.pragma("user_version") < migrations.count else { return }
    do {
      try connection.transaction {
        let version = try connection.pragma("user_version")
        guard version < migrations.count else { return }
        for step in migrations[version...] { try connection.run(step) }
        try connection.run(
          "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(migrations.count)")
      }
    } catch let error as DatabaseError {
      throw error
    } catch {
      throw .failed(file: connection.path, sql: "migrate \(name)", code: -1, reason: "\(error)")
    }
  }
}
