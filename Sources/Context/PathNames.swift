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

  /// Files that stand for their folder.
  static let folderFiles: Set<Substring> = ["__init__", "index", "mod", "lib"]

  let entries: [Entry]
  /// Files of one folder and stem, by their stem.
  let stems: PathGroups
  /// Files directly in a folder, by the folder's name.
  let folders: PathGroups
  /// Those of them that stand for their folder.
  let packages: PathGroups

  init(_ paths: [String]) {
    var entries: [Entry] = []
    entries.reserveCapacity(paths.count)
    var stems = PathGroups()
    var folders = PathGroups()
    var packages = PathGroups()
    for (number, path) in paths.enumerated() {
      let parts = path.split(separator: "/")
      let file = parts.last ?? ""
      let cut = file.prefix { $0 != "." }
      let stem = cut.isEmpty ? file : cut
      let above = Array(parts.dropLast())
      entries.append(Entry(folders: above, file: file, stem: stem))
      stems.add(number, folders: above, name: stem, parent: above.last)
      guard let folder = above.last else { continue }
      let parent = above.dropLast().last
      folders.add(number, folders: above, name: folder, parent: parent)
      if Self.folderFiles.contains(stem) {
        packages.add(number, folders: above, name: folder, parent: parent)
      }
    }
    self.entries = entries
    self.stems = stems
    self.folders = folders
    self.packages = packages
  }

  /// Number of folders that two files have in common, from the root.
  func commonFolders(_ left: Int, _ right: Int) -> Int {
    zip(entries[left].folders, entries[right].folders).prefix { $0 == $1 }.count
  }
}

/// Files of the same folder that one name may mean, found by their place and by their name.
struct PathGroups {
  struct Group {
    /// From the root to the folder of the files.
    let folders: [Substring]
    fileprivate(set) var files: [Int]
  }

  private struct Key: Hashable {
    let folder: Substring
    let name: Substring
  }

  private(set) var groups: [Group] = []
  private var byPlace: [Key: Int] = [:]
  private var byName: [Substring: [Int]] = [:]
  private var byParent: [Key: [Int]] = [:]

  /// - Parameter parent: the folder right above the name; nil at the root.
  fileprivate mutating func add(_ file: Int, folders: [Substring], name: Substring, parent: Substring?) {
    let place = Key(folder: Self.path(folders), name: name)
    if let group = byPlace[place] {
      groups[group].files.append(file)
      return
    }
    byPlace[place] = groups.count
    byName[name, default: []].append(groups.count)
    byParent[Key(folder: parent ?? "", name: name), default: []].append(groups.count)
    groups.append(Group(folders: folders, files: [file]))
  }

  /// The files of a name whose folder is exactly this one.
  func files(in folders: [Substring], name: Substring) -> [Int] {
    byPlace[Key(folder: Self.path(folders), name: name)].map { groups[$0].files } ?? []
  }

  /// The groups of a name, as indices of `groups`, wherever they are.
  func named(_ name: Substring) -> [Int] { byName[name] ?? [] }

  /// The groups of a name right below a folder of this name; "" for the root.
  func named(_ name: Substring, below parent: Substring) -> [Int] {
    byParent[Key(folder: parent, name: name)] ?? []
  }

  private static func path(_ folders: [Substring]) -> Substring { Substring(folders.joined(separator: "/")) }
}
