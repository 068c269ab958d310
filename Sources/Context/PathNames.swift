/// The paths of an index by what imports and tests call them.
struct PathNames {
  /// A path in pieces.
  struct Entry {
    let folders: [Substring]
    /// The last component.
    let file: Substring
    /// The last component up to its first dot, hidden files apart.
    let stem: Substring
  }

  let entries: [Entry]
  private let byStem: [Substring: [Int]]
  private let byFolder: [Substring: [Int]]
  private let byPath: [Substring: Int]

  init(_ paths: [String]) {
    var entries: [Entry] = []
    var byStem: [Substring: [Int]] = [:]
    var byFolder: [Substring: [Int]] = [:]
    var byPath: [Substring: Int] = [:]
    entries.reserveCapacity(paths.count)
    for (number, path) in paths.enumerated() {
      let parts = path.split(separator: "/")
      let file = parts.last ?? ""
      let stem = file.prefix { $0 != "." }
      entries.append(Entry(folders: Array(parts.dropLast()), file: file, stem: stem.isEmpty ? file : stem))
      byStem[stem.isEmpty ? file : stem, default: []].append(number)
      if parts.count > 1 { byFolder[parts[parts.count - 2], default: []].append(number) }
      byPath[path[...]] = number
    }
    self.entries = entries
    self.byStem = byStem
    self.byFolder = byFolder
    self.byPath = byPath
  }

  /// Files whose last component begins with `stem` and a dot.
  func files(stem: Substring) -> [Int] { byStem[stem] ?? [] }
  /// Files directly in a folder of this name.
  func files(folder: Substring) -> [Int] { byFolder[folder] ?? [] }

  /// Number of folders that two files have in common, from the root.
  func commonFolders(_ left: Int, _ right: Int) -> Int {
    zip(entries[left].folders, entries[right].folders).prefix { $0 == $1 }.count
  }
}
