import Foundation
import Synchronization

/// A fixed set of threads that run the chunks of one job at a time: spin briefly for the next job, then park, so that
/// an idle pool costs no CPU and a busy one no system call per job.
///
/// The caller's thread works too. Jobs of several callers run one after the other. Numeric results do not depend on
/// which thread runs which chunk.
public final class WorkerPool: @unchecked Sendable {
  // @unchecked: `job` and `chunkCount` are written only between two generations, while no worker reads them
  // (the generation counter is the release/acquire pair), and `parking` guards the rest.

  /// The pool that the engine uses: one thread per core.
  public static let shared = WorkerPool(threads: ProcessInfo.processInfo.activeProcessorCount)

  /// Threads that take part, the caller's included.
  public let threadCount: Int

  private let generation = Atomic<Int>(0)
  private let nextChunk = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let parking = NSCondition()
  private let callers = NSLock()
  private var job: ((Int) -> Void)?
  private var chunkCount = 0

  /// Creates a pool of `threads` threads (at least 1; the caller counts as one).
  public init(threads: Int) {
    threadCount = max(1, threads)
    for index in 1..<max(2, threadCount) where index < threadCount {
      let thread = Thread { [weak self] in
        WorkerPool.serve { self }
      }
      thread.name = "gemfill-worker-\(index)"
      thread.stackSize = 1 << 20
      thread.start()
    }
  }

  /// Runs `body(0)` … `body(count - 1)`, each once, on the pool and the caller's thread, and returns when all are done.
  ///
  /// `body` may write to memory that it shares with nobody else per chunk; it must not call `run` of the same pool.
  public func run(_ count: Int, _ body: (Int) -> Void) {
    if threadCount == 1 || count <= 1 {
      for chunk in 0..<max(0, count) { body(chunk) }
      return
    }
    callers.lock()
    defer { callers.unlock() }
    withoutActuallyEscaping(body) { escaping in
      job = escaping
      chunkCount = count
      nextChunk.store(0, ordering: .relaxed)
      running.store(threadCount - 1, ordering: .relaxed)
      generation.add(1, ordering: .sequentiallyConsistent)
      parking.lock()
      parking.broadcast()
      parking.unlock()
      takeChunks()
      var spins = 0
      while running.load(ordering: .acquiring) != 0 {
        spins += 1
        if spins > 2_000 { sched_yield() }
      }
      job = nil
    }
  }

  /// Cuts `0..<total` into one range per thread, each a multiple of `unit` long but the last, and runs `body` on them.
  public func split(_ total: Int, unit: Int = 1, _ body: (Range<Int>) -> Void) {
    let units = (total + unit - 1) / unit
    let parts = min(threadCount, units)
    guard parts > 1 else {
      if total > 0 { body(0..<total) }
      return
    }
    run(parts) { part in
      let begin = min(total, units * part / parts * unit)
      let end = min(total, units * (part + 1) / parts * unit)
      if begin < end { body(begin..<end) }
    }
  }

  private func takeChunks() {
    guard let job else { return }
    while true {
      let chunk = nextChunk.add(1, ordering: .relaxed).oldValue
      if chunk >= chunkCount { return }
      job(chunk)
    }
  }

  private static func serve(_ pool: () -> WorkerPool?) {
    var seen = 0
    while let pool = pool() {
      var spins = 0
      while pool.generation.load(ordering: .acquiring) == seen && spins < 4_000 { spins += 1 }
      if pool.generation.load(ordering: .acquiring) == seen {
        pool.parking.lock()
        // The time limit lets a thread whose pool is gone end.
        while pool.generation.load(ordering: .acquiring) == seen {
          if !pool.parking.wait(until: Date(timeIntervalSinceNow: 5)) { break }
        }
        pool.parking.unlock()
        if pool.generation.load(ordering: .acquiring) == seen { continue }
      }
      seen += 1
      pool.takeChunks()
      pool.running.subtract(1, ordering: .releasing)
    }
  }
}
