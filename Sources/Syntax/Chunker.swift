/// Cuts files into chunks for search and for context: every non-blank line is in exactly one chunk.
public struct Chunker: Sendable {
  private let language: Language?
  /// A longer chunk is split.
  public let maximumLines: Int

  /// A chunker for a language; without one, chunks are lines between blank lines.
  public init(language: Language?, maximumLines: Int = 60) {
    self.language = language
    self.maximumLines = max(4, maximumLines)
  }

  /// The chunks of a file, in order.
  public func chunks(of source: [UInt8]) -> [CodeChunk] {
    chunks(of: source, trees: language?.parse(source).map { [$0] } ?? [], lines: LineIndex(source))
  }

  /// The chunks of a file that is parsed already, in order; the first tree counts, without one chunks are lines between
  /// blank lines.
  public func chunks(of source: [UInt8], trees: [SyntaxTree], lines: LineIndex) -> [CodeChunk] {
    let pieces: [Piece]
    if let tree = trees.first {
      pieces = Outline(tree: tree, source: source, lines: lines, maximumLines: maximumLines).pieces()
    } else {
      pieces = [Piece(lines: 0..<lines.count, symbol: "", kind: .block)]
    }
    return pieces.flatMap { split($0, source: source, lines: lines) }
  }

  /// A run of lines on its way to becoming chunks.
  struct Piece {
    var lines: Range<Int>
    var symbol: String
    var kind: CodeChunk.Kind
  }

  private func split(_ piece: Piece, source: [UInt8], lines: LineIndex) -> [CodeChunk] {
    let blank = piece.lines.map { Blank.isBlank(source[lines.range(of: $0)]) }
    func isBlank(_ line: Int) -> Bool { blank[line - piece.lines.lowerBound] }
    var chunks: [CodeChunk] = []
    var start = piece.lines.lowerBound
    while true {
      while start < piece.lines.upperBound, isBlank(start) { start += 1 }
      guard start < piece.lines.upperBound else { return chunks }
      var end = min(start + maximumLines, piece.lines.upperBound)
      if end < piece.lines.upperBound || piece.kind == .block {
        end = border(from: start, to: end, all: piece, isBlank: isBlank) ?? end
      }
      let next = end
      while isBlank(end - 1) { end -= 1 }
      chunks.append(
        CodeChunk(
          byteRange: lines.range(of: start..<end), lineRange: (start + 1)...end, symbol: piece.symbol,
          kind: piece.kind))
      start = next
    }
  }

  /// The best line to end at: the last blank one; for blocks without grammar the first one after 8 lines.
  private func border(from start: Int, to end: Int, all: Piece, isBlank: (Int) -> Bool) -> Int? {
    let candidates = (start + 1..<max(start + 1, end)).filter { isBlank($0) }
    if all.kind == .block { return candidates.first { $0 - start >= 8 } }
    return candidates.last { $0 - start >= maximumLines / 3 }
  }
}
