import Dispatch

/// Runs an actor's jobs on a queue of its own: the kernels block their thread, and two blocked threads of the
/// cooperative pool would freeze every other task on a two-core machine.
final class EngineExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "gemfill.engine", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    queue.async { unowned.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
