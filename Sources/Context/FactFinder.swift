import Syntax

/// Collects what `FileFacts` holds from a file and its trees.
struct FactFinder {
  let path: String
  let source: [UInt8]
  let trees: [SyntaxTree]
  /// The licence notice at the top.
  let notice: Range<Int>?

  private static let maximumImports = 200
  private static let maximumDefinitions = 4_000

  func tables() -> FactTables {
    let lines = LineIndex(source)
    guard lines.count <= FactTables.maximumLines, source.count < 1 << 27 else { return FactTables() }
    var tables = FactTables()
    let top = firstLine(lines)
    var imports: [FactTables.Import] = []
    for tree in trees {
      let names = DeclaredNames(tree, source: source)
      let reader = ImportReader(language: tree.language.name)
      for range in names.imports {
        imports += reader.imports(in: source[range])
      }
      for item in names.definitions {
        let last = lines.line(at: max(item.range.lowerBound, item.range.upperBound - 1))
        // A notice right above the first definition may pass for its comment.
        let first = min(max(top, lines.line(at: item.range.lowerBound)), last)
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
    tables.chunks = chunks(lines, tables.definitions)
    return tables
  }

  /// The first line behind the notice.
  private func firstLine(_ lines: LineIndex) -> Int {
    guard let end = notice?.upperBound, end > 0 else { return 0 }
    return lines.line(at: min(end, source.count) - 1) + 1
  }

  private func chunks(_ lines: LineIndex, _ definitions: [FactTables.Definition]) -> [FactTables.Chunk] {
    let ranges = ChunkLines(source: source, lines: lines).chunks(definitions, from: firstLine(lines))
    var chunks: [FactTables.Chunk] = []
    chunks.reserveCapacity(ranges.count)
    var chooser = ChunkWords()
    source.withUnsafeBufferPointer { bytes in
      for range in ranges {
        let found = chooser.words(in: bytes, lines.range(of: range))
        guard !found.words.isEmpty else { continue }
        chunks.append(FactTables.Chunk(lines: range, words: found.words, repeated: found.repeated))
      }
    }
    return chunks
  }
}
