import Foundation
import Synchronization
import Testing

@testable import Corpus

/// Programs that are started for us.
@Suite struct ChildProcessTests {
  private static let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C"]

  private static func text(_ descriptor: Int32) -> String {
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    return String(decoding: handle.readDataToEndOfFile(), as: UTF8.self)
  }

  /// What `git cat-file --batch` needs: two threads that start one each at the same time, then one end after the other.
  @Test(.timeLimit(.minutes(2))) func programsStartedAtTheSameTimeEndOneByOne() throws {
    for _ in 0..<100 {
      let started = Mutex<[(ChildProcess, Int32)]>([])
      DispatchQueue.concurrentPerform(iterations: 4) { _ in
        guard let (ours, theirs) = try? ChildProcess.connection() else { return }
        defer { close(theirs) }
        if let child = try? ChildProcess("cat", [], environment: Self.environment, input: theirs) {
          started.withLock { $0.append((child, ours)) }
        }
      }
      let children = started.withLock { $0 }
      #expect(children.count == 4)
      for (child, input) in children {
        close(input)
        #expect(Self.text(child.output).isEmpty)
        #expect(child.waitForExit() == 0)
      }
    }
  }

  @Test func nothingThatIsOpenHereIsOpenThere() throws {
    // Opened without a care, as a library might.
    let leaking = open("/dev/null", O_RDONLY)
    defer { close(leaking) }
    let child = try ChildProcess("ls", ["/proc/self/fd"], environment: Self.environment)
    let seen = Self.text(child.output).split(separator: "\n").compactMap { Int($0) }
    #expect(child.waitForExit() == 0)
    // 3 is the folder that ls reads.
    #expect(seen == [0, 1, 2, 3])
  }

  @Test func exitCodesAndSignalsAreTold() throws {
    for (script, code) in [("exit 7", Int32(7)), ("kill -9 $$", 128 + SIGKILL), ("true", 0)] {
      let child = try ChildProcess("sh", ["-c", script], environment: Self.environment)
      #expect(Self.text(child.output).isEmpty)
      #expect(child.waitForExit() == code, "\(script)")
    }
  }

  @Test func programsThatAreNotThereAreRefused() {
    #expect {
      try ChildProcess("gemfill-no-such-program", [], environment: Self.environment)
    } throws: { ($0 as? ChildProcess.Failure)?.isMissingProgram == true }
  }

  @Test func whatGitSaysOfAnErrorIsTold() throws {
    let folder = try TemporaryFolder()
    try folder.git("init", "-q")
    #expect {
      try GitCommand(root: folder.path).run(["rev-parse", "--verify", "no-such-name"])
    } throws: {
      guard case .gitFailed(let command, let status, let message)? = $0 as? CorpusError else { return false }
      return command == "rev-parse" && status == 128 && message.contains("fatal")
    }
  }
}
