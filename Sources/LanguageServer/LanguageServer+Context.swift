import Completion
import Context
import Generation
import Syntax
import Weights

/// Snippets of other files in prompts: one index for each repository or folder with an open document, made when a model
/// wants it.
extension LanguageServer {
  /// What a request needs to ask other files; nil where the model is not to see them, or the document belongs to no folder.
  func contextProvider(uri: String, adapter: String?, served: Served) async -> ContextProvider? {
    let isWanted =
      switch settings.context {
      case .on: true
      case .off: false
      case .automatic: await served.readsContext(adapter)
      }
    guard isWanted, let catalog = configuration.catalog, let root = places[uri]?.root else { return nil }
    let context = workspaceContext(of: root, catalog: catalog, served)
    let options = ContextOptions()
    return { place in
      await context.stickySnippets(
        document: place.path, language: catalog.language(forPath: place.path)?.name ?? "text",
        text: place.text,
        cursor: place.cursor, window: place.window, windowMoved: place.windowMoved,
        budgetBytes: options.budget(windowBytes: place.windowBytes))
    }
  }

  /// What followed the same tokens before, in the document's folder and in the prompt; nil where the model is to be alone.
  func mixture(uri: String, served: Served) -> NgramMixture? {
    guard settings.usesNgrams, served.encode != nil else { return nil }
    guard let catalog = configuration.catalog, let root = places[uri]?.root else { return NgramMixture() }
    _ = workspaceContext(of: root, catalog: catalog, served)
    return ngrams[root]?.mixture ?? NgramMixture()
  }

  /// The context of a folder; made, told of the open documents and set to work when it is asked for first.
  private func workspaceContext(
    of root: String, catalog: LanguageCatalog, _ served: Served
  ) -> WorkspaceContext {
    if let context = contexts[root] { return context }
    ngrams[root] = settings.usesNgrams ? served.encode.map { RepositoryNgrams(encode: $0) } : nil
    let context = WorkspaceContext(root: root, catalog: catalog, observer: ngrams[root])
    contexts[root] = context
    log("context begins")
    tellContext(root: root) { await $0.start() }
    for (uri, document) in documents where places[uri]?.root == root { shareDocument(uri, document) }
    return context
  }

  /// An open document stands for its file.
  func shareDocument(_ uri: String, _ document: Document) {
    guard let place = places[uri], let root = place.root, document.isInStep else { return }
    let text = document.text
    tellContext(root: root) { await $0.documentChanged(path: place.path, text: text) }
  }

  func didSave(_ params: JSONValue) {
    guard let uri = params["textDocument"]?["uri"]?.stringValue, let document = documents[uri],
      let place = places[uri], let root = place.root
    else { return }
    shareDocument(uri, document)
    tellContext(root: root) { await $0.documentSaved(path: place.path) }
  }

  func forgetInContext(uri: String) {
    guard let place = places[uri], let root = place.root else { return }
    tellContext(root: root) { await $0.documentClosed(path: place.path) }
  }

  func didChangeWatchedFiles(_ params: JSONValue) {
    var paths: [String: [String]] = [:]
    for change in params["changes"]?.arrayValue ?? [] {
      guard let uri = change["uri"]?.stringValue else { continue }
      let place = workspace.place(ofURI: uri)
      if let root = place.root { paths[root, default: []].append(place.path) }
    }
    for (root, paths) in paths { tellContext(root: root) { await $0.filesChanged(paths: paths) } }
  }

  func didChangeConfiguration(_ value: JSONValue) {
    let usedNgrams = settings.usesNgrams
    settings.apply(value)
    // Folders are read anew, with tokens or without.
    if settings.usesNgrams != usedNgrams { endContexts() }
  }

  /// Ends the work for folders that are no longer wanted.
  func endContexts(where isUnwanted: (String) -> Bool = { _ in true }) {
    for (root, context) in contexts where isUnwanted(root) {
      context.stop()
      contexts[root] = nil
      ngrams[root] = nil
    }
  }

  /// Does something to the context of a folder, if there is one, behind all that was done to any before.
  private func tellContext(root: String, _ work: @escaping @Sendable (WorkspaceContext) async -> Void) {
    guard let context = contexts[root] else { return }
    let before = contextWork
    contextWork = Task {
      await before?.value
      await work(context)
    }
  }
}
