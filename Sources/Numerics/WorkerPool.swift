import CKernels
import Foundation
import Synchronization

/// A fixed set of threads that run the chunks of one job at a time: spin briefly for the next job, then park, so that
/// an idle pool costs no CPU and a busy one no system call per job.
///
/// The caller's thread works too. Jobs of several callers run one after the other. Numeric results do not depend on
/// which thread runs which chunk.
public final class WorkerPool: Sendable {
  /// The pool that the engine uses: one thread per core.
  public static let shared = WorkerPool(threads: ProcessInfo.processInfo.activeProcessorCount)

  /// Threads that take part, the caller's included.
  public let threadCount: Int

  private let crew: WorkerCrew
  private let callers = NSLock()
  private let barrier: SpinBarrier
  private let crowding = Mutex(Crowding())

  /// Creates a pool of `threads` threads (at least 1; the caller counts as one).
  public init(threads: Int) {
    threadCount = max(1, threads)
    barrier = SpinBarrier(threads: threadCount)
    crew = WorkerCrew(workers: threadCount - 1)
  }

  deinit { crew.dismiss() }

  /// Runs `body(0)` … `body(count - 1)`, each once, on the pool and the caller's thread, and returns when all are done.
  ///
  /// `body` may write to memory that it shares with nobody else per chunk; it must not call `run` of the same pool.
  public func run(_ count: Int, _ body: (Int) -> Void) {
    if threadCount == 1 || count <= 1 {
      for chunk in 0..<max(0, count) { body(chunk) }
      return
    }
    callers.withLock { crew.run(count, isTeam: false, body) }
  }

  /// Runs `body` once on every thread of the pool at the same time; the members of the team wait for each other at
  /// `barrier`. One such job costs less than many small ones: a barrier takes a fraction of a microsecond.
  ///
  /// Every member must reach the same barriers in the same order. `body` must not call `run` of the same pool.
  ///
  /// Where other processes keep taking cores away, every barrier waits for a thread that does not run: then the caller
  /// works alone for a while, and the team is tried again later.
  public func team(_ body: (TeamMember) -> Void) {
    guard threadCount > 1, !crowding.withLock({ $0.isCrowded }) else {
      return body(TeamMember(rank: 0, count: 1, barrier: SpinBarrier.alone))
    }
    callers.withLock {
      barrier.clearStalls()
      let begin = ContinuousClock.now
      crew.run(threadCount, isTeam: true) { rank in
        body(TeamMember(rank: rank, count: threadCount, barrier: barrier))
      }
      // What one member lost on average, of those that can lose: somebody is always the last.
      let stalled = barrier.stalled / (threadCount - 1)
      crowding.withLock { $0.note(stalled: stalled, of: ContinuousClock.now - begin) }
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
      let range = TeamMember.range(total, unit: unit, part: part, of: parts)
      if !range.isEmpty { body(range) }
    }
  }
}

/// One thread of `WorkerPool.team`.
public struct TeamMember {
  /// `0..<count`; 0 is the caller's thread, and the others keep theirs too, so that caches stay warm.
  public let rank: Int
  /// Threads of the team.
  public let count: Int
  fileprivate let barrier: SpinBarrier

  /// Waits until every member is here. What they wrote before it is seen by all after it.
  public func wait() { barrier.wait() }

  /// The same; a member that has to wait asks meanwhile for the first bytes that it is going to read.
  public func wait(fetching next: UnsafeRawPointer?, byteCount: Int) {
    barrier.wait(fetching: next, byteCount: byteCount)
  }

  /// Runs `body` on one member while the others wait.
  public func single(_ body: () -> Void) {
    if rank == 0 { body() }
    barrier.wait(countsStalls: false)
  }

  /// This member's part of `0..<total`, in multiples of `unit`.
  public func share(_ total: Int, unit: Int = 1) -> Range<Int> {
    Self.range(total, unit: unit, part: rank, of: count)
  }

  static func range(_ total: Int, unit: Int, part: Int, of parts: Int) -> Range<Int> {
    let units = (total + unit - 1) / unit
    func border(_ part: Int) -> Int { min(total, (units * part + parts - 1) / parts * unit) }
    return border(part)..<border(part + 1)
  }
}
