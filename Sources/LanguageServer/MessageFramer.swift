/// Cuts a byte stream into LSP messages: headers, an empty line, `Content-Length` bytes.
///
/// Nothing a peer sends can make it hold more than one message of the largest allowed size. After a broken header it
/// reads on from the next line that looks like a `Content-Length`.
struct MessageFramer {
  /// What came out of the stream.
  enum Output: Equatable, Sendable {
    /// The content of one message.
    case message([UInt8])
    /// A frame that could not be read; the stream goes on behind it.
    case broken(String)
  }

  /// Largest content of one message.
  static let maximumContentBytes = 64 << 20
  /// Longest header line.
  static let maximumLineBytes = 4_096
  /// Most header lines of one message.
  static let maximumHeaderLines = 32

  private enum State {
    case header
    case content(Int)
    case skipping(Int)
  }

  private var state = State.header
  private var line: [UInt8] = []
  private var lineOverflows = false
  private var headerLines = 0
  private var length: Int?
  private var problem: String?
  private var content: [UInt8] = []

  /// Takes the next bytes and returns what they complete.
  mutating func feed(_ bytes: some Collection<UInt8>) -> [Output] {
    let bytes = Array(bytes)
    var outputs: [Output] = []
    var index = 0
    while index < bytes.count {
      switch state {
      case .header:
        index = takeHeader(bytes, from: index, &outputs)
      case .content(let length):
        let taken = min(length - content.count, bytes.count - index)
        content += bytes[index..<index + taken]
        index += taken
        finishContent(length, &outputs)
      case .skipping(let left):
        let taken = min(left, bytes.count - index)
        index += taken
        state = left == taken ? .header : .skipping(left - taken)
      }
    }
    return outputs
  }

  private mutating func finishContent(_ length: Int, _ outputs: inout [Output]) {
    guard content.count == length else { return }
    outputs.append(.message(content))
    content = []
    state = .header
  }

  private mutating func takeHeader(_ bytes: [UInt8], from start: Int, _ outputs: inout [Output]) -> Int {
    let end = bytes[start...].firstIndex(of: 0x0A)
    let piece = bytes[start..<(end ?? bytes.count)]
    if line.count + piece.count <= Self.maximumLineBytes {
      line += piece
    } else {
      lineOverflows = true
    }
    guard let end else { return bytes.count }
    if line.last == 0x0D { line.removeLast() }
    if line.isEmpty, !lineOverflows { endHeaders(&outputs) } else { takeLine() }
    line = []
    lineOverflows = false
    return end + 1
  }

  private mutating func takeLine() {
    headerLines += 1
    if headerLines > Self.maximumHeaderLines { problem = problem ?? "too many header lines" }
    guard !lineOverflows else {
      problem = problem ?? "header line longer than \(Self.maximumLineBytes) bytes"
      return
    }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      problem = problem ?? "header line without a colon"
      return
    }
    let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
    guard name.hasSuffix("content-length") else {
      if !name.utf8.allSatisfy(Self.isNameByte) { problem = problem ?? "header with a strange name" }
      return
    }
    let text = String(decoding: line[(colon + 1)...], as: UTF8.self).split(separator: " ").joined(
      separator: " ")
    if name != "content-length" {
      // Rubbish in front of the name, such as the rest of a broken message: the length counts, the rest is told.
      problem = "bytes in front of a header"
    }
    guard let value = Int(text), value >= 0 else {
      problem = "Content-Length is not a number of bytes"
      length = nil
      return
    }
    length = value
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
  }

  private mutating func endHeaders(_ outputs: inout [Output]) {
    defer {
      headerLines = 0
      length = nil
      problem = nil
    }
    if let problem { outputs.append(.broken(problem)) }
    guard let length else {
      if headerLines > 0, problem == nil { outputs.append(.broken("message without Content-Length")) }
      return
    }
    if length > Self.maximumContentBytes {
      outputs.append(.broken("message of \(length) bytes; at most \(Self.maximumContentBytes) are read"))
      state = .skipping(length)
    } else {
      state = length == 0 ? .header : .content(length)
      if length == 0 { outputs.append(.message([])) }
    }
  }

  /// A message with its header.
  static func frame(_ content: [UInt8]) -> [UInt8] {
    Array("Content-Length: \(content.count)\r\n\r\n".utf8) + content
  }
}
