/// What the files of a repository say about each other: who imports whom, which test belongs to which file, where names
/// are defined, and which chunks share rare words. Immutable, without text; about a fifth of the source's size at most.
///
/// The order in which files are given does not matter. To follow a changing folder, see `WorkspaceContext`.
public struct ContextIndex: Sendable {
  /// Paths of the files, sorted.
  public let paths: [String]
  /// Chunks by words.
  let chunks: ChunkPostings
  /// Definitions by name.
  let definitions: DefinitionTable
  /// Imports between files, in both directions.
  let imports: ImportGraph
  /// Test ↔ implementation.
  let tests: FileLinks
  /// `TestLinks.family` of each file, as a number.
  let families: [UInt16]
  private let familyNumbers: [Substring: UInt16]

  /// Builds the index. Complexity: linear in the facts, besides sorting paths and definitions.
  ///
  /// - Parameter files: Each path at most once; of two with one path the first counts.
  public init(_ files: [(path: String, facts: FileFacts)]) {
    self.init(paths: files.map(\.path)) { files[$0].facts }
  }

  /// Builds the index of files whose facts need not be in memory all at once.
  ///
  /// - Parameters:
  ///   - files: Each path at most once; of two with one path the first counts.
  ///   - read: The facts of the file at a place in `files`; asked several times for each.
  public init(paths files: [String], facts read: @escaping (Int) -> FileFacts) {
    var order = files.indices.sorted {
      Self.isBefore(files[$0], files[$1]) || $0 < $1 && !Self.isBefore(files[$1], files[$0])
    }
    var last: String?
    order.removeAll { file in
      defer { last = files[file] }
      return files[file] == last
    }
    paths = order.map { files[$0] }
    let facts = order.lazy.map { read($0) }
    let names = PathNames(paths)
    chunks = ChunkPostings(facts)
    definitions = DefinitionTable(facts)
    imports = ImportGraph(facts, names: names)
    tests = TestLinks.links(names)
    var numbers: [Substring: UInt16] = [:]
    families = names.entries.map { entry in
      let family = TestLinks.family(entry.file)
      // A folder with more suffixes than that has no code.
      let number = numbers[family] ?? UInt16(clamping: numbers.count)
      numbers[family] = number
      return number
    }
    familyNumbers = numbers
  }

  /// The number of a path's family; nil when no file of the index has it.
  func family(of path: String) -> UInt16? {
    familyNumbers[TestLinks.family(path.split(separator: "/").last ?? "")]
  }

  /// Number of files.
  public var fileCount: Int { paths.count }
  /// Number of chunks.
  public var chunkCount: Int { chunks.count }

  /// The number of a file; nil when the index does not have it.
  func file(_ path: String) -> Int? {
    var low = 0
    var high = paths.count
    while low < high {
      let middle = (low + high) / 2
      if Self.isBefore(paths[middle], path) { low = middle + 1 } else { high = middle }
    }
    return low < paths.count && paths[low] == path ? low : nil
  }

  /// By bytes: the same on every machine.
  private static func isBefore(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}

/// Links from files to files as flat rows.
struct FileLinks: Sendable, Equatable {
  /// Row `f` is `starts[f]..<starts[f + 1]`.
  private(set) var starts: [UInt32]
  private(set) var targets: [UInt32]

  /// Builds rows from pairs, each row sorted and without repetition.
  init(count: Int, pairs: [(from: UInt32, to: UInt32)]) {
    let sorted = pairs.sorted { ($0.from, $0.to) < ($1.from, $1.to) }
    starts = [0]
    starts.reserveCapacity(count + 1)
    targets = []
    var index = 0
    for file in 0..<count {
      while index < sorted.count, sorted[index].from == file {
        if targets.count == Int(starts[file]) || targets.last != sorted[index].to {
          targets.append(sorted[index].to)
        }
        index += 1
      }
      starts.append(UInt32(targets.count))
    }
  }

  subscript(file: Int) -> ArraySlice<UInt32> { targets[Int(starts[file])..<Int(starts[file + 1])] }
}
