import CSQLite

/// Why a database could not be used.
public enum DatabaseError: Error, CustomStringConvertible {
  /// The file cannot be opened or created.
  case cannotOpen(file: String, reason: String)
  /// The file is damaged or no database at all.
  case corrupt(file: String, reason: String)
  /// The file belongs to something else.
  case foreign(file: String, expected: String)
  /// A newer Gemfill wrote the file.
  case newer(file: String, found: Int, supported: Int)
  /// Another process held the file for longer than the busy timeout.
  case busy(file: String, sql: String)
  /// A rule of the schema forbids the change.
  case constraint(file: String, sql: String, reason: String)
  /// Anything else that SQLite reports.
  case failed(file: String, sql: String, code: Int32, reason: String)

  init(code: Int32, message: String, file: String, sql: String) {
    switch code & 0xFF {
    case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(file: file, reason: message)
    case SQLITE_BUSY, SQLITE_LOCKED: self = .busy(file: file, sql: sql)
    case SQLITE_CONSTRAINT: self = .constraint(file: file, sql: sql, reason: message)
    case SQLITE_CANTOPEN, SQLITE_PERM: self = .cannotOpen(file: file, reason: message)
    default: self = .failed(file: file, sql: sql, code: code, reason: message)
    }
  }

  /// What, where, and what to do.
  public var description: String {
    switch self {
    case .cannotOpen(let file, let reason):
      "cannot open the database \(file): \(reason); check the path and its permissions"
    case .corrupt(let file, let reason):
      "\(file) is not a readable database (\(reason)); it was left as it is: restore a copy, or move it away to "
        + "begin a new one"
    case .foreign(let file, let expected):
      "\(file) is a database, but not a Gemfill \(expected); move it away or set GEMFILL_HOME elsewhere"
    case .newer(let file, let found, let supported):
      "\(file) has version \(found), this program knows up to \(supported); use the newer Gemfill that wrote it"
    case .busy(let file, let sql):
      "another process is using \(file) (\(Self.short(sql))); try again when it is done"
    case .constraint(let file, let sql, let reason):
      "\(file): \(reason) (\(Self.short(sql)))"
    case .failed(let file, let sql, let code, let reason):
      "\(file): \(reason) (SQLite code \(code), \(Self.short(sql)))"
    }
  }

  private static func short(_ sql: String) -> String {
    let line = sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count <= 60 ? line : line.prefix(57) + "..."
  }
}
