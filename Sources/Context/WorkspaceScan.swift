import Corpus
import Foundation
import Syntax

/// Reads a folder and makes an index of it; the slow part of `WorkspaceContext`, without state of its own.
struct WorkspaceScan: Sendable {
  let root: String
  let catalog: LanguageCatalog
  let hygiene: FileHygiene
  let limits: WorkspaceContext.Limits
  let observer: (any WorkspaceContext.Observer)?

  /// What is known of a folder.
  struct Snapshot: Sendable {
    var tree: FolderTree?
    /// Paths that the rules let in.
    var allowed: Set<String> = []
    var facts: [String: FileFacts] = [:]
    /// Cleaned texts of open documents, as their facts have them.
    var texts: [String: [UInt8]] = [:]
    var builder: ContextBuilder?
    /// False while files are still to be read.
    var isComplete = false
  }

  /// What has changed.
  struct Changes: Sendable {
    /// List the folder again, and read what is new.
    var listing = false
    /// Files on disk to read again.
    var paths: Set<String> = []
    /// Texts of open documents; nil for those that were closed.
    var documents: [String: [UInt8]?] = [:]

    var isEmpty: Bool { !listing && paths.isEmpty && documents.isEmpty }
    /// Whether there is nothing but text of open documents.
    var isTyping: Bool { !listing && paths.isEmpty && documents.values.allSatisfy { $0 != nil } }
  }

  /// Brings a snapshot up to date. `publish` gets what is there so far, ever more seldom.
  func update(
    _ old: Snapshot, _ changes: Changes, isCancelled: () -> Bool, publish: (Snapshot) -> Void
  ) -> Snapshot {
    var snapshot = old
    var pending = changes.paths
    if changes.listing || snapshot.tree == nil || !changes.paths.isSubset(of: snapshot.allowed) {
      list(&snapshot)
      pending.formUnion(snapshot.allowed.subtracting(snapshot.facts.keys))
    }
    for (path, text) in changes.documents.sorted(by: { $0.key < $1.key }) {
      snapshot.texts[path] = nil
      if let text, snapshot.allowed.contains(path) {
        take(path, text, isDocument: true, into: &snapshot)
        pending.remove(path)
      } else {
        pending.insert(path)
      }
    }
    var nextPublication = 100
    var done = 0
    for path in pending.intersection(snapshot.allowed).sorted() where snapshot.texts[path] == nil {
      if isCancelled() { return snapshot }
      guard let bytes = read(path, snapshot.tree) else {
        snapshot.facts[path] = nil
        observer?.read(path: path, text: nil)
        continue
      }
      take(path, bytes, isDocument: false, into: &snapshot)
      done += 1
      if done == nextPublication, !snapshot.isComplete {
        nextPublication *= 4
        publish(built(snapshot))
      }
    }
    snapshot.facts = snapshot.facts.filter { snapshot.allowed.contains($0.key) }
    snapshot.isComplete = true
    observer?.finished(paths: Set(snapshot.facts.keys))
    return built(snapshot)
  }

  /// Lists the folder, up to the limits; small files first where they do not all fit, since they say most per byte.
  private func list(_ snapshot: inout Snapshot) {
    guard let tree = try? FolderTree(root: root, catalog: catalog) else { return }
    snapshot.tree = tree
    var entries = tree.entries
    if entries.count > limits.files || entries.reduce(0, { $0 + $1.size }) > limits.bytes {
      entries.sort { ($0.size, $0.path) < ($1.size, $1.path) }
    }
    var bytes = 0
    snapshot.allowed = []
    for entry in entries.prefix(limits.files) {
      bytes += entry.size
      guard bytes <= limits.bytes else { break }
      snapshot.allowed.insert(entry.path)
    }
  }

  private func read(_ path: String, _ tree: FolderTree?) -> [UInt8]? {
    guard let tree, case .success(let bytes) = tree.read(SourceEntry(path: path, size: 0)) else { return nil }
    return bytes
  }

  private func take(_ path: String, _ bytes: [UInt8], isDocument: Bool, into snapshot: inout Snapshot) {
    guard case .success(let file) = hygiene.clean(path: path, bytes: bytes) else {
      snapshot.facts[path] = nil
      observer?.read(path: path, text: nil)
      return
    }
    observer?.read(path: path, text: file.bytes)
    let parts = catalog.parse(file.bytes, language: file.language, timeoutMs: limits.parseTimeoutMs).parts
    snapshot.facts[path] = FileFacts(
      path: path, source: file.bytes, parts: parts, notice: file.licence?.range)
    if isDocument { snapshot.texts[path] = file.bytes }
  }

  private func built(_ snapshot: Snapshot) -> Snapshot {
    var snapshot = snapshot
    let texts = snapshot.texts
    let tree = snapshot.tree
    let hygiene = hygiene
    let index = ContextIndex(snapshot.facts.map { ($0.key, $0.value) })
    snapshot.builder = ContextBuilder(index: index, cacheBytes: limits.cacheBytes) { path in
      if let text = texts[path] { return text }
      guard let tree, case .success(let bytes) = tree.read(SourceEntry(path: path, size: 0)),
        case .success(let file) = hygiene.clean(path: path, bytes: bytes)
      else { return nil }
      return file.bytes
    }
    return snapshot
  }
}
