import Corpus
import Syntax

/// Where test examples come from: what was written after the state that is trained on.
public enum TestSource: Sendable {
  /// Later commits of a repository.
  case history(GitHistory, [GitHistory.Commit])
  /// A newer release beside the older one that is trained on.
  case release(any SourceTree, older: any SourceTree)

  /// Calls `body` with every stretch of new lines, one after another; a file that is new is one stretch.
  ///
  /// - Throws: `CorpusError` where git fails, and what `body` throws; then no more come.
  public func spans(
    catalog: LanguageCatalog, options: RepositoryWalker.Options = RepositoryWalker.Options(),
    body: (InsertedSpan) throws -> Void
  ) throws {
    switch self {
    case .history(let history, let commits):
      try history.forEachInsertedSpan(in: commits, catalog: catalog, options: options, body: body)
    case .release(let newer, let older):
      try Self.spans(
        newer, older, FileHygiene(catalog: catalog, options: options.hygiene), options, body: body)
    }
  }

  private static func spans(
    _ newer: any SourceTree, _ older: any SourceTree, _ hygiene: FileHygiene,
    _ options: RepositoryWalker.Options, body: (InsertedSpan) throws -> Void
  ) throws {
    let before = Dictionary(older.entries.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    func file(_ entry: SourceEntry, _ tree: any SourceTree) -> SourceFile? {
      guard case .success(let bytes) = tree.read(entry),
        case .success(let file) = hygiene.clean(path: entry.path, bytes: bytes),
        options.fault(language: file.language) == nil,
        tree.licences.fault(of: file.path, own: file.licenceName, denied: options.hygiene.deniedLicences)
          == nil
      else { return nil }
      return file
    }
    for entry in newer.entries {
      guard let new = file(entry, newer) else { continue }
      let old = before[entry.path].flatMap { file($0, older) }
      let spans = InsertedSpan.between(
        old: old?.bytes ?? [], new: new, commit: newer.origin.path, contextIsOld: false,
        licence: newer.licences.licence(of: new.path, own: new.licenceName))
      for span in spans { try body(span) }
    }
  }
}
