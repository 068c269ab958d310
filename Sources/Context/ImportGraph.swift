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

  /// Close to linear in the number of imports. In a task that was cancelled the rest of the imports is left out: nobody
  /// waits for the answer.
  init(_ facts: some Collection<FileFacts>, names: PathNames) {
    standsForFolder = names.entries.map { PathNames.folderFiles.contains($0.stem) }
    let resolver = ImportResolver(names: names)
    var starts: [UInt32] = [0]
    var targets: [UInt32] = []
    var places: [(start: UInt32, end: UInt32)] = []
    var reverse: [(from: UInt32, to: UInt32)] = []
    for (number, item) in facts.enumerated() {
      var seen: Set<Int> = []
      for statement in Task.isCancelled ? [] : item.tables.imports {
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
