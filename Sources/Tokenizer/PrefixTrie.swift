/// Finds the longest of a set of pieces that a text begins with.
struct PrefixTrie: Sendable {
  private struct Node {
    let byte: UInt8
    var token: Int32 = -1
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
  }

  /// Whether spaces and `▁` in the text both match the `▁` of pieces, as in SentencePiece, which replaces the one by
  /// the other before it looks; otherwise pieces match byte by byte.
  private let spacesMatchMarks: Bool
  private var nodes: [Node] = []
  private var roots = [Int32](repeating: -1, count: 256)
  /// A bit for each two bytes with which a piece may begin: most places in a text are dismissed by it.
  private var beginnings = [UInt64](repeating: 0, count: 1 << 10)
  /// No piece takes more bytes of text.
  private(set) var longestPiece = 0

  init(spacesMatchMarks: Bool) {
    self.spacesMatchMarks = spacesMatchMarks
  }

  /// Adds a piece; of equal pieces the first counts.
  mutating func insert(_ piece: ArraySlice<UInt8>, token: Int32) {
    let bytes = spacesMatchMarks ? Self.withSpaces(piece) : Array(piece)
    guard let first = bytes.first else { return }
    let spaces = spacesMatchMarks ? bytes.count { $0 == 0x20 } : 0
    longestPiece = max(longestPiece, bytes.count + 2 * spaces)
    if roots[Int(first)] < 0 { roots[Int(first)] = append(first) }
    var node = roots[Int(first)]
    for byte in bytes.dropFirst() {
      if let child = child(of: node, byte) {
        node = child
      } else {
        let child = append(byte)
        nodes[Int(child)].nextSibling = nodes[Int(node)].firstChild
        nodes[Int(node)].firstChild = child
        node = child
      }
    }
    if nodes[Int(node)].token < 0 { nodes[Int(node)].token = token }
    markBeginning(bytes)
  }

  /// Whether a piece may stand at `start`.
  @inline(__always)
  func mayMatch(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
    let second = start + 1 < text.count ? text[start + 1] : 0
    let place = Int(text[start]) << 8 | Int(second)
    return beginnings[place >> 6] >> UInt64(place & 63) & 1 != 0
  }

  /// The token of the longest piece that stands at `start`, and how many bytes of the text it takes.
  func longestMatch(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> (token: Int32, count: Int)? {
    var (byte, position) = step(text, start)
    var node = roots[Int(byte)]
    var best: (Int32, Int)?
    while node >= 0 {
      let token = nodes[Int(node)].token
      if token >= 0 { best = (token, position - start) }
      guard position < text.count else { break }
      let previous = position
      (byte, position) = step(text, previous)
      guard let child = child(of: node, byte) else { break }
      node = child
    }
    return best
  }

  /// The byte to follow at `position`, and where the next one stands.
  @inline(__always)
  private func step(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> (UInt8, Int) {
    let byte = text[position]
    if byte == 0xE2, spacesMatchMarks, position + 2 < text.count, text[position + 1] == 0x96,
      text[position + 2] == 0x81
    {
      return (0x20, position + 3)
    }
    return (byte, position + 1)
  }

  private mutating func markBeginning(_ bytes: [UInt8]) {
    func mark(_ first: UInt8, _ second: UInt8) {
      let place = Int(first) << 8 | Int(second)
      beginnings[place >> 6] |= 1 << UInt64(place & 63)
    }
    var firsts: [(UInt8, UInt8?)] = [(bytes[0], bytes.count > 1 ? bytes[1] : nil)]
    if spacesMatchMarks {
      if bytes[0] == 0x20 { firsts.append((0xE2, 0x96)) }
      if bytes.count > 1, bytes[1] == 0x20 { firsts.append((bytes[0], 0xE2)) }
    }
    for (first, second) in firsts {
      if let second {
        mark(first, second)
      } else {
        for second in UInt8.min ... .max { mark(first, second) }
      }
    }
  }

  private static func withSpaces(_ piece: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var position = piece.startIndex
    while position < piece.endIndex {
      let isMark = piece[position...].starts(with: Vocabulary.spaceMark)
      bytes.append(isMark ? 0x20 : piece[position])
      position += isMark ? 3 : 1
    }
    return bytes
  }

  private mutating func append(_ byte: UInt8) -> Int32 {
    nodes.append(Node(byte: byte))
    return Int32(nodes.count - 1)
  }

  private func child(of node: Int32, _ byte: UInt8) -> Int32? {
    var child = nodes[Int(node)].firstChild
    while child >= 0 {
      if nodes[Int(child)].byte == byte { return child }
      child = nodes[Int(child)].nextSibling
    }
    return nil
  }
}
