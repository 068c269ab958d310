import Database
import Synchronization

/// Scores of earlier passes in a SQLite file, so that a pass that was interrupted goes on where it stopped, and holes
/// that are cut again cost nothing.
///
/// About 60 bytes for each score; when there are more than `maximumCount`, those go that were not asked for longest. Several processes
/// may use one file.
public final class HardnessCache: Sendable {
  private let database: SharedConnection
  private let maximumCount: Int
  private let count: Mutex<Int>
  /// Number of this opening: scores remember in which one they were last used.
  private let opening: Int

  /// Opens or creates the file.
  ///
  /// - Throws: `DatabaseError`; a file that cannot be used is left as it is.
  public init(path: String, maximumCount: Int = 1_000_000) throws(DatabaseError) {
    let database = try SharedConnection(path: path, schema: Self.schema)
    let (opening, count) = try database.using { connection throws(DatabaseError) -> (Int, Int) in
      try connection.execute("UPDATE opening SET number = number + 1")
      let opening = try connection.first("SELECT number FROM opening") { $0.integer(0) }
      let count = try connection.first("SELECT count(*) FROM score") { $0.integer(0) }
      return (opening ?? 0, count ?? 0)
    }
    self.opening = opening
    self.count = Mutex(count)
    self.database = database
    self.maximumCount = max(1, maximumCount)
  }

  private static let schema = Schema(
    name: "hardness cache", applicationID: 0x4746_4801,
    migrations: [
      """
      CREATE TABLE score (
        key BLOB PRIMARY KEY, nll REAL NOT NULL, tokens INTEGER NOT NULL, used INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE opening (number INTEGER NOT NULL) STRICT;
      INSERT INTO opening VALUES (0);
      """
    ])

  /// How many scores there are, by the last look.
  public var storedCount: Int { count.withLock { $0 } }

  /// The scores that are known.
  func scores(_ keys: [HardnessKey]) throws(DatabaseError) -> [HardnessKey: HardnessScore] {
    var found: [HardnessKey: HardnessScore] = [:]
    let opening = opening
    try database.using { connection throws(DatabaseError) in
      var stale: [HardnessKey] = []
      for key in keys where found[key] == nil {
        let row = try connection.first("SELECT nll, tokens, used FROM score WHERE key = ?", [key.bytes]) {
          (
            score: HardnessScore(negativeLogLikelihood: $0.real(0), tokenCount: $0.integer(1)),
            used: $0.integer(2)
          )
        }
        guard let row, row.score.isUsable else { continue }
        found[key] = row.score
        if row.used < opening { stale.append(key) }
      }
      try Self.atomically(connection) { () throws(DatabaseError) in
        for key in stale {
          try connection.execute("UPDATE score SET used = ? WHERE key = ?", [opening, key.bytes])
        }
      }
    }
    return found
  }

  /// Stores scores, all or none, and makes room where there are too many.
  func store(_ scores: [(HardnessKey, HardnessScore)]) throws(DatabaseError) {
    guard !scores.isEmpty else { return }
    let (opening, maximumCount) = (opening, maximumCount)
    let before = count.withLock { $0 }
    let after = try database.using { connection throws(DatabaseError) in
      var count = before
      try Self.atomically(connection) { () throws(DatabaseError) in
        for (key, score) in scores {
          try connection.execute(
            "INSERT OR REPLACE INTO score VALUES (?, ?, ?, ?)",
            [key.bytes, score.negativeLogLikelihood, score.tokenCount, opening])
        }
        count += scores.count
        guard count > maximumCount else { return }
        // Replaced scores and other processes make the count inexact: it is taken anew where it matters.
        count = try connection.first("SELECT count(*) FROM score") { $0.integer(0) } ?? 0
        guard count > maximumCount else { return }
        // A tenth at a time, because each time reads the whole table.
        let surplus = count - maximumCount + maximumCount / 10
        try connection.execute(
          "DELETE FROM score WHERE key IN (SELECT key FROM score ORDER BY used, key LIMIT ?)", [surplus])
        count -= surplus
      }
      return count
    }
    count.withLock { $0 = after }
  }

  private static func atomically(
    _ connection: Connection, _ body: () throws(DatabaseError) -> Void
  ) throws(DatabaseError) {
    do {
      try connection.transaction(body)
    } catch let error as DatabaseError {
      throw error
    } catch {
      throw .failed(file: connection.path, sql: "hardness", code: -1, reason: "\(error)")
    }
  }
}
