import Foundation
import Synchronization

/// Reads blobs in any order and from any thread, through a few `git cat-file --batch` processes that stay.
///
/// A process is started when one is needed and none is idle. All end when this value goes away: their input closes.
final class GitBlobs: Sendable {
  private let git: GitCommand
  private let idle = Mutex<[BlobProcess]>([])

  init(git: GitCommand) {
    self.git = git
  }

  /// The bytes of a blob; fails for an object that is missing, no blob, damaged, or longer than `limit`.
  func read(_ object: String, limit: Int) -> Result<[UInt8], SkippedFile> {
    guard GitHistory.isObjectName(object) else {
      return .failure(SkippedFile(.unreadable, "is no name of an object"))
    }
    // A process that somebody ended is replaced once.
    for _ in 0..<2 {
      guard let process = idle.withLock({ $0.popLast() }) ?? BlobProcess(git: git) else {
        return .failure(SkippedFile(.unreadable, "git cannot be started"))
      }
      switch process.read(object, limit: limit) {
      case .bytes(let bytes):
        idle.withLock { $0.append(process) }
        return .success(bytes)
      case .refused(let reason):
        idle.withLock { $0.append(process) }
        return .failure(SkippedFile(.unreadable, reason))
      case .ended:
        continue
      }
    }
    return .failure(SkippedFile(.unreadable, "git ended while it read \(object)"))
  }
}

/// One `git cat-file --batch`, used by one thread at a time.
///
/// `@unchecked Sendable`: the pool hands it to one thread at a time.
private final class BlobProcess: @unchecked Sendable {
  enum Answer {
    case bytes([UInt8])
    case refused(String)
    /// The process is of no more use.
    case ended
  }

  private let process: ChildProcess
  /// Our end of a socket that is git's standard input: unlike a pipe, it reports a closed end without a signal.
  private let requests: Int32
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private var filled = 0
  private var next = 0

  init?(git: GitCommand) {
    guard let (ours, theirs) = try? ChildProcess.connection() else { return nil }
    defer { close(theirs) }
    do {
      process = try git.start(["cat-file", "--batch"], input: theirs)
    } catch {
      close(ours)
      return nil
    }
    requests = ours
  }

  deinit {
    // The end of its input ends the program.
    close(requests)
    close(process.output)
    _ = process.waitForExit()
  }

  func read(_ object: String, limit: Int) -> Answer {
    guard send(Array((object + "\n").utf8)), let header = line() else { return .ended }
    let words = header.split(separator: " ")
    guard words.count == 3, let size = Int(words[2]), size >= 0 else { return .refused("is missing in git") }
    let isWanted = words[1] == "blob" && size <= limit
    guard let bytes = take(size, keep: isWanted), take(1, keep: false) != nil else { return .ended }
    return isWanted ? .bytes(bytes) : .refused("is no blob of this size")
  }

  private func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.send(requests, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  private func fill() -> Bool {
    while true {
      let count = buffer.withUnsafeMutableBytes {
        Foundation.read(process.output, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      next = 0
      filled = max(0, count)
      return count > 0
    }
  }

  /// A line without its newline; at most 1 000 bytes of it.
  private func line() -> String? {
    var line: [UInt8] = []
    while true {
      guard next < filled || fill() else { return nil }
      let byte = buffer[next]
      next += 1
      if byte == 0x0A { return String(decoding: line, as: UTF8.self) }
      if line.count < 1_000 { line.append(byte) }
    }
  }

  /// The next `count` bytes, empty unless they are to be kept; nil when they do not come.
  private func take(_ count: Int, keep: Bool) -> [UInt8]? {
    var bytes: [UInt8] = []
    if keep { bytes.reserveCapacity(count) }
    var missing = count
    while missing > 0 {
      guard next < filled || fill() else { return nil }
      let part = min(missing, filled - next)
      if keep { bytes += buffer[next..<(next + part)] }
      next += part
      missing -= part
    }
    return bytes
  }
}
