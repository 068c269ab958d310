import CSQLite
import Foundation

/// One open SQLite file with its migrations applied.
///
/// Not Sendable: one owner uses it from one place at a time, either an actor with a `QueueExecutor` or a
/// `SharedConnection`. Several connections and processes may use one file: readers never wait (WAL), a writer
/// waits up to the busy timeout for another writer.
public final class Connection {
  /// Where the file is.
  public let path: String
  private let handle: OpaquePointer
  private var idle: [String: OpaquePointer] = [:]
  private var isInTransaction = false

  /// Opens or creates the file (readable by its owner only) and brings it to the schema's newest version.
  ///
  /// - Throws: `DatabaseError`; a file that cannot be used is left as it is.
  public init(path: String, schema: Schema, busyTimeoutMs: Int32 = 5_000) throws(DatabaseError) {
    self.path = path
    handle = try Self.open(path)
    sqlite3_extended_result_codes(handle, 1)
    sqlite3_busy_timeout(handle, busyTimeoutMs)
    try run("PRAGMA trusted_schema = OFF")
    try schema.check(self)
    try enterWAL()
    try run("PRAGMA synchronous = NORMAL")
    try run("PRAGMA foreign_keys = ON")
    try schema.migrate(self)
  }

  deinit {
    for statement in idle.values { sqlite3_finalize(statement) }
    sqlite3_close_v2(handle)
  }

  /// Runs one statement that returns no rows.
  public func execute(_ sql: String, _ values: [(any Bindable)?] = []) throws(DatabaseError) {
    _ = try query(sql, values) { _ in }
  }

  /// Runs one statement and collects what `map` makes of each row.
  public func query<Result>(
    _ sql: String, _ values: [(any Bindable)?] = [], _ map: (Row) -> Result
  ) throws(DatabaseError) -> [Result] {
    let statement: OpaquePointer
    if let prepared = idle.removeValue(forKey: sql) {
      statement = prepared
    } else {
      statement = try prepare(sql)
    }
    defer { putBack(statement, sql) }
    try bind(values, to: statement, sql)
    var results: [Result] = []
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: results.append(map(Row(statement: statement)))
      case SQLITE_DONE: return results
      default: throw error(sql)
      }
    }
  }

  /// The first row, or nil.
  public func first<Result>(
    _ sql: String, _ values: [(any Bindable)?] = [], _ map: (Row) -> Result
  ) throws(DatabaseError) -> Result? {
    try query(sql, values, map).first
  }

  /// Runs several statements without values, as in a migration.
  public func run(_ script: String) throws(DatabaseError) {
    guard sqlite3_exec(handle, script, nil, nil, nil) == SQLITE_OK else { throw error(script) }
  }

  /// Does `body` completely or not at all. A transaction inside another joins it.
  public func transaction<Result>(_ body: () throws -> Result) throws -> Result {
    if isInTransaction { return try body() }
    try run("BEGIN IMMEDIATE")
    isInTransaction = true
    defer { isInTransaction = false }
    do {
      let result = try body()
      try run("COMMIT")
      return result
    } catch {
      // A failed statement may have ended the transaction already; then there is nothing to roll back.
      if sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
      throw error
    }
  }

  /// Version of the SQLite library.
  public static var libraryVersion: String { String(cString: sqlite3_libversion()) }

  /// Row identifier of the last insert.
  public var lastInsertedID: Int64 { sqlite3_last_insert_rowid(handle) }

  /// Rows that the last statement changed.
  public var changedRows: Int { Int(sqlite3_changes(handle)) }

  /// An integer pragma such as `user_version`.
  func pragma(_ name: String) throws(DatabaseError) -> Int {
    try first("PRAGMA \(name)") { $0.integer(0) } ?? 0
  }

  private static func open(_ path: String) throws(DatabaseError) -> OpaquePointer {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .cannotOpen(file: path, reason: "its folder cannot be created: \(error.localizedDescription)")
    }
    // Created here, so that the file never exists with wider permissions; WAL files inherit its mode. A file that
    // exists is not opened: closing it would drop the locks that this process holds on it for other connections.
    let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      close(descriptor)
    } else if errno != EEXIST {
      throw .cannotOpen(file: path, reason: String(cString: strerror(errno)))
    }
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let opened else {
      let reason = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(opened)
      throw .cannotOpen(file: path, reason: reason)
    }
    return opened
  }

  /// Changing the journal mode does not wait for other connections by itself.
  private func enterWAL() throws(DatabaseError) {
    for attempt in 0... {
      do {
        return try run("PRAGMA journal_mode = WAL")
      } catch {
        guard case .busy = error, attempt < 100 else { throw error }
        usleep(20_000)
      }
    }
  }

  private func prepare(_ sql: String) throws(DatabaseError) -> OpaquePointer {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw error(sql) }
    return statement
  }

  /// Statements are kept for the next time; one that was prepared twice (nested use) is dropped.
  private func putBack(_ statement: OpaquePointer, _ sql: String) {
    sqlite3_reset(statement)
    sqlite3_clear_bindings(statement)
    if idle[sql] != nil || idle.count >= 64 {
      sqlite3_finalize(statement)
    } else {
      idle[sql] = statement
    }
  }

  private func bind(
    _ values: [(any Bindable)?], to statement: OpaquePointer, _ sql: String
  ) throws(DatabaseError) {
    precondition(
      Int(sqlite3_bind_parameter_count(statement)) == values.count, "wrong number of values for: \(sql)")
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    for (offset, value) in values.enumerated() {
      let index = Int32(offset + 1)
      let code: Int32
      switch value?.databaseValue ?? .null {
      case .null: code = sqlite3_bind_null(statement, index)
      case .integer(let number): code = sqlite3_bind_int64(statement, index, number)
      case .real(let number): code = sqlite3_bind_double(statement, index, number)
      case .text(var text):
        code = text.withUTF8 { bytes in
          bytes.withMemoryRebound(to: CChar.self) {
            sqlite3_bind_text64(
              statement, index, $0.baseAddress ?? Self.empty, UInt64($0.count), transient, UInt8(SQLITE_UTF8))
          }
        }
      case .blob(let bytes):
        code = bytes.withUnsafeBytes {
          $0.isEmpty
            ? sqlite3_bind_zeroblob(statement, index, 0)
            : sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), transient)
        }
      }
      guard code == SQLITE_OK else { throw error(sql) }
    }
  }

  /// An address for empty text, which SQLite would otherwise take for NULL. Never freed, never written.
  nonisolated(unsafe) private static let empty = UnsafePointer(
    UnsafeMutablePointer<CChar>.allocate(capacity: 1))

  private func error(_ sql: String) -> DatabaseError {
    DatabaseError(
      code: sqlite3_extended_errcode(handle), message: String(cString: sqlite3_errmsg(handle)), file: path,
      sql: sql)
  }
}
