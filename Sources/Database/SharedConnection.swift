import Dispatch

/// A connection that any thread may use: calls run one after another on a queue of its own.
///
/// The caller's thread waits; use an actor with a `QueueExecutor` where waiting on the cooperative pool matters.
public final class SharedConnection: Sendable {
  private let queue = DispatchQueue(label: "gemfill.database")
  /// Only touched on `queue`.
  nonisolated(unsafe) private let connection: Connection

  /// Opens the file as `Connection` does.
  public init(path: String, schema: Schema, busyTimeoutMs: Int32 = 5_000) throws(DatabaseError) {
    connection = try Connection(path: path, schema: schema, busyTimeoutMs: busyTimeoutMs)
  }

  /// Where the file is.
  public var path: String { connection.path }

  /// Uses the connection; the closure must not let it escape.
  public func use<Result>(_ body: (Connection) throws -> Result) rethrows -> Result {
    try queue.sync { try body(connection) }
  }

  /// Does `body` completely or not at all.
  public func transaction<Result>(_ body: (Connection) throws -> Result) throws -> Result {
    try use { connection in try connection.transaction { try body(connection) } }
  }
}

/// Runs an actor's work on a serial queue of its own instead of the cooperative pool, because SQLite may block.
///
///     actor Log {
///       private let executor = QueueExecutor("gemfill.log")
///       nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
///     }
public final class QueueExecutor: SerialExecutor {
  /// The queue that the work runs on.
  public let queue: DispatchQueue

  /// Creates the queue.
  public init(_ label: String) { queue = DispatchQueue(label: label) }

  /// Runs one job on the queue.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}

extension SharedConnection {
  /// Uses the connection where nothing but a `DatabaseError` can be thrown.
  public func using<Result>(
    _ body: (Connection) throws(DatabaseError) -> Result
  ) throws(DatabaseError) -> Result {
    let outcome: Swift.Result<Result, DatabaseError> = use { connection in
      do throws(DatabaseError) { return .success(try body(connection)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
