import Corpus
import Database
import Foundation
import Syntax
import Weights

/// The chunks of one folder of code in SQLite's full-text index.
///
/// Runs on a queue of its own. The index lies outside the folder; several processes may use it at once.
public actor ChunkIndex {
  /// A chunk that shares words with a question.
  public struct Candidate: Sendable, Equatable {
    /// Path below the root.
    public let path: String
    /// Lines, from 1.
    public let lineRange: ClosedRange<Int>
    /// Bytes in the file.
    public let byteRange: Range<Int>
    /// What is defined; may be empty.
    public let symbol: String
    /// What the chunk is.
    public let kind: String
    /// BM25 over name, path and code; larger is better.
    public let bm25: Double
  }

  /// What bringing the index up to date did.
  public struct Refresh: Sendable, Equatable {
    /// Files in the index now.
    public var files = 0
    /// Chunks in the index now.
    public var chunks = 0
    /// Files that were read anew.
    public var changed = 0
    /// Files that are gone.
    public var removed = 0
  }

  /// The folder that is indexed.
  public nonisolated let root: String
  private nonisolated let executor = QueueExecutor("gemfill.search")
  private nonisolated let catalog: LanguageCatalog
  private let connection: Connection

  /// The index's own queue.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Opens the index of `root`, one file in `folder` named after the root.
  public init(root: String, folder: String, catalog: LanguageCatalog) throws(DatabaseError) {
    let root = URL(fileURLWithPath: root).resolvingSymlinksInPath().standardizedFileURL.path
    self.root = root
    self.catalog = catalog
    let name = SHA256.hash(Array(root.utf8)).prefix(24)
    // Opened and used on one queue at a time: the actor's.
    connection = try Connection(path: "\(folder)/\(name).sqlite", schema: IndexSchema.current)
  }

  /// Reads what has changed since the last time. Work is kept file by file, also when cancelled.
  ///
  /// - Throws: `CorpusError` when there is nothing to read, `DatabaseError`, `CancellationError`.
  public func refresh(progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws -> Refresh
  {
    let listing = try RepositoryWalker(root: root, catalog: catalog).files()
    let known = Dictionary(
      try connection.query("SELECT path, size, modified_ns, sha256, indexed_ns FROM file") {
        (
          $0.text(0),
          FileState(size: $0.integer(1), modified: $0.integer(2), hash: $0.text(3), seen: $0.integer(4))
        )
      }, uniquingKeysWith: { first, _ in first })
    var summary = Refresh()
    let present = Set(listing.files.map(\.path))
    let gone = known.keys.filter { !present.contains($0) }
    try connection.transaction {
      for path in gone { try remove(path) }
    }
    summary.removed = gone.count
    let pending = listing.files.filter { !isUnchanged($0, known[$0.path]) }
    for start in stride(from: 0, to: pending.count, by: Self.batchSize) {
      try Task.checkCancellation()
      progress(start, pending.count)
      let batch = Array(pending[start..<min(start + Self.batchSize, pending.count)])
      summary.changed += try index(batch, known)
    }
    summary.files = try count("file")
    summary.chunks = try count("chunk")
    return summary
  }

  /// Chunks that share terms with the question, the best first.
  public func candidates(for query: String, limit: Int) throws(DatabaseError) -> [Candidate] {
    let terms = TermSplitter.queryTerms(query)
    guard !terms.isEmpty else { return [] }
    // Terms hold no quotes: the splitter ends them there. Quoted, none is an operator of the query language.
    let match = terms.map { "\"\($0)\"" }.joined(separator: " OR ")
    return try connection.query(
      """
      SELECT f.path, c.start_line, c.end_line, c.start_byte, c.end_byte, c.symbol, c.kind,
        -bm25(terms, 5.0, 2.0, 1.0)
      FROM terms JOIN chunk c ON c.id = terms.rowid JOIN file f ON f.id = c.file_id
      WHERE terms MATCH ? ORDER BY bm25(terms, 5.0, 2.0, 1.0), f.path, c.start_byte LIMIT ?
      """, [match, limit]
    ) { row in
      let start = row.integer(3)
      return Candidate(
        path: row.text(0), lineRange: row.integer(1)...max(row.integer(1), row.integer(2)),
        byteRange: start..<max(start, row.integer(4)), symbol: row.text(5), kind: row.text(6),
        bm25: row.real(7))
    }
  }

  /// The bytes of a chunk as the file holds them now; nil when the file is gone or shorter.
  public nonisolated func text(of candidate: Candidate) -> [UInt8]? {
    guard let data = FileManager.default.contents(atPath: root + "/" + candidate.path),
      candidate.byteRange.upperBound <= data.count
    else { return nil }
    return [UInt8](data[candidate.byteRange])
  }

  /// Where a doc comment would stand in this file.
  nonisolated func docStyle(of path: String) -> ChunkReader.DocStyle {
    let marker = catalog.language(forPath: path)?.lineComment ?? "#"
    return catalog.name(forPath: path) == "python" ? .inside(marker: marker) : .above(marker: marker)
  }

  private static let batchSize = 64

  private struct FileState {
    let size: Int
    let modified: Int
    let hash: String
    let seen: Int
  }

  /// Size and time of a file, to see at a glance that it has not changed.
  private func stamp(_ path: String) -> (size: Int, modified: Int)? {
    var status = stat()
    guard stat(root + "/" + path, &status) == 0 else { return nil }
    return (
      Int(status.st_size), Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec)
    )
  }

  private func isUnchanged(_ file: SourceFile, _ known: FileState?) -> Bool {
    guard let known, let stamp = stamp(file.path) else { return false }
    // A file written within the clock's tick after it was indexed may keep its time: look inside.
    let isSettled = stamp.modified < known.seen - 50_000_000
    return isSettled && stamp.size == known.size && stamp.modified == known.modified
  }

  private func index(_ batch: [SourceFile], _ known: [String: FileState]) throws -> Int {
    let now = Int(Date().timeIntervalSince1970 * 1e9)
    let catalog = catalog
    let hashes = batch.map { SHA256.hash($0.bytes) }
    let fresh = batch.indices.filter { known[batch[$0].path]?.hash != hashes[$0] }
    let results = concurrentMap(fresh.map { batch[$0] }) { Self.rows(of: $0, catalog) }
    try connection.transaction {
      for (position, rows) in zip(fresh, results) { try write(batch[position], hashes[position], rows, now) }
      for position in batch.indices {
        let file = batch[position]
        guard let stamp = stamp(file.path) else { continue }
        try connection.execute(
          "UPDATE file SET size = ?, modified_ns = ?, indexed_ns = ? WHERE path = ?",
          [file.bytes.count, stamp.size == file.bytes.count ? stamp.modified : 0, now, file.path])
      }
    }
    return fresh.count
  }

  /// Not a trigger: with `trusted_schema` off, triggers may not write to virtual tables.
  private func remove(_ path: String) throws(DatabaseError) {
    try connection.execute(
      """
      DELETE FROM terms WHERE rowid IN
        (SELECT c.id FROM chunk c JOIN file f ON f.id = c.file_id WHERE f.path = ?)
      """, [path])
    try connection.execute("DELETE FROM file WHERE path = ?", [path])
  }

  private func write(
    _ file: SourceFile, _ hash: String, _ rows: [Row], _ now: Int
  ) throws(DatabaseError) {
    try remove(file.path)
    try connection.execute(
      "INSERT INTO file(path, size, modified_ns, sha256, indexed_ns) VALUES(?, ?, 0, ?, ?)",
      [file.path, file.bytes.count, hash, now])
    let fileID = connection.lastInsertedID
    for row in rows {
      try connection.execute(
        """
        INSERT INTO chunk(file_id, kind, symbol, start_byte, end_byte, start_line, end_line)
        VALUES(?, ?, ?, ?, ?, ?, ?)
        """,
        [
          fileID, row.chunk.kind.rawValue, row.chunk.symbol, row.chunk.byteRange.lowerBound,
          row.chunk.byteRange.upperBound, row.chunk.lineRange.lowerBound, row.chunk.lineRange.upperBound,
        ])
      try connection.execute(
        "INSERT INTO terms(rowid, name, path, code) VALUES(?, ?, ?, ?)",
        [connection.lastInsertedID, row.name, row.path, row.code])
    }
  }

  /// A chunk and its terms.
  private struct Row: Sendable {
    let chunk: CodeChunk
    let name: String
    let path: String
    let code: String
  }

  private static func rows(of file: SourceFile, _ catalog: LanguageCatalog) -> [Row] {
    Chunker(language: catalog.language(named: file.language)).chunks(of: file.bytes).map { chunk in
      // The defined name itself weighs more than the names around it, which stand with the path.
      let names = chunk.symbol.split(separator: ".")
      let around = names.dropLast().joined(separator: " ")
      return Row(
        chunk: chunk, name: joined((names.last ?? "").utf8), path: joined("\(file.path) \(around)".utf8),
        code: joined(file.bytes[chunk.byteRange]))
    }
  }

  private static func joined(_ text: some Sequence<UInt8>) -> String {
    TermSplitter.terms(text).joined(separator: " ")
  }

  private func count(_ table: String) throws(DatabaseError) -> Int {
    try connection.first("SELECT count(*) FROM \(table)") { $0.integer(0) } ?? 0
  }
}

/// `map` on all cores, in order. Blocks the calling thread.
private func concurrentMap<Input: Sendable, Output: Sendable>(
  _ inputs: [Input], _ transform: @Sendable (Input) -> Output
) -> [Output] {
  let count = inputs.count
  let outputs = UnsafeMutableBufferPointer<Output?>.allocate(capacity: count)
  outputs.initialize(repeating: nil)
  defer {
    outputs.deinitialize()
    outputs.deallocate()
  }
  // Every iteration writes its own element, and all have ended when concurrentPerform returns.
  nonisolated(unsafe) let slots = outputs
  DispatchQueue.concurrentPerform(iterations: count) { slots[$0] = transform(inputs[$0]) }
  return outputs.compactMap { $0 }
}
