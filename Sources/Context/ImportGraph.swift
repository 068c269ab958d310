/// Which files import which, found by matching what imports say with the ends of paths. What fits several places
/// equally well, or only by a common short name, is no edge.
struct ImportGraph: Sendable {
  /// Files that import the given one.
  let importers: FileLinks
  /// Imports of file `f` are `starts[f]..<starts[f + 1]`.
  private let starts: [UInt32]
  private let targets: [UInt32]
  /// First byte of each import's statement in its file, and the byte behind it.
  private let places: [(start: UInt32, end: UInt32)]

  /// True for files that stand for their folder.
  let standsForFolder: [Bool]

  init(_ facts: [FileFacts], names: PathNames) {
    standsForFolder = names.entries.map { ImportResolver.folderFiles.contains($0.stem) }
    let resolver = ImportResolver(names: names)
    var starts: [UInt32] = [0]
    var targets: [UInt32] = []
    var places: [(start: UInt32, end: UInt32)] = []
    var reverse: [(from: UInt32, to: UInt32)] = []
    for (number, item) in facts.enumerated() {
      var seen: Set<Int> = []
      for statement in item.tables.imports {
        for target in resolver.targets(of: statement.path, from: number)
        where target != number && seen.insert(target).inserted {
          targets.append(UInt32(target))
          places.append(
            (UInt32(clamping: statement.range.lowerBound), UInt32(clamping: statement.range.upperBound)))
          reverse.append((UInt32(target), UInt32(number)))
        }
      }
      starts.append(UInt32(targets.count))
    }
    self.starts = starts
    self.targets = targets
    self.places = places
    importers = FileLinks(count: facts.count, pairs: reverse)
  }

  /// The files that a file imports, in the order of its statements, without those that touch `hidden` bytes.
  func imports(of file: Int, hidden: Range<Int>?) -> [Int] {
    (Int(starts[file])..<Int(starts[file + 1])).compactMap { place in
      let (start, end) = places[place]
      if let hidden, hidden.lowerBound < Int(end), hidden.upperBound > Int(start) { return nil }
      return Int(targets[place])
    }
  }
}

extension ImportGraph {
  /// The files that a file imports, each followed by those that it hands on when it stands for its folder
  /// (`__init__.py`, `index.ts`).
  func reach(of file: Int, hidden: Range<Int>?) -> [Int] {
    var found: [Int] = []
    var seen: Set<Int> = [file]
    for target in imports(of: file, hidden: hidden) where seen.insert(target).inserted {
      found.append(target)
      guard standsForFolder[target] else { continue }
      for next in imports(of: target, hidden: nil) where seen.insert(next).inserted { found.append(next) }
    }
    return found
  }
}

/// Finds the files that an import means.
struct ImportResolver {
  let names: PathNames

  /// A folder stands for its files up to this number; more are no help.
  private static let maximumFolder = 24
  /// Files that stand for their folder.
  static let folderFiles: Set<Substring> = ["__init__", "index", "mod", "lib"]
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
    let folders = components.dropLast()
    var candidates = names.files(stem: stem).filter { $0 != file }
    if let fullName, candidates.contains(where: { names.entries[$0].file == fullName }) {
      candidates.removeAll { names.entries[$0].file != fullName }
    }
    let files = best(candidates.map { ($0, names.entries[$0].folders[...]) }, folders, isRelative, from: file)
    if !files.isEmpty || !allowsFolder { return files }
    // The folder's own name is part of the match.
    let inside = names.files(folder: last).filter { $0 != file }.map { ($0, names.entries[$0].folders[...]) }
    let packages = inside.filter { Self.folderFiles.contains(names.entries[$0.0].stem) }
    let found = best(packages, components[...], isRelative, from: file)
    return found.isEmpty
      ? best(inside, components[...], isRelative, from: file, limit: Self.maximumFolder) : found
  }

  /// The candidates whose folders end like the import's; none when the match is weak or fits too many.
  private func best(
    _ candidates: [(file: Int, folders: ArraySlice<Substring>)], _ wanted: ArraySlice<Substring>,
    _ isRelative: Bool,
    from file: Int, limit: Int = 2
  ) -> [Int] {
    var bestLength = -1
    var found: [Int] = []
    for candidate in candidates {
      let common = zip(candidate.folders.reversed(), wanted.reversed()).prefix { $0 == $1 }.count
      // Either the import is the end of the path, or the path the end of the import.
      let isWhole = common == wanted.count || (common == candidate.folders.count && common > 0)
      guard isRelative ? common == wanted.count && common == candidate.folders.count : isWhole else {
        continue
      }
      if common > bestLength {
        bestLength = common
        found = []
      }
      if common == bestLength { found.append(candidate.file) }
    }
    guard found.count > limit || (bestLength == 0 && !isRelative && found.count > 1) else { return found }
    // Several fit: those nearest to the importing file, when that settles it.
    let nearest = found.map { names.commonFolders($0, file) }
    let most = nearest.max() ?? 0
    let close = zip(found, nearest).filter { $0.1 == most }.map(\.0)
    return most > 0 && close.count <= limit ? close : []
  }
}
