import CSQLite
import Foundation
import Testing

@testable import Database

/// A folder that disappears with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

private let first = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
private let second = "ALTER TABLE note ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;"
private func schema(_ steps: String..., id: Int32 = 77) -> Schema {
  Schema(name: "test notes", applicationID: id, migrations: steps)
}

struct ConnectionTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func valuesComeBackAsTheyWere() throws {
    let script = "CREATE TABLE v(i INTEGER, r REAL, t TEXT, b BLOB) STRICT;"
    let database = try Connection(path: folder.file("v.sqlite"), schema: schema(script))
    let text = "it's \"quoted\" \u{0} nul, 🦊, '; DROP TABLE v; --"
    let values: [(any Bindable)?] = [Int.min, 0.1, text, [0, 255, 39] as [UInt8]]
    try database.execute("INSERT INTO v VALUES(?, ?, ?, ?)", values)
    try database.execute("INSERT INTO v VALUES(?, ?, ?, ?)", [nil, Double.nan, "", [] as [UInt8]])
    let rows = try database.query("SELECT i, r, t, b FROM v ORDER BY rowid") {
      ($0.optionalInteger(0), $0.optionalReal(1), $0.optionalText(2), $0.blob(3), $0.isNull(3))
    }
    #expect(rows[0].0 == Int.min && rows[0].1 == 0.1 && rows[0].2 == text && rows[0].3 == [0, 255, 39])
    #expect(rows[1].0 == nil && rows[1].1 == nil && rows[1].2 == "" && rows[1].3 == [] && !rows[1].4)
  }

  @Test func fileIsReadableByItsOwnerOnlyAndInWALMode() throws {
    let path = folder.file("deep/er/notes.sqlite")
    let database = try Connection(path: path, schema: schema(first))
    try database.execute("INSERT INTO note(text) VALUES(?)", ["x"])
    for name in [path, path + "-wal"] {
      let mode = try FileManager.default.attributesOfItem(atPath: name)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(name)")
    }
    #expect(try database.first("PRAGMA journal_mode") { $0.text(0) } == "wal")
  }

  @Test func transactionThatThrowsLeavesNothing() throws {
    let database = try Connection(path: folder.file("n.sqlite"), schema: schema(first))
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try database.transaction {
        try database.execute("INSERT INTO note(text) VALUES('a')")
        try database.transaction { try database.execute("INSERT INTO note(text) VALUES('b')") }
        throw Stop()
      }
    }
    #expect(try database.first("SELECT count(*) FROM note") { $0.integer(0) } == 0)
    try database.transaction { try database.execute("INSERT INTO note(text) VALUES('c')") }
    #expect(try database.first("SELECT count(*) FROM note") { $0.integer(0) } == 1)
  }

  @Test func nestedUseOfOneStatementWorks() throws {
    let database = try Connection(path: folder.file("n.sqlite"), schema: schema(first))
    for text in ["a", "b"] { try database.execute("INSERT INTO note(text) VALUES(?)", [text]) }
    let sql = "SELECT text FROM note ORDER BY id"
    let pairs = try database.query(sql) { outer in
      outer.text(0) + ((try? database.query(sql) { $0.text(0) })?.joined() ?? "")
    }
    #expect(pairs == ["aab", "bab"])
  }

  @Test func oldFileIsMigratedAndKeepsItsRows() throws {
    let path = folder.file("n.sqlite")
    do {
      let old = try Connection(path: path, schema: schema(first))
      try old.execute("INSERT INTO note(text) VALUES('kept')")
    }
    let new = try Connection(path: path, schema: schema(first, second))
    #expect(try new.first("SELECT text, stars FROM note") { "\($0.text(0)) \($0.integer(1))" } == "kept 3")
    #expect(try new.pragma("user_version") == 2)
  }

  @Test func failingMigrationChangesNothing() throws {
    let path = folder.file("n.sqlite")
    do { _ = try Connection(path: path, schema: schema(first)) }
    #expect(throws: DatabaseError.self) {
      try Connection(path: path, schema: schema(first, second, "NONSENSE;"))
    }
    let again = try Connection(path: path, schema: schema(first))
    #expect(try again.pragma("user_version") == 1)
    #expect(try again.query("SELECT * FROM note") { _ in }.isEmpty)
  }

  @Test func newerAndForeignFilesAreRefusedUnchanged() throws {
    let path = folder.file("n.sqlite")
    do { _ = try Connection(path: path, schema: schema(first, second)) }
    let newer = #expect(throws: DatabaseError.self) { try Connection(path: path, schema: schema(first)) }
    #expect(newer?.description.contains("has version 2, this program knows up to 1") == true)
    let foreign = #expect(throws: DatabaseError.self) {
      try Connection(path: path, schema: schema(first, second, id: 78))
    }
    #expect(foreign?.description.contains("not a Gemfill test notes") == true)
    _ = try Connection(path: path, schema: schema(first, second))
  }

  @Test(arguments: [0, 3, 15, 40, 100, 2_000])
  func damagedFileIsReportedAndLeftAlone(_ position: Int) throws {
    let path = folder.file("n.sqlite")
    let junk = [UInt8](repeating: 0x41, count: position) + Array("definitely no database".utf8)
    try Data(junk).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: DatabaseError.self) { try Connection(path: path, schema: schema(first)) }
    guard case .corrupt = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains(path) == true)
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) == junk)
  }

  @Test func pageDamagedInTheMiddleGivesAnError() throws {
    let path = folder.file("n.sqlite")
    do {
      let database = try Connection(path: path, schema: schema(first))
      try database.transaction {
        for number in 0..<2_000 {
          try database.execute(
            "INSERT INTO note(text) VALUES(?)", [String(repeating: "\(number) ", count: 20)])
        }
      }
      try database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    }
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    for index in 4_096..<bytes.count where index % 3 == 0 { bytes[index] = 0xFF }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: DatabaseError.self) {
      let database = try Connection(path: path, schema: schema(first))
      _ = try database.query("SELECT text FROM note") { $0.text(0) }
    }
    guard case .corrupt = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func unusablePathsAreNamed() throws {
    let file = folder.file("plain")
    try Data("x".utf8).write(to: URL(fileURLWithPath: file))
    for path in [file + "/below/n.sqlite", folder.path] {
      let error = #expect(throws: DatabaseError.self) { try Connection(path: path, schema: schema(first)) }
      #expect(error?.description.contains(path) == true)
    }
  }

  @Test func constraintAndSyntaxErrorsCarryTheStatement() throws {
    let database = try Connection(path: folder.file("n.sqlite"), schema: schema(first))
    let constraint = #expect(throws: DatabaseError.self) {
      try database.execute("INSERT INTO note(text) VALUES(?)", [nil])
    }
    #expect(constraint?.description.contains("INSERT INTO note") == true)
    let syntax = #expect(throws: DatabaseError.self) { try database.execute("SELEKT 1") }
    #expect(syntax?.description.contains("SELEKT 1") == true)
  }

  @Test func secondConnectionKeepsTheLocksOfTheFirst() throws {
    let path = folder.file("n.sqlite")
    let holder = try Connection(path: path, schema: schema(first))
    #expect(try holder.pragma("user_version") == 1)
    let openFileLockQuery: Int32 = 36  // F_OFD_GETLK
    // Closing any descriptor of the file drops the locks, so this one stays open to the end.
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    func isLocked() -> Bool {
      var lock = flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
      return fcntl(descriptor, openFileLockQuery, &lock) == 0 && lock.l_type != F_UNLCK
    }
    try #require(isLocked())
    let second = try Connection(path: path, schema: schema(first))
    #expect(try second.pragma("user_version") == 1)
    // The second's own lock is none: within a process all connections share one.
    #expect(isLocked())
  }

  @Test func waitingWriterGivesUpWithAClearError() throws {
    let path = folder.file("n.sqlite")
    let holder = try Connection(path: path, schema: schema(first))
    let other = try Connection(path: path, schema: schema(first), busyTimeoutMs: 20)
    try holder.transaction {
      let error = #expect(throws: DatabaseError.self) {
        try other.transaction { try other.execute("INSERT INTO note(text) VALUES('x')") }
      }
      #expect(error?.description.contains("another process is using") == true)
    }
    try other.execute("INSERT INTO note(text) VALUES('now')")
  }
}

struct ConcurrencyTests {
  @Test func connectionsOpeningAndWritingAtOnceLoseNothing() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("shared.sqlite")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          let database = try SharedConnection(
            path: path, schema: schema(first, second), busyTimeoutMs: 20_000)
          for number in 0..<50 {
            try database.transaction { connection in
              try connection.execute("INSERT INTO note(text) VALUES(?)", ["\(writer)/\(number)"])
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let reader = try Connection(path: path, schema: schema(first, second))
    #expect(try reader.first("SELECT count(DISTINCT text) FROM note") { $0.integer(0) } == 200)
  }

  @Test func actorOnItsOwnQueueRunsThere() async {
    actor Probe {
      let executor = QueueExecutor("probe")
      nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
      func isOnItsQueue() -> Bool {
        dispatchPrecondition(condition: .onQueue(executor.queue))
        return Thread.current.isMainThread == false
      }
    }
    #expect(await Probe().isOnItsQueue())
  }
}
