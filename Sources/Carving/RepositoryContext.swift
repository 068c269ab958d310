import Context
import Corpus

/// Context from the other files of one tree, for the second pass.
///
/// All used files are known by their facts, but only training files are shown: no example sees what is held out.
struct RepositoryContext: Sendable {
  private let builder: ContextBuilder?
  private let options: ContextOptions
  private let budget: Int

  /// Bytes of files that are kept in memory.
  private static let cacheBytes = 32 << 20

  init(
    tree: Int, plan: CorpusPlan, run: CarvingRun, reader: CleanReader
  ) {
    options = run.options.context ?? ContextOptions()
    budget = options.budget(windowBytes: run.settings.windowBytes)
    guard run.options.context != nil else {
      builder = nil
      return
    }
    let entries = run.trees[tree].entries
    let used = plan.order.filter { plan.files[$0].tree == tree }
    let files = plan.files
    let index = ContextIndex(paths: used.map { entries[files[$0].entry].path }) { place in
      reader.facts(of: files[used[place]])
    }
    // Names again would cost as much as the list of files: entries are sorted by path.
    var fileOfEntry = [Int32](repeating: -1, count: entries.count)
    for file in used where plan.files[file].fate == .used(.train) {
      fileOfEntry[plan.files[file].entry] = Int32(file)
    }
    builder = ContextBuilder(index: index, cacheBytes: Self.cacheBytes) {
      [fileOfEntry] path in
      guard let entry = Self.entry(path, in: entries), fileOfEntry[entry] >= 0 else { return nil }
      return reader.text(of: files[Int(fileOfEntry[entry])])
    }
  }

  /// The snippets for an example; none in the share of examples that the options leave without.
  func snippets(for example: FIMExample, rank: UInt64) -> [ContextSnippet] {
    guard let builder, example.kind != .plain else { return [] }
    var generator = SeededGenerator(seed: rank)
    guard !generator.chance(options.emptyShare), options.maximumSnippets > 0 else { return [] }
    let limit = 1 + generator.below(options.maximumSnippets)
    return builder.snippets(
      for: ContextQuery(
        path: example.path, language: example.language, prefix: Array(example.prefix.utf8),
        suffix: Array(example.suffix.utf8),
        hole: .init(middle: Array(example.middle.utf8), range: example.middleStart..<example.middleEnd),
        budgetBytes: budget, limit: limit, maximumLines: options.maximumLines))
  }

  /// Binary search by bytes, as the entries are sorted.
  private static func entry(_ path: String, in entries: [SourceEntry]) -> Int? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].path.utf8.lexicographicallyPrecedes(path.utf8) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low < entries.count && entries[low].path == path ? low : nil
  }
}
