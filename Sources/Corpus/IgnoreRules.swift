/// The ignore files that hold for a folder: its own and those of the folders above, the nearest last.
public struct IgnoreRules: Sendable {
  private struct Layer: Sendable {
    /// Folder of the file, relative to the root of the walk, "" for the root and above.
    let folder: String
    /// What stands between a file above the root and the root.
    let above: String
    let patterns: [IgnorePattern]

    /// The path as seen from the folder of the file; nil outside of it.
    func relative(_ path: String) -> String? {
      if folder.isEmpty { return above.isEmpty ? path : above + "/" + path }
      guard path.hasPrefix(folder + "/") else { return nil }
      return String(path.dropFirst(folder.count + 1))
    }
  }

  private var layers: [Layer] = []

  /// Rules that ignore nothing.
  public init() {}

  /// Adds the lines of an ignore file that lies in `folder`, relative to the root of the walk.
  ///
  /// - Parameter above: for a file above the root, the path from its folder to the root.
  public mutating func add(_ text: String, folder: String, above: String = "") {
    let patterns = text.prefix(1 << 20).split(separator: "\n").prefix(10_000).compactMap {
      IgnorePattern(line: $0)
    }
    guard !patterns.isEmpty else { return }
    layers.append(Layer(folder: folder, above: above, patterns: patterns))
  }

  /// Whether a path is ignored. The folders above it must have been asked for before: what is below an ignored
  /// folder stays ignored, as in git.
  public func ignores(_ path: String, isFolder: Bool) -> Bool {
    for layer in layers.reversed() {
      guard let relative = layer.relative(path) else { continue }
      if let match = layer.patterns.last(where: { $0.matches(relative, isFolder: isFolder) }) {
        return !match.isNegated
      }
    }
    return false
  }

  /// Whether a path or one of the folders above it is ignored; for paths that do not come from a walk.
  public func ignoresWithParents(_ path: String) -> Bool {
    var end = path.startIndex
    while let slash = path[end...].firstIndex(of: "/") {
      if ignores(String(path[..<slash]), isFolder: true) { return true }
      end = path.index(after: slash)
    }
    return ignores(path, isFolder: false)
  }
}
