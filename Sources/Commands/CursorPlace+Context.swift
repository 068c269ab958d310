import Completion
import Context
import Generation
import Syntax

extension CursorPlace {
  /// Longest time for reading a repository before its files are asked; what is read until then is used.
  private static let indexSeconds = 20

  /// Snippets of the repository's other files, which are read when they are first asked for.
  func repositoryContext(catalog: LanguageCatalog) -> ContextProvider? {
    guard let repository else { return nil }
    return { place in
      let context = await Self.read(repository, catalog: catalog, observer: nil)
      defer { context.stop() }
      return await context.stickySnippets(
        document: place.path, language: catalog.language(forPath: place.path)?.name ?? "text",
        text: place.text,
        cursor: place.cursor, window: place.window, windowMoved: true,
        budgetBytes: ContextOptions().budget(windowBytes: place.windowBytes))
    }
  }
  /// Counts of the tokens of the repository's files; of the prompt alone for a file in no repository.
  func repositoryMixture(
    catalog: LanguageCatalog, encode: @escaping @Sendable ([UInt8]) -> [Int32]
  ) async -> NgramMixture {
    guard let repository else { return NgramMixture() }
    let ngrams = RepositoryNgrams(encode: encode)
    await Self.read(repository, catalog: catalog, observer: ngrams).stop()
    return ngrams.mixture
  }

  /// The context of a folder that has been read, as far as there was time.
  private static func read(
    _ repository: String, catalog: LanguageCatalog, observer: (any WorkspaceContext.Observer)?
  ) async -> WorkspaceContext {
    var limits = WorkspaceContext.Limits()
    limits.givesWay = false
    let context = WorkspaceContext(root: repository, catalog: catalog, limits: limits, observer: observer)
    await context.start()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await context.settle() }
      group.addTask {
        try? await Task.sleep(for: .seconds(indexSeconds))
        // Ends the reading, and with it the waiting.
        if !Task.isCancelled { context.stop() }
      }
      await group.next()
      group.cancelAll()
    }
    return context
  }
}
