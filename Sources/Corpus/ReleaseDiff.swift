import Syntax

/// What a newer tree of a project has that an older one lacks.
public struct ReleaseDiff: Sendable {
  private let older: [String: SourceFile]

  /// Compares with the files of the older tree.
  public init(older: [SourceFile]) {
    self.older = Dictionary(older.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// New spans of lines, in the order of the newer files; files that are new are one span each.
  ///
  /// - Parameter origin: name of the newer release.
  public func spans(in newer: [SourceFile], origin: String) -> [InsertedSpan] {
    newer.flatMap { file in
      InsertedSpan.between(old: older[file.path]?.bytes ?? [], new: file, commit: origin, contextIsOld: false)
    }
  }
}
