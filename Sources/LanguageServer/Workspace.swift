import Foundation

/// The folders that the client has open, and what a document's URI means in them.
struct Workspace: Sendable {
  /// Absolute paths without a trailing slash.
  private(set) var roots: [String] = []

  mutating func add(uri: String) {
    guard let path = Self.path(ofURI: uri), !roots.contains(path) else { return }
    roots.append(path)
  }

  mutating func remove(uri: String) {
    guard let path = Self.path(ofURI: uri) else { return }
    roots.removeAll { $0 == path }
  }

  /// Where a document stands.
  struct Place: Sendable, Equatable {
    /// Absolute path of the repository or folder that holds it; nil for documents that are no files.
    var root: String?
    /// Path below `root`, else the file's name.
    var path: String
  }

  /// The place below the repository that holds the document, found on the way up as training does, else below the
  /// innermost open folder.
  func place(ofURI uri: String) -> Place {
    guard let path = Self.path(ofURI: uri) else {
      return Place(root: nil, path: String(uri.split(separator: "/").last ?? "untitled"))
    }
    let root =
      Self.repository(of: path)
      ?? roots.filter { path.hasPrefix($0 + "/") }.max { $0.utf8.count < $1.utf8.count }
    if let root, path.count > root.count + 1 {
      return Place(root: root, path: String(path.dropFirst(root.count + 1)))
    }
    return Place(root: nil, path: String(path.split(separator: "/").last ?? "untitled"))
  }

  /// Absolute path of a `file:` URI, nil for other schemes and for nonsense.
  static func path(ofURI uri: String) -> String? {
    guard uri.lowercased().hasPrefix("file://") else { return nil }
    var rest = uri.dropFirst("file://".count)
    guard let slash = rest.firstIndex(of: "/") else { return nil }
    rest = rest[slash...]
    guard var path = String(rest).removingPercentEncoding, !path.contains("\0") else { return nil }
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// The folder above `path` that holds `.git`.
  private static func repository(of path: String) -> String? {
    var folder = path[...]
    while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
      folder = folder[..<slash]
      if FileManager.default.fileExists(atPath: folder + "/.git") { return String(folder) }
    }
    return nil
  }

  /// True for files that hold secrets by their name; they are neither read nor completed.
  static func holdsSecrets(path: String) -> Bool {
    let name = (path.split(separator: "/").last ?? "").lowercased()
    if name == ".env" || name.hasPrefix(".env.") || name == ".netrc" || name == ".npmrc" || name == ".pypirc"
    {
      return true
    }
    if name.hasPrefix("id_"), !name.contains(".") { return true }
    return [".pem", ".key", ".p12", ".pfx", ".keystore", ".jks", ".kdbx"].contains { name.hasSuffix($0) }
  }
}
