import Foundation
import Synchronization
import Testing

@testable import Commands

struct InterruptTests {
  @Test func firstSignalSetsTheFlagAndCancels() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let cancelled = DispatchSemaphore(value: 0)
      Interrupt.install { cancelled.signal() }
      guard !Interrupt.isRequested else { exit(1) }
      kill(getpid(), SIGINT)
      guard cancelled.wait(timeout: .now() + 10) == .success, Interrupt.isRequested else { exit(2) }
      exit(7)
    }
  }

  @Test func secondSignalEndsTheProcessWith130() async {
    await #expect(processExitsWith: .exitCode(130)) {
      let cancelled = DispatchSemaphore(value: 0)
      Interrupt.install { cancelled.signal() }
      kill(getpid(), SIGTERM)
      guard cancelled.wait(timeout: .now() + 10) == .success else { exit(2) }
      kill(getpid(), SIGINT)
      _ = cancelled.wait(timeout: .now() + 10)
      exit(0)
    }
  }

  @Test func writingToAClosedPipeIsNoSignal() async {
    await #expect(processExitsWith: .exitCode(141)) {
      Interrupt.install {}
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { exit(1) }
      close(ends[0])
      dup2(ends[1], 1)
      StandardStream.write(Array("data".utf8), to: 1)
      exit(0)
    }
  }
}
