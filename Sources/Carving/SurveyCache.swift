import Corpus
import Database
import Foundation
import Synchronization

/// Surveys of files by what they were made from, for the next run over nearly the same files.
///
/// A cache is never in the way: rows that are damaged are as good as missing, and when the file fails while a run uses
/// it, the run goes on without it. Several processes may share one.
final class SurveyCache: Sendable {
  private static let schema = Schema(
    name: "carving cache", applicationID: 0x4743_5256,
    migrations: [
      """
      CREATE TABLE surveys (
        key BLOB NOT NULL UNIQUE, used INTEGER NOT NULL, stamp INTEGER NOT NULL, value BLOB NOT NULL
      ) STRICT;
      CREATE INDEX surveys_used ON surveys (used);
      """
    ])
  /// Larger values are not kept.
  private static let maximumValue = 4 << 20

  private let connection: SharedConnection
  private let broken = Mutex<String?>(nil)
  private let waiting = Mutex<Waiting>(Waiting())
  private let now: Int

  private struct Waiting {
    var rows: [(key: ContentHash, value: [UInt8])] = []
    var bytes = 0
    var hits: [ContentHash] = []
  }

  /// Opens or creates a cache.
  ///
  /// - Throws: `DatabaseError` when the file cannot be a cache.
  init(path: String, now: Int = Int(Date().timeIntervalSince1970)) throws(DatabaseError) {
    connection = try SharedConnection(path: path, schema: Self.schema)
    self.now = now
  }

  /// Why the file is not used any more; nil while it works.
  var fault: String? { broken.withLock { $0 } }

  /// What is kept under a key; nil when there is nothing or it is damaged.
  func value(for key: ContentHash) -> [UInt8]? {
    let found = attempt { connection in
      try connection.first("SELECT stamp, value FROM surveys WHERE key = ?", [key.bytes]) {
        (stamp: $0.integer(0), value: $0.blob(1))
      }
    }
    guard let row = found ?? nil, Self.stamp(of: row.value, key: key) == row.stamp else { return nil }
    waiting.withLock { $0.hits.append(key) }
    return row.value
  }

  /// Keeps a value; it is written with others, at the latest by `flush`.
  func keep(_ value: [UInt8], for key: ContentHash) {
    guard value.count <= Self.maximumValue else { return }
    let isFull = waiting.withLock { waiting in
      waiting.rows.append((key, value))
      waiting.bytes += value.count
      return waiting.bytes > 4 << 20 || waiting.rows.count >= 512
    }
    if isFull { flush() }
  }

  /// Writes what is waiting.
  func flush() {
    let waiting = waiting.withLock { waiting in
      defer { waiting = Waiting() }
      return waiting
    }
    guard !waiting.rows.isEmpty || !waiting.hits.isEmpty else { return }
    attempt { connection in
      try connection.transaction {
        for row in waiting.rows {
          try connection.execute(
            "INSERT OR REPLACE INTO surveys (key, used, stamp, value) VALUES (?, ?, ?, ?)",
            [row.key.bytes, now, Self.stamp(of: row.value, key: row.key), row.value])
        }
        for key in waiting.hits {
          try connection.execute(
            "UPDATE surveys SET used = ? WHERE key = ? AND used < ?", [now, key.bytes, now])
        }
      }
    }
  }

  /// Drops the entries that were not used for the longest time until the file's filled pages take at most `bytes`.
  func shrink(to bytes: Int) {
    attempt { connection in
      func pragma(_ name: String) throws -> Int {
        try connection.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
      }
      let page = try pragma("page_size")
      while try (pragma("page_count") - pragma("freelist_count")) * page > bytes {
        try connection.execute(
          "DELETE FROM surveys WHERE rowid IN (SELECT rowid FROM surveys ORDER BY used, rowid LIMIT 256)")
        if connection.changedRows == 0 { return }
      }
    }
  }

  /// The stored check of a value; the key is part of it, so that no row passes for another.
  private static func stamp(of value: [UInt8], key: ContentHash) -> Int {
    Int(bitPattern: UInt(Stamp.mix(Stamp.of(value), key.prefix)))
  }

  @discardableResult
  private func attempt<Result>(_ body: (Connection) throws -> Result) -> Result? {
    if fault != nil { return nil }
    do {
      return try connection.use(body)
    } catch {
      broken.withLock { $0 = "\(error)" }
      return nil
    }
  }
}

extension ContentHash {
  /// The 32 bytes.
  fileprivate var bytes: [UInt8] {
    let digits = Array(hex.utf8).map { $0 >= 0x61 ? $0 - 0x57 : $0 - 0x30 }
    return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
