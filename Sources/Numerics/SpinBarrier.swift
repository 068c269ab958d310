import CKernels
import Foundation
import Synchronization

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
  func wait(fetching next: UnsafeRawPointer? = nil, byteCount: Int = 0, countsStalls: Bool = true) {
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
    waitLong(current, countsStalls)
  }

  /// Behind the time that any step can take: another member has lost its core.
  @inline(never)
  private func waitLong(_ current: Int, _ countsStalls: Bool) {
    let begin = ContinuousClock.now
    while round.load(ordering: .acquiring) == current {
      ck_pause()
      sched_yield()
    }
    guard countsStalls else { return }
    let nanoseconds = Int((ContinuousClock.now - begin) / .nanoseconds(1))
    stalledNanoseconds.add(nanoseconds, ordering: .relaxed)
  }
}

/// Spins with pauses, and lets other processes run where it takes long: a preempted thread may hold the others up.
@inline(__always)
func spinUntil(_ condition: () -> Bool) {
  var spins = 0
  while !condition() {
    spins += 1
    ck_pause()
    if spins > spinLimit { sched_yield() }
  }
}

/// Pauses of one wait before it gives its core to others: about 100 µs.
let spinLimit = 4_000
