import Dispatch

/// Runs the service's jobs on a queue of its own: parsing a hostile file can take a while, and must not hold one of the
/// cooperative pool's few threads.
final class ServiceExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "gemfill.completion", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    queue.async { unowned.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
