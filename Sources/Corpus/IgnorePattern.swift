/// One line of a .gitignore file, compiled. Matching takes time proportional to pattern × path, whatever the pattern.
public struct IgnorePattern: Sendable, Equatable {
  /// True when a match takes the path back in.
  public let isNegated: Bool
  /// True when only folders match.
  public let isFolderOnly: Bool
  /// True when the pattern is compared with the whole path below its file, not with the last component.
  public let isAnchored: Bool
  private let steps: [Step]

  private enum Step: Sendable, Equatable {
    case byte(UInt8)
    case anyByte
    case star
    case set(ByteSet)
    /// `**/`: any number of folders.
    case folders
    /// `/**` at the end: at least one byte.
    case everything
  }

  private struct ByteSet: Sendable, Equatable {
    var isNegated = false
    var ranges: [ClosedRange<UInt8>] = []

    func contains(_ byte: UInt8) -> Bool {
      ranges.contains { $0.contains(byte) } != isNegated
    }
  }

  /// Compiles a line; nil for empty lines and comments.
  public init?(line: some StringProtocol) {
    var bytes = Array(line.utf8)
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    Self.trimTrailingSpaces(&bytes)
    guard let first = bytes.first, first != UInt8(ascii: "#") else { return nil }
    isNegated = first == UInt8(ascii: "!")
    if isNegated { bytes.removeFirst() }
    isFolderOnly = bytes.last == UInt8(ascii: "/")
    if isFolderOnly { bytes.removeLast() }
    guard !bytes.isEmpty else { return nil }
    isAnchored = bytes.contains(UInt8(ascii: "/"))
    if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
    steps = Self.compile(bytes)
  }

  /// Whether a path, relative to the folder of the pattern's file, matches.
  public func matches(_ path: some StringProtocol, isFolder: Bool) -> Bool {
    guard isFolder || !isFolderOnly else { return false }
    let bytes = Array(path.utf8)
    let text = isAnchored ? bytes[...] : bytes[((bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]
    return match(text)
  }

  private static func trimTrailingSpaces(_ bytes: inout [UInt8]) {
    while bytes.last == 0x20 {
      let escapes = bytes.dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }.count
      if escapes % 2 == 1 { return }
      bytes.removeLast()
    }
  }

  private static func compile(_ bytes: [UInt8]) -> [Step] {
    let slash = UInt8(ascii: "/")
    var steps: [Step] = []
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\\") where index + 1 < bytes.count:
        steps.append(.byte(bytes[index + 1]))
        index += 2
      case UInt8(ascii: "?"):
        steps.append(.anyByte)
        index += 1
      case UInt8(ascii: "*"):
        let end = bytes[index...].firstIndex { $0 != byte } ?? bytes.count
        let startsSegment = index == 0 || bytes[index - 1] == slash
        if end - index == 2, startsSegment, end == bytes.count {
          steps.append(.everything)
        } else if end - index == 2, startsSegment, bytes[end] == slash {
          steps.append(.folders)
          index = end + 1
          continue
        } else {
          steps.append(.star)
        }
        index = end
      case UInt8(ascii: "["):
        if let (set, end) = byteSet(bytes, from: index + 1) {
          steps.append(.set(set))
          index = end
        } else {
          // As in git, a pattern with an open bracket matches nothing.
          return [.set(ByteSet())]
        }
      default:
        steps.append(.byte(byte))
        index += 1
      }
    }
    return steps
  }

  private static let namedRanges: [String: [ClosedRange<UInt8>]] = [
    "alpha": [0x41...0x5A, 0x61...0x7A], "digit": [0x30...0x39], "lower": [0x61...0x7A],
    "upper": [0x41...0x5A],
    "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A], "space": [0x09...0x0D, 0x20...0x20],
    "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
    "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E],
  ]

  /// A bracket expression and the index behind its `]`; nil when it is not closed.
  private static func byteSet(_ bytes: [UInt8], from start: Int) -> (ByteSet, Int)? {
    var set = ByteSet()
    var index = start
    if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
      set.isNegated = true
      index += 1
    }
    let first = index
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "]"), index > first { return (set, index + 1) }
      if bytes[index...].starts(with: "[:".utf8),
        let end = bytes[(index + 2)...].firstIndex(of: UInt8(ascii: ":")), end + 1 < bytes.count,
        bytes[end + 1] == UInt8(ascii: "]")
      {
        set.ranges += namedRanges[String(decoding: bytes[(index + 2)..<end], as: UTF8.self)] ?? []
        index = end + 2
        continue
      }
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
      let low = bytes[index]
      index += 1
      if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "-"), bytes[index + 1] != UInt8(ascii: "]") {
        index += 1
        if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
        if bytes[index] >= low { set.ranges.append(low...bytes[index]) }
        index += 1
      } else {
        set.ranges.append(low...low)
      }
    }
    return nil
  }

  /// Simulates all ways to match at once. State `i` means: the first `i` steps are matched; for `folders`, a second
  /// flag tells that the path is inside a folder's name.
  private func match(_ text: ArraySlice<UInt8>) -> Bool {
    let slash = UInt8(ascii: "/")
    var active = [Bool](repeating: false, count: steps.count + 1)
    var insideFolder = active
    active[0] = true
    spread(&active)
    for byte in text {
      var next = [Bool](repeating: false, count: steps.count + 1)
      var nextInside = next
      for (index, step) in steps.enumerated() {
        if insideFolder[index] {
          if byte == slash { next[index] = true } else { nextInside[index] = true }
        }
        guard active[index] else { continue }
        switch step {
        case .byte(let wanted): if byte == wanted { next[index + 1] = true }
        case .anyByte: if byte != slash { next[index + 1] = true }
        case .set(let set): if byte != slash, set.contains(byte) { next[index + 1] = true }
        case .star: if byte != slash { next[index] = true }
        case .folders: if byte != slash { nextInside[index] = true }
        case .everything:
          next[index] = true
          next[index + 1] = true
        }
      }
      spread(&next)
      active = next
      insideFolder = nextInside
    }
    return active[steps.count]
  }

  /// Steps that may match nothing let the state behind them begin too.
  private func spread(_ active: inout [Bool]) {
    for (index, step) in steps.enumerated() where active[index] && (step == .star || step == .folders) {
      active[index + 1] = true
    }
  }
}
