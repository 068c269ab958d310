/// Finds the files that an import means.
///
/// What an import costs does not grow with the number of files that have its name.
struct ImportResolver {
  let names: PathNames

  /// A folder stands for its files up to this number; more are no help.
  private static let maximumFolder = 24
  /// Where more places have the wanted name, only those in the folders above the importing file are looked at.
  private static let maximumPlaces = 40
  /// Suffixes that imports may carry.
  private static let suffixes: Set<Substring> = [
    "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "h", "hh", "hpp", "hxx", "inc", "c", "cc", "cpp",
    "zig",
    "rb", "sh", "bash", "php", "lua", "css", "vue", "svelte",
  ]

  /// The files that `path` (as in `FactTables.Import`) means in the file with number `file`; sorted.
  func targets(of path: String, from file: Int) -> [Int] {
    let parts = path.split(separator: ":", maxSplits: 1)
    let base = parts.first ?? ""
    let taken = parts.count > 1 ? parts[1].split(separator: ",") : []
    let isRelative = base.hasPrefix(".")
    var components = base.split(separator: "/")
    if isRelative {
      guard let absolute = absolute(components, from: file) else { return [] }
      components = absolute
    }
    var found = Set(match(components, isRelative: isRelative, from: file))
    // A name taken from a package may be one of its modules.
    for name in taken {
      found.formUnion(match(components + [name], isRelative: isRelative, from: file, allowsFolder: false))
    }
    found.remove(file)
    return found.sorted()
  }

  private func absolute(_ components: [Substring], from file: Int) -> [Substring]? {
    var folders = names.entries[file].folders
    var rest = components[...]
    while let head = rest.first, head == "." || head == ".." {
      if head == ".." {
        guard folders.popLast() != nil else { return nil }
      }
      rest = rest.dropFirst()
    }
    return folders + rest
  }

  private func match(
    _ components: [Substring], isRelative: Bool, from file: Int, allowsFolder: Bool = true
  ) -> [Int] {
    guard let last = components.last else { return [] }
    var stem = last
    var fullName: Substring?
    if let dot = last.lastIndex(of: "."), Self.suffixes.contains(last[last.index(after: dot)...]) {
      fullName = last
      stem = last.prefix { $0 != "." }
    }
    let folders = Array(components.dropLast())
    let name = Name(
      folders: folders, name: stem, parent: folders.last, file: fullName, isRelative: isRelative)
    let files = find(name, in: names.stems, from: file, limit: 2)
    if !files.isEmpty || !allowsFolder { return files }
    // The folder's own name is part of the match.
    let folder = Name(
      folders: components, name: last, parent: folders.last, file: nil, isRelative: isRelative)
    let found = find(folder, in: names.packages, from: file, limit: 2)
    return found.isEmpty ? find(folder, in: names.folders, from: file, limit: Self.maximumFolder) : found
  }

  /// What is looked for in a table of groups.
  private struct Name {
    /// The end of the groups' folders; for relative imports all of them.
    let folders: [Substring]
    let name: Substring
    /// The component before the name.
    let parent: Substring?
    /// The last component where the import has a suffix; counts when a file has it.
    let file: Substring?
    let isRelative: Bool
  }

  private func find(_ name: Name, in table: PathGroups, from file: Int, limit: Int) -> [Int] {
    if name.isRelative {
      let files = chosen([table.files(in: name.folders, name: name.name)], name, without: file)[0]
      return files.count <= limit ? files : []
    }
    var places = name.parent.map { table.named(name.name, below: $0) } ?? table.named(name.name)
    // A folder at the root may be the end of a longer import.
    if name.parent != nil, name.folders.last == name.name { places += table.named(name.name, below: "") }
    guard places.count <= Self.maximumPlaces else {
      return above(file, name, in: table, limit: limit)
    }
    let groups = places.map { table.groups[$0] }
    let files = chosen(groups.map(\.files), name, without: file)
    return best(zip(groups, files).map { ($0.folders, $1) }, name, from: file, limit: limit)
  }

  /// The files of each group besides the importing one; only those with the import's suffix when there are any.
  private func chosen(_ groups: [[Int]], _ name: Name, without file: Int) -> [[Int]] {
    let others = groups.map { $0.contains(file) ? $0.filter { $0 != file } : $0 }
    guard let wanted = name.file else { return others }
    let exact = others.map { $0.filter { names.entries[$0].file == wanted } }
    return exact.contains { !$0.isEmpty } ? exact : others
  }

  /// The import as seen from the importing file's folder, or else from the folders above it, the nearest first.
  private func above(_ file: Int, _ name: Name, in table: PathGroups, limit: Int) -> [Int] {
    var root = names.entries[file].folders
    while true {
      let found = chosen([table.files(in: root + name.folders, name: name.name)], name, without: file)[0]
      if !found.isEmpty { return found.count <= limit ? found : [] }
      guard root.popLast() != nil else { return [] }
    }
  }

  /// The candidates whose folders end like the import's; none when the match is weak or fits too many.
  private func best(
    _ candidates: [(folders: [Substring], files: [Int])], _ name: Name, from file: Int, limit: Int
  ) -> [Int] {
    var bestLength = -1
    var found: [[Int]] = []
    for candidate in candidates where !candidate.files.isEmpty {
      let common = zip(candidate.folders.reversed(), name.folders.reversed()).prefix { $0 == $1 }.count
      // Either the import is the end of the path, or the path the end of the import.
      guard common == name.folders.count || (common == candidate.folders.count && common > 0) else {
        continue
      }
      if common > bestLength {
        bestLength = common
        found = []
      }
      if common == bestLength { found.append(candidate.files) }
    }
    let count = found.reduce(0) { $0 + $1.count }
    guard count > limit || (bestLength == 0 && count > 1) else { return found.flatMap { $0 } }
    // Several fit: those nearest to the importing file, when that settles it.
    let nearest = found.map { names.commonFolders($0[0], file) }
    let most = nearest.max() ?? 0
    let close = zip(found, nearest).filter { $0.1 == most }.map(\.0)
    return most > 0 && close.reduce(0, { $0 + $1.count }) <= limit ? close.flatMap { $0 } : []
  }
}
