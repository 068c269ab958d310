import Syntax

/// Collects what `FileFacts` holds from a file and its trees.
struct FactFinder {
  let path: String
  let source: [UInt8]
  let trees: [SyntaxTree]

  /// Longest chunk, in lines: snippets are short, and a chunk is what is found as a whole.
  static let chunkLines = 30
  /// Neighbours are joined up to this many lines: a chunk of two lines costs as much as one of twenty.
  private static let joinedLines = 16
  private static let maximumImports = 200
  private static let maximumDefinitions = 4_000

  func tables() -> FactTables {
    let lines = LineIndex(source)
    guard lines.count <= FactTables.maximumLines, source.count < 1 << 27 else { return FactTables() }
    var tables = FactTables()
    var imports: [FactTables.Import] = []
    for tree in trees {
      let names = DeclaredNames(tree, source: source)
      let reader = ImportReader(language: tree.language.name)
      for range in names.imports {
        imports += reader.imports(in: source[range])
      }
      for item in names.definitions {
        let first = lines.line(at: item.range.lowerBound)
        let last = lines.line(at: max(item.range.lowerBound, item.range.upperBound - 1))
        tables.definitions.append(
          FactTables.Definition(
            name: WordScanner.nameHash(source[item.name]), lines: first..<last + 1, isScope: item.isScope))
      }
    }
    let scanner = ImportReader(language: trees.first?.language.name ?? "text")
    imports += scanner.calls(in: source, lines: lines)
    imports.sort { ($0.range.lowerBound, $0.path) < ($1.range.lowerBound, $1.path) }
    tables.imports = Array(imports.prefix(Self.maximumImports))
    tables.definitions.sort { ($0.lines.lowerBound, $0.name) < ($1.lines.lowerBound, $1.name) }
    tables.definitions = Array(tables.definitions.prefix(Self.maximumDefinitions))
    tables.chunks = chunks(lines)
    return tables
  }

  private func chunks(_ lines: LineIndex) -> [FactTables.Chunk] {
    let pieces = Chunker(language: nil, maximumLines: Self.chunkLines).chunks(
      of: source, trees: trees, lines: lines)
    var chunks: [FactTables.Chunk] = []
    var chooser = ChunkWords()
    source.withUnsafeBufferPointer { bytes in
      for range in Self.joined(pieces.map { $0.lineRange.lowerBound - 1..<$0.lineRange.upperBound }) {
        let found = chooser.words(in: bytes, lines.range(of: range))
        guard !found.words.isEmpty else { continue }
        chunks.append(FactTables.Chunk(lines: range, words: found.words, repeated: found.repeated))
      }
    }
    return chunks
  }

  /// Joins short neighbours.
  static func joined(_ pieces: [Range<Int>]) -> [Range<Int>] {
    var joined: [Range<Int>] = []
    for piece in pieces {
      if let last = joined.last, piece.upperBound - last.lowerBound <= joinedLines,
        piece.lowerBound >= last.upperBound
      {
        joined[joined.count - 1] = last.lowerBound..<piece.upperBound
      } else {
        joined.append(piece)
      }
    }
    return joined
  }
}
