import Foundation
import Synchronization

/// The files that were read last, with the places of their lines. Thread-safe.
final class ContentCache: Sendable {
  /// A file in memory.
  final class Content: Sendable {
    let bytes: [UInt8]
    /// Offset of each line's first byte.
    private let starts: [UInt32]

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      starts = LineStarts.of(bytes)
    }

    /// Number of lines.
    var lineCount: Int { starts.count }

    /// Bytes of whole lines, cut to those that the file has.
    func bytes(of lines: Range<Int>) -> Range<Int> {
      guard lines.lowerBound < starts.count, !lines.isEmpty else { return bytes.count..<bytes.count }
      let end = lines.upperBound < starts.count ? Int(starts[lines.upperBound]) : bytes.count
      return Int(starts[lines.lowerBound])..<end
    }
  }

  private struct Held {
    let content: Content?
    var use: Int
  }

  private struct State {
    var held: [Int: Held] = [:]
    var bytes = 0
    var clock = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  /// Keeps about `limit` bytes.
  init(limit: Int) {
    self.limit = limit
  }

  /// The file with this number; `read` is called outside of the lock when it is not held.
  func content(_ file: Int, read: () -> [UInt8]?) -> Content? {
    let known = state.withLock { state -> Held? in
      state.clock += 1
      state.held[file]?.use = state.clock
      return state.held[file]
    }
    if let known { return known.content }
    let content = read().map(Content.init)
    state.withLock { state in
      guard state.held[file] == nil else { return }
      state.held[file] = Held(content: content, use: state.clock)
      state.bytes += Self.size(content)
      if state.bytes > limit { Self.evict(&state, downTo: limit / 2) }
    }
    return content
  }

  private static func size(_ content: Content?) -> Int { 200 + (content?.bytes.count ?? 0) * 5 / 4 }

  /// Drops the longest unused half at once, so that a look-up costs no order keeping.
  private static func evict(_ state: inout State, downTo bytes: Int) {
    for (file, held) in state.held.sorted(by: { $0.value.use < $1.value.use }) {
      guard state.bytes > bytes else { return }
      state.held[file] = nil
      state.bytes -= size(held.content)
    }
  }
}

/// Where lines begin.
enum LineStarts {
  static func of(_ bytes: [UInt8]) -> [UInt32] {
    var starts: [UInt32] = [0]
    starts.reserveCapacity(bytes.count / 24 + 1)
    bytes.withUnsafeBytes { text in
      guard let base = text.baseAddress else { return }
      var index = 0
      while let found = memchr(base + index, 0x0A, text.count - index) {
        index = UnsafeRawPointer(found) - base + 1
        guard index < text.count else { return }
        starts.append(UInt32(truncatingIfNeeded: index))
      }
    }
    return starts
  }
}
