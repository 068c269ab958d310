import Foundation
import Synchronization

/// Ctrl-C and SIGTERM as a flag: the first asks the command to save its work and leave, the second ends the
/// process at once with exit code 130.
public enum Interrupt {
  private static let count = Atomic<Int>(0)
  private static let wakeUp = Atomic<Int32>(-1)

  /// Whether the user asked to stop. Poll it in every long loop.
  public static var isRequested: Bool { count.load(ordering: .acquiring) > 0 }

  /// Installs the handlers and calls `onFirst` on a thread of its own at the first signal.
  static func install(onFirst: @escaping @Sendable () -> Void) {
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) == 0 {
      let (reading, writing) = (ends[0], ends[1])
      _ = fcntl(reading, F_SETFD, FD_CLOEXEC)
      _ = fcntl(writing, F_SETFD, FD_CLOEXEC)
      wakeUp.store(writing, ordering: .releasing)
      Thread.detachNewThread {
        var byte: UInt8 = 0
        while read(reading, &byte, 1) < 0, errno == EINTR {}
        onFirst()
      }
    }
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in Interrupt.note() }
    }
    signal(SIGPIPE, SIG_IGN)
    // A file that grows beyond the limit (ulimit -f) is an error of the write that does it, like a full disk.
    signal(SIGXFSZ, SIG_IGN)
  }

  /// The handler: only atomics and async-signal-safe calls.
  private static func note() {
    let saved = errno
    if count.add(1, ordering: .acquiringAndReleasing).oldValue > 0 { _exit(ExitCode.interrupted.rawValue) }
    var byte: UInt8 = 1
    _ = write(wakeUp.load(ordering: .acquiring), &byte, 1)
    errno = saved
  }
}
