import Carving
import Corpus
import Foundation
import Syntax

/// The trees that a command carves, and what is tested beside them.
struct CarveSource {
  let trees: [any SourceTree]
  /// Where test examples come from; nil for none.
  let test: TestSource?

  /// Lists the files of every path.
  ///
  /// - Throws: `CorpusError`; `Failure` where a state needs a history that is not there.
  init(_ request: CarveRequest, catalog: LanguageCatalog) throws {
    if let older = request.older {
      let old = try FolderTree(root: older, catalog: catalog)
      trees = [old]
      test = .release(try FolderTree(root: request.paths[0], catalog: catalog), older: old)
    } else if request.isSplit {
      let path = request.paths[0]
      let history = try Self.history(of: path, for: "--splits")
      let (trained, later) = try HeldOutSource.split(history, at: request.commitName, path: path)
      trees = [try CommitTree(root: path, commit: trained.id, catalog: catalog, recency: true)]
      test = .history(history, later)
    } else {
      trees = try request.paths.map { try Self.tree($0, at: request.state, catalog: catalog) }
      test = nil
    }
  }

  /// The files of one path in one state.
  static func tree(
    _ path: String, at state: CarveRequest.State, catalog: LanguageCatalog
  ) throws -> any SourceTree {
    if state == .disk { return try FolderTree(root: path, catalog: catalog, recency: true) }
    let history = try history(of: path, for: "--at")
    let commit =
      switch state {
      case .commit(let name): try history.commit(named: name)
      case .disk, .split: try history.timeSplit().trainCommit
      }
    return try CommitTree(root: path, commit: commit.id, catalog: catalog, recency: true)
  }

  /// The history of the repository at a path.
  ///
  /// - Throws: `Failure` where there is none; `option` says for what it was needed.
  static func history(of path: String, for option: String) throws(Failure) -> GitHistory {
    guard FileManager.default.fileExists(atPath: path) else { throw Failure("\(path): no such folder") }
    let history: GitHistory
    do throws(CorpusError) {
      history = try GitHistory(opening: path)
    } catch .notARepository {
      throw Failure("\(path): \(option) needs a git repository")
    } catch {
      throw Failure("\(path): \(option): \(error)")
    }
    do { _ = try history.commits() } catch {
      throw Failure("\(path): \(option) needs commits, and HEAD names none; commit something first")
    }
    return history
  }
}

extension CarveRequest {
  /// The commit that was named; nil for the usual split and for the files on disk.
  var commitName: String? {
    if case .commit(let name) = state { name } else { nil }
  }
}
