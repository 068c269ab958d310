import Completion
import Context
import Syntax

extension CursorPlace {
  /// Longest time for reading a repository before its files are asked; what is read until then is used.
  private static let indexSeconds = 20

  /// Snippets of the repository's other files, which are read when they are first asked for.
  func repositoryContext(catalog: LanguageCatalog) -> ContextProvider? {
    guard let repository else { return nil }
    return { place in
      var limits = WorkspaceContext.Limits()
      limits.givesWay = false
      let context = WorkspaceContext(root: repository, catalog: catalog, limits: limits)
      await context.start()
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await context.settle() }
        group.addTask {
          try? await Task.sleep(for: .seconds(Self.indexSeconds))
          // Ends the reading, and with it the waiting.
          if !Task.isCancelled { context.stop() }
        }
        await group.next()
        group.cancelAll()
      }
      defer { context.stop() }
      return await context.stickySnippets(
        document: place.path, language: catalog.language(forPath: place.path)?.name ?? "text",
        text: place.text,
        cursor: place.cursor, window: place.window, windowMoved: true,
        budgetBytes: ContextOptions().budget(windowBytes: place.windowBytes))
    }
  }
}
