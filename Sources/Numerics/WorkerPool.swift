import CKernels
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
  private let parked = Atomic<Int>(0)
  private let parking = NSCondition()
  private let callers = NSLock()
  private let barrier: SpinBarrier
  private let crowding = Mutex(Crowding())
  private var job: ((Int) -> Void)?
  private var chunkCount = 0
  private var isTeam = false

  /// Pauses before a thread that waits for work parks, about 50 µs: longer than what lies between two tokens.
  private static let idleSpins = 2_000

  /// Creates a pool of `threads` threads (at least 1; the caller counts as one).
  public init(threads: Int) {
    threadCount = max(1, threads)
    barrier = SpinBarrier(threads: threadCount)
    for index in 1..<max(2, threadCount) where index < threadCount {
      let thread = Thread { [weak self] in
        WorkerPool.serve(index) { self }
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
    start(count, isTeam: false, body)
  }

  private func start(_ count: Int, isTeam: Bool, _ body: (Int) -> Void) {
    callers.lock()
    defer { callers.unlock() }
    withoutActuallyEscaping(body) { escaping in
      job = escaping
      chunkCount = count
      self.isTeam = isTeam
      nextChunk.store(0, ordering: .relaxed)
      running.store(threadCount - 1, ordering: .relaxed)
      generation.add(1, ordering: .sequentiallyConsistent)
      if parked.load(ordering: .sequentiallyConsistent) > 0 {
        parking.lock()
        parking.broadcast()
        parking.unlock()
      }
      takeChunks(0)
      spinUntil { running.load(ordering: .acquiring) == 0 }
      job = nil
    }
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
    barrier.clearStalls()
    let begin = ContinuousClock.now
    start(threadCount, isTeam: true) { rank in
      body(TeamMember(rank: rank, count: threadCount, barrier: barrier))
    }
    let total = ContinuousClock.now - begin
    crowding.withLock { $0.note(stalled: barrier.stalled, of: total) }
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

  private func takeChunks(_ thread: Int) {
    guard let job else { return }
    if isTeam { return job(thread) }
    while true {
      let chunk = nextChunk.add(1, ordering: .relaxed).oldValue
      if chunk >= chunkCount { return }
      job(chunk)
    }
  }

  private static func serve(_ thread: Int, _ pool: () -> WorkerPool?) {
    var seen = 0
    while let pool = pool() {
      var spins = 0
      while pool.generation.load(ordering: .acquiring) == seen && spins < idleSpins {
        spins += 1
        ck_pause()
      }
      if pool.generation.load(ordering: .acquiring) == seen {
        pool.parking.lock()
        pool.parked.add(1, ordering: .sequentiallyConsistent)
        // The time limit lets a thread whose pool is gone end.
        while pool.generation.load(ordering: .sequentiallyConsistent) == seen {
          if !pool.parking.wait(until: Date(timeIntervalSinceNow: 5)) { break }
        }
        pool.parked.subtract(1, ordering: .sequentiallyConsistent)
        pool.parking.unlock()
        if pool.generation.load(ordering: .acquiring) == seen { continue }
      }
      seen += 1
      pool.takeChunks(thread)
      pool.running.subtract(1, ordering: .releasing)
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
    wait()
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

/// A barrier that spins: the threads between two steps of a forward pass arrive within a microsecond of each other.
final class SpinBarrier: Sendable {
  /// Of a team of one.
  static let alone = SpinBarrier(threads: 1)

  private let threads: Int
  private let arrived = Atomic<Int>(0)
  private let round = Atomic<Int>(0)
  private let stalledNanoseconds = Atomic<Int>(0)

  init(threads: Int) { self.threads = threads }

  /// Time that members waited for one that did not run, since `clearStalls`.
  var stalled: Duration { .nanoseconds(stalledNanoseconds.load(ordering: .relaxed)) }

  func clearStalls() { stalledNanoseconds.store(0, ordering: .relaxed) }

  @inline(__always)
  func wait(fetching next: UnsafeRawPointer? = nil, byteCount: Int = 0) {
    guard threads > 1 else { return }
    let current = round.load(ordering: .relaxed)
    if arrived.add(1, ordering: .acquiringAndReleasing).newValue == threads {
      arrived.store(0, ordering: .relaxed)
      round.store(current + 1, ordering: .releasing)
      return
    }
    if let next { ck_prefetch(next, Int64(byteCount)) }
    for _ in 0..<spinLimit {
      if round.load(ordering: .acquiring) != current { return }
      ck_pause()
    }
    waitLong(current)
  }

  /// Behind the time that any step can take: another member has lost its core.
  @inline(never)
  private func waitLong(_ current: Int) {
    let begin = ContinuousClock.now
    while round.load(ordering: .acquiring) == current {
      ck_pause()
      sched_yield()
    }
    let nanoseconds = Int((ContinuousClock.now - begin) / .nanoseconds(1))
    stalledNanoseconds.add(nanoseconds, ordering: .relaxed)
  }
}

/// Spins with pauses, and lets other processes run where it takes long: a preempted thread may hold the others up.
@inline(__always)
private func spinUntil(_ condition: () -> Bool) {
  var spins = 0
  while !condition() {
    spins += 1
    ck_pause()
    if spins > spinLimit { sched_yield() }
  }
}

/// Pauses of one wait before it gives its core to others: about 100 µs.
private let spinLimit = 4_000
