import Foundation
import Syntax
import Testing

@testable import Context

/// A repository in memory.
struct Repository {
  static let catalog: LanguageCatalog = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return LanguageCatalog(directories: [root.appendingPathComponent(".build/grammars").path])
  }()

  var files: [String: String]

  init(_ files: [String: String]) {
    self.files = files
  }

  static func facts(_ path: String, _ text: String) -> FileFacts {
    let bytes = Array(text.utf8)
    let language = catalog.name(forPath: path) ?? "text"
    return FileFacts(path: path, source: bytes, parts: catalog.parse(bytes, language: language).parts)
  }

  var facts: [(path: String, facts: FileFacts)] {
    files.sorted { $0.key < $1.key }.map { ($0.key, Self.facts($0.key, $0.value)) }
  }

  var index: ContextIndex { ContextIndex(facts) }

  func builder(_ index: ContextIndex? = nil) -> ContextBuilder {
    let files = files
    return ContextBuilder(index: index ?? self.index) { path in files[path].map { Array($0.utf8) } }
  }

  /// A query at the mark `¦` in a file; two marks enclose a hole.
  func query(_ path: String, _ marked: String, budget: Int = 2_000, limit: Int = 3) -> ContextQuery {
    let pieces = marked.split(separator: "¦", omittingEmptySubsequences: false).map { Array($0.utf8) }
    let hole =
      pieces.count > 2
      ? ContextQuery.Hole(middle: pieces[1], range: pieces[0].count..<(pieces[0].count + pieces[1].count))
      : nil
    return ContextQuery(
      path: path, language: Self.catalog.name(forPath: path) ?? "text", prefix: pieces[0],
      suffix: pieces.last ?? [], hole: hole, budgetBytes: budget, limit: limit)
  }
}
