import Syntax

/// Cuts a file into the stretches that are found as a whole: at types and functions, at blank lines where those are long,
/// and short neighbours joined.
struct ChunkLines {
  /// Longest chunk: snippets are short.
  static let longest = 30
  /// Neighbours are joined up to this many lines: a chunk of two lines costs as much as one of ten.
  static let joined = 12
  /// Shorter definitions make no border.
  private static let shortestDefinition = 3
  /// Shorter comments at the top may say what the file is.
  private static let shortestNotice = 6

  private let source: [UInt8]
  private let lines: LineIndex
  /// For each line, its first byte that is no white space; 0 for blank lines.
  private let heads: [UInt8]

  init(source: [UInt8], lines: LineIndex) {
    self.source = source
    self.lines = lines
    heads = source.withUnsafeBufferPointer { bytes in
      (0..<lines.count).map { line in
        var index = lines.starts[line]
        while index < bytes.count, bytes[index] != 0x0A, bytes[index] <= 0x20 { index += 1 }
        return index < bytes.count && bytes[index] != 0x0A ? bytes[index] : 0
      }
    }
  }

  /// The chunks as 0-based lines, in order, without overlap and without blank lines at their ends.
  ///
  /// - Parameter top: no chunk begins before this line.
  func chunks(_ definitions: [FactTables.Definition], from top: Int) -> [Range<Int>] {
    let start = min(max(top, behindNotice()), lines.count)
    var borders: Set<Int> = [start, lines.count]
    for item in definitions where item.isScope && item.lines.count >= Self.shortestDefinition {
      borders.insert(max(start, firstLine(of: item.lines.lowerBound)))
      borders.insert(max(start, min(item.lines.upperBound, lines.count)))
    }
    let sorted = borders.sorted()
    var pieces: [Range<Int>] = []
    for (start, end) in zip(sorted, sorted.dropFirst()) { split(start..<end, into: &pieces) }
    var chunks: [Range<Int>] = []
    for piece in pieces {
      if let last = chunks.last, piece.upperBound - last.lowerBound <= Self.joined {
        chunks[chunks.count - 1] = last.lowerBound..<piece.upperBound
      } else {
        chunks.append(piece)
      }
    }
    return chunks
  }

  /// The first line behind a long comment at the top: a licence notice helps nobody, and is in every file.
  private func behindNotice() -> Int {
    var line = 0
    while line < heads.count, heads[line] == 0 || isPlainComment(line) { line += 1 }
    return line >= Self.shortestNotice ? line : 0
  }

  /// `# x`, `// x`, `/* x`, `* x`; neither `#include` nor an attribute.
  private func isPlainComment(_ line: Int) -> Bool {
    let text = source[lines.range(of: line)].drop { $0 == 0x20 || $0 == 0x09 }
    let next = text.dropFirst().first ?? 0x0A
    switch heads[line] {
    case UInt8(ascii: "#"): return next <= 0x20 || next == UInt8(ascii: "#") || next == UInt8(ascii: "!")
    case UInt8(ascii: "/"): return next == UInt8(ascii: "/") || next == UInt8(ascii: "*")
    case UInt8(ascii: "*"): return true
    default: return false
    }
  }

  /// Comments and attributes right above a definition belong to it.
  private func firstLine(of line: Int) -> Int {
    var first = min(line, lines.count)
    while first > 0, Self.isComment(heads[first - 1]) { first -= 1 }
    return first
  }

  private static func isComment(_ head: UInt8) -> Bool {
    head == UInt8(ascii: "#") || head == UInt8(ascii: "/") || head == UInt8(ascii: "*")
      || head == UInt8(ascii: "@")
  }

  private func split(_ piece: Range<Int>, into pieces: inout [Range<Int>]) {
    var start = piece.lowerBound
    while true {
      while start < piece.upperBound, heads[start] == 0 { start += 1 }
      guard start < piece.upperBound else { return }
      var end = min(start + Self.longest, piece.upperBound)
      if end < piece.upperBound {
        end = (start + Self.longest / 3..<end).last { heads[$0] == 0 } ?? end
      }
      let next = end
      while heads[end - 1] == 0 { end -= 1 }
      pieces.append(start..<end)
      start = next
    }
  }
}
