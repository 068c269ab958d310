import Foundation

/// Reads many blobs with one git process.
struct GitObjects {
  let git: GitCommand

  /// Calls `body` for each object in order, with nil for one that is missing, no blob, or longer than `limit`.
  func blobs(_ names: [String], limit: Int, body: (Int, [UInt8]?) -> Void) throws(CorpusError) {
    guard !names.isEmpty else { return }
    let list = try GitCommand.inputFile(names)
    defer { try? FileManager.default.removeItem(at: list) }
    var failure: CorpusError?
    try git.stream(["cat-file", "--batch"], input: list) { handle in
      var reader = Reader(handle: handle)
      for index in names.indices {
        guard let header = reader.line() else {
          failure = .malformedGitOutput(
            command: "cat-file", detail: "ended after \(index) of \(names.count) objects")
          return
        }
        let words = header.split(separator: " ")
        guard words.count == 3, let size = Int(words[2]), size >= 0 else {
          body(index, nil)
          continue
        }
        let bytes = reader.take(size + 1, keep: words[1] == "blob" && size <= limit)
        body(index, bytes.map { Array($0.dropLast()) })
      }
    }
    if let failure { throw failure }
  }

  /// Buffered reading from a pipe.
  private struct Reader {
    let handle: FileHandle
    private var buffer: [UInt8] = []
    private var next = 0

    init(handle: FileHandle) {
      self.handle = handle
    }

    private mutating func fill() -> Bool {
      let data = handle.availableData
      guard !data.isEmpty else { return false }
      buffer = [UInt8](data)
      next = 0
      return true
    }

    /// A line without its newline; at most 1 000 bytes of it.
    mutating func line() -> String? {
      var line: [UInt8] = []
      while true {
        guard next < buffer.count || fill() else { return nil }
        let byte = buffer[next]
        next += 1
        if byte == 0x0A { return String(decoding: line, as: UTF8.self) }
        if line.count < 1_000 { line.append(byte) }
      }
    }

    /// The next `count` bytes; nil when they are not to be kept or not there.
    mutating func take(_ count: Int, keep: Bool) -> [UInt8]? {
      var bytes: [UInt8] = []
      var missing = count
      while missing > 0 {
        guard next < buffer.count || fill() else { return nil }
        let part = min(missing, buffer.count - next)
        if keep { bytes += buffer[next..<(next + part)] }
        next += part
        missing -= part
      }
      return keep ? bytes : nil
    }
  }
}
