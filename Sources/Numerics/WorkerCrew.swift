import CKernels
import Foundation
import Synchronization

/// The threads of a pool and what they need to know, which they keep alive themselves: the pool can go while they sleep.
final class WorkerCrew: @unchecked Sendable {
  // @unchecked: `job`, `chunkCount` and `isTeam` are written only between two generations, while no worker reads them
  // (the generation counter is the release/acquire pair), and `parking` guards the rest.

  private let workers: Int
  private let generation = Atomic<Int>(0)
  private let nextChunk = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let parked = Atomic<Int>(0)
  private let isDismissed = Atomic<Bool>(false)
  private let parking = NSCondition()
  private var job: ((Int) -> Void)?
  private var chunkCount = 0
  private var isTeam = false

  /// Pauses before a thread that waits for work parks, about 50 µs: longer than what lies between two tokens.
  private static let idleSpins = 2_000

  init(workers: Int) {
    self.workers = workers
    for index in 0..<workers {
      let thread = Thread { self.serve(index + 1) }
      thread.name = "gemfill-worker-\(index + 1)"
      thread.stackSize = 1 << 20
      thread.start()
    }
  }

  /// Ends all threads; no job may run.
  func dismiss() {
    isDismissed.store(true, ordering: .sequentiallyConsistent)
    announce()
  }

  /// Runs one job; one caller at a time. A team's chunk is the thread's number, any other job's chunks go to who is free.
  func run(_ count: Int, isTeam: Bool, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escaping in
      job = escaping
      chunkCount = count
      self.isTeam = isTeam
      nextChunk.store(0, ordering: .relaxed)
      running.store(workers, ordering: .relaxed)
      announce()
      takeChunks(0)
      spinUntil { running.load(ordering: .acquiring) == 0 }
      job = nil
    }
  }

  private func announce() {
    generation.add(1, ordering: .sequentiallyConsistent)
    guard parked.load(ordering: .sequentiallyConsistent) > 0 else { return }
    parking.withLock { parking.broadcast() }
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

  private func serve(_ thread: Int) {
    var seen = 0
    while true {
      waitForWork(seen)
      if isDismissed.load(ordering: .sequentiallyConsistent) { return }
      seen += 1
      takeChunks(thread)
      running.subtract(1, ordering: .releasing)
    }
  }

  private func waitForWork(_ seen: Int) {
    for _ in 0..<Self.idleSpins {
      if generation.load(ordering: .acquiring) != seen { return }
      ck_pause()
    }
    parking.withLock {
      parked.add(1, ordering: .sequentiallyConsistent)
      while generation.load(ordering: .sequentiallyConsistent) == seen { parking.wait() }
      parked.subtract(1, ordering: .sequentiallyConsistent)
    }
  }
}
