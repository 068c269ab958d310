import Carving
import Context
import Corpus
import Syntax

/// Pieces of the older state's files for holes in newer code: what a server would have shown when the code was written.
struct OlderContext {
  private let builder: ContextBuilder
  private let options = ContextOptions()

  /// Indexes the files of the older state.
  init(_ files: [SourceFile], catalog: LanguageCatalog) throws {
    var known: [(path: String, facts: FileFacts)] = []
    for file in files {
      try Task.checkCancellation()
      let parts = catalog.parse(file.bytes, language: file.language, timeoutMs: 5_000).parts
      let facts = FileFacts(
        path: file.path, source: file.bytes, parts: parts, notice: file.licence?.range)
      known.append((file.path, facts))
    }
    let contents = Dictionary(files.map { ($0.path, $0.bytes) }, uniquingKeysWith: { first, _ in first })
    builder = ContextBuilder(index: ContextIndex(known)) { contents[$0] }
  }

  /// The holes with their context. Nothing is held back, as in serving, where nobody knows what is going to be written.
  func attached(to holes: [FIMExample], windowBytes: Int = CarvingSettings.measured.windowBytes) throws
    -> [FIMExample]
  {
    try holes.map { hole in
      try Task.checkCancellation()
      var hole = hole
      hole.context = builder.snippets(
        for: ContextQuery(
          path: hole.path, language: hole.language, prefix: Array(hole.prefix.utf8),
          suffix: Array(hole.suffix.utf8), budgetBytes: options.budget(windowBytes: windowBytes),
          limit: options.maximumSnippets, maximumLines: options.maximumLines))
      return hole
    }
  }
}
