import Foundation
import Synchronization

/// Many pieces of work on all cores, whose results are taken one after another in their order.
///
/// Only some results wait at a time, so that memory does not grow with the number of pieces. The caller's thread
/// takes part, and is the only one that can see whether its task was cancelled.
struct OrderedWork: Sendable {
  /// Threads at work.
  let threads: Int

  /// Pieces that may be begun before the oldest is taken, for each thread: enough that the others go on while one thread is
  /// at a file fifty times as long as most.
  private static let ahead = 24

  init(threads: Int?) {
    self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  /// Does `work` for 0 to `count` - 1 and hands each result to `take`, in order, from one thread at a time.
  ///
  /// - Throws: the first error that a piece or `take` threw; `CancellationError` when the caller's task is cancelled.
  ///   No result is taken after either.
  func run<Result: Sendable>(
    _ count: Int, work: @Sendable (Int) throws -> Result, take: (Int, Result) throws -> Void
  ) throws {
    let line = Line<Result>(count: count, limit: threads * Self.ahead)
    let caller = pthread_self()
    withoutActuallyEscaping(take) { take in
      // One thread at a time calls it, and each sees what the one before has done: `Line` hands the turn on under its
      // lock.
      nonisolated(unsafe) let take = take
      DispatchQueue.concurrentPerform(iterations: min(threads, max(1, count))) { _ in
        let isCaller = pthread_equal(caller, pthread_self()) != 0
        while let index = line.next() {
          if isCaller, Task.isCancelled { return line.stop(CancellationError()) }
          do {
            line.put(try work(index), at: index)
            while let turn = line.turn() {
              do { try take(turn.index, turn.result) } catch { line.stop(error) }
              line.endTurn()
            }
          } catch {
            line.stop(error)
          }
        }
      }
    }
    try Task.checkCancellation()
    if let error = line.error { throw error }
  }

  /// The pieces that are begun, done and taken. `@unchecked Sendable`: everything is touched under the lock.
  private final class Line<Result: Sendable>: @unchecked Sendable {
    private let lock = NSCondition()
    private let count: Int
    private let limit: Int
    private var begun = 0
    private var taken = 0
    private var done: [Int: Result] = [:]
    private var isTaking = false
    private var failure: (any Error)?

    init(count: Int, limit: Int) {
      self.count = count
      self.limit = limit
    }

    var error: (any Error)? {
      lock.withLock { failure }
    }

    /// The next piece, when there is room for its result; nil when there is none left.
    func next() -> Int? {
      lock.lock()
      defer { lock.unlock() }
      // Who holds the oldest piece never waits here, so that it goes on.
      while failure == nil, begun < count, begun >= taken + limit { lock.wait() }
      guard failure == nil, begun < count else { return nil }
      begun += 1
      return begun - 1
    }

    func put(_ result: Result, at index: Int) {
      lock.withLock { done[index] = result }
    }

    /// The oldest result, for the one thread that is to take it; nil when it is not there or another thread is at it.
    func turn() -> (index: Int, result: Result)? {
      lock.lock()
      defer { lock.unlock() }
      guard !isTaking, failure == nil, let result = done.removeValue(forKey: taken) else { return nil }
      isTaking = true
      return (taken, result)
    }

    func endTurn() {
      lock.withLock {
        isTaking = false
        taken += 1
        lock.broadcast()
      }
    }

    func stop(_ error: any Error) {
      lock.withLock {
        if failure == nil { failure = error }
        done.removeAll()
        lock.broadcast()
      }
    }
  }
}
