import Dispatch

/// Runs a command's blocking work on a thread of its own, off Swift's cooperative pool; cancelling the command's task still
/// reaches it.
final class CommandThread: TaskExecutor {
  private let queue = DispatchQueue(label: "gemfill.command", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}
